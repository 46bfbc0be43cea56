package provider

import "gatehouse.example/apps/academy/lab"

// Experiment returns the description of "Someone else's provider".
func Experiment() lab.Experiment {
	return lab.Experiment{
		Name:  "another-provider",
		Title: "Someone else's provider",
		Lead:  "Change three settings, and the bank trusts another OpenID Connect provider.",
		Real: "The bank is a real web app with `sso/rp`, and is not restarted or changed except for the three settings. Provider A is a complete Gatehouse portal; provider B is built from " +
			"[zitadel/oidc](https://github.com/zitadel/oidc), which other people wrote and which knows nothing of Gatehouse. Your browser is an HTTP client with a cookie jar; it fills in each provider's own form. " +
			"Auth0, Okta, Cognito and Keycloak are not asked: what is said of them is what their documentation says.",
		Memory: 192 << 20,
		Params: []lab.Param{trust},
		Controls: []lab.Control{
			{Name: "sign-in", Label: "Sign in at the bank", Icon: "log-in", Group: "You", Primary: true, Hint: "With a fresh browser: the provider asks for your password."},
			{Name: "settings", Label: "Change the settings", Icon: "settings", Group: "The bank", Hint: "The other provider's are filled in. What you leave empty is taken from there.", Fields: []lab.Param{
				{Name: "issuer", Label: "Issuer", Type: lab.Text, Max: 200},
				{Name: "client-id", Label: "Client id", Type: lab.Text, Max: 100},
				{Name: "client-secret", Label: "Client secret", Type: lab.Text, Max: 200},
			}},
			{Name: "wrong-secret", Label: "Mistype the secret and sign in", Icon: "key-round", Group: "Mistakes", Danger: true},
			{Name: "wrong-issuer", Label: "Add a slash to the issuer and sign in", Icon: "slash", Group: "Mistakes", Danger: true},
			{Name: "trust", Label: "Put a provider's own settings in", Icon: "undo-2", Group: "The bank", Fields: []lab.Param{trust}},
		},
		Steps: steps(),
		Path:  func(setup lab.Args) { setup[trust.Name] = idA }, // the path changes from A to B
		Open:  open,
	}
}

var trust = lab.Param{Name: "provider", Label: "The bank trusts", Type: lab.Choice, Default: idA, Options: []lab.Option{
	{Value: idA, Label: "Provider A (Gatehouse)"}, {Value: idB, Label: "Provider B (zitadel/oidc)"},
}}

// steps returns the guided path.
func steps() []lab.Step {
	return []lab.Step{
		{
			ID: "first", Title: "The provider that the bank knows", Control: "sign-in",
			Do:     "Sign in. The bank trusts provider A, and your browser fills in A's form.",
			Result: "The bank knows you as **{{signed-in-a}}**. For it you are `{{sub-a}}` of `{{issuer-a}}`.",
			Why: "The bank has three settings: issuer, client id and client secret. All else it read from the issuer's discovery document: where to send you, where to exchange the code, and with which keys " +
				"tokens are signed.",
			Seen: func(f lab.Findings) bool { return f.Value("signed-in-a") == 1 },
		},
		{
			ID: "settings", Title: "Three settings", Control: "settings",
			Do: "Provider B has registered the bank, too. Enter its three settings.",
			Expect: &lab.Expect{Question: "How many lines of the bank's code change?",
				Options: []string{"None", "Those with the addresses of the endpoints", "All that has to do with tokens"}, Right: 0},
			Result: "**{{settings-changed}}** settings have changed: {{which-changed}}. The bank runs the same code.",
			Why: "That is what a standard is for. Compare the two discovery documents in the table: other paths, other algorithms, other extras. The bank never wrote any of them down " +
				"(OpenID Connect Discovery, section 4).",
			Seen: func(f lab.Findings) bool { return f.Value("settings-changed") == 3 },
		},
		{
			ID: "second", Title: "The same app, another provider", Control: "sign-in",
			Do: "Sign in again. Your email is the same at both.",
			Expect: &lab.Expect{Question: "Are you the same person for the bank?",
				Options: []string{"Yes, by the email address", "No: another issuer, another sub"}, Right: 1},
			Result: "You are **{{signed-in-b}}**, but `{{sub-b}}` of `{{issuer-b}}`. Before you were `{{sub-a}}`.",
			Why: "A `sub` means something only together with its `iss` (OpenID Connect Core, section 5.7). Moving users from one provider to another is work: someone has to match old and new accounts, " +
				"and an equal email address alone is no proof.",
			Seen: func(f lab.Findings) bool { return f.Value("signed-in-b") == 1 },
		},
		{
			ID: "secret", Title: "A wrong secret", Control: "wrong-secret",
			Do: "One character of the client secret is wrong. Sign in.",
			Expect: &lab.Expect{Question: "When does it fail?",
				Options: []string{"When the bank starts", "Before you see a form", "After your password, when the bank wants to exchange the code"}, Right: 2},
			Result: "Your password was right, and then the bank answered {{refused-wrong-secret}}.",
			Why: "The secret is only used from server to server, at the token endpoint. Until then it isn't used. So test a whole sign-in after every change of a secret; that the form " +
				"appears proves nothing.",
			Seen: func(f lab.Findings) bool { return f.Value("refused-wrong-secret") == 1 },
		},
		{
			ID: "issuer", Title: "A wrong issuer", Control: "wrong-issuer",
			Do: "The secret is right again. Now the issuer has an extra slash at the end, a common mistake. Sign in.",
			Expect: &lab.Expect{Question: "The slash leads to the same discovery document. Does it matter?",
				Options: []string{"No, the address is effectively the same", "Yes, the issuer must be equal, character by character"}, Right: 1},
			Result: "You saw no form. The bank answered {{refused-wrong-issuer}}.",
			Why: "The document names its issuer, and it must be exactly the one that was asked (OpenID Connect Discovery, section 4.3). Otherwise anyone who can publish a document could pose as any provider. " +
				"It works the other way round, too: Auth0's issuers end with a slash, which must not be left out.",
			Seen: func(f lab.Findings) bool { return f.Value("refused-wrong-issuer") == 1 },
		},
	}
}
