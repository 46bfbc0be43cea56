package signon

import "gatehouse.example/apps/academy/lab"

// stopped returns a step that is complete once the attack has been refused.
func stopped(control, finding string, s lab.Step) lab.Step {
	s.ID, s.Control = control, control
	s.Seen = func(f lab.Findings) bool { return f.Value(finding) == 1 }
	return s
}

// steps returns the guided path.
func steps() []lab.Step {
	return []lab.Step{
		{
			ID: "sign-in", Title: "First, as it should be", Control: "sign-in",
			Do:     "Sign in at the bank, without an attacker. Look at the table of requests: which went through the browser, and which from server to server?",
			Result: "The bank knows you as **{{signed-in}}**, after {{hops}} hops. {{back-hops}} of them never touched the browser.",
			Why: "Everything that goes through the browser can be seen and changed there: by history, extensions, logs or someone else's link. So the flow sends only a code that way. " +
				"It is worth nothing by itself, and each of the next steps shows one reason why.",
			Seen: func(f lab.Findings) bool { return f.Has("signed-in") && f.Value("back-hops") > 0 },
		},
		stopped("login-csrf", "refused-state", lab.Step{
			Title: "A link with someone else's code",
			Do:    "Mallory signs in with *her own* account, stops before the last hop, and sends you the link that she was to follow. You click on it.",
			Expect: &lab.Expect{Question: "Who are you at the bank afterwards?",
				Options: []string{"Mallory: the code in the link is hers, and it is good", "Still a guest: the bank refuses the link", "Yourself: you have your own cookie"}, Right: 1},
			Result: "The bank answered: {{refused-state}}. Afterwards it treated you as {{who-after-csrf}}.",
			Why: "The code is good, but `state` is not yours: the bank remembers which browser began which sign-in. Without it you would be signed in as Mallory without noticing, and whatever you enter, " +
				"such as your card's number, ends up in her account (RFC 9700, section 4.7).",
		}),
		stopped("stolen-code", "refused-pkce", lab.Step{
			Title: "Your code in Mallory's browser",
			Do:    "You sign in, but the address with your code leaks, from a log or an extension. Mallory begins a sign-in of her own, so that her `state` is right, and puts *your* code into her answer.",
			Expect: &lab.Expect{Question: "Everything matches her browser except the code. Who notices?",
				Options: []string{"No one: the bank has a valid state and a valid code", "The bank, by state", "The provider, when the bank wants to exchange the code"}, Right: 2},
			Result: "The provider answered the bank: {{refused-pkce}}. Mallory is {{who-after-injection}} there.",
			Why: "When you began, the bank sent the hash of a random `code_verifier` along, and keeps the verifier. For Mallory's sign-in it has another one, whose hash does not fit your code. " +
				"Without PKCE she would be in your account: client secret and `state` are both in order (RFC 7636; RFC 9700, section 4.5).",
		}),
		stopped("replayed-token", "refused-nonce", lab.Step{
			Title: "An ID token from before",
			Do:    "Mallory has got hold of an answer of the token endpoint from one of your earlier sign-ins. You sign in again, and on the line between bank and provider she puts the old answer in the new one's place.",
			Expect: &lab.Expect{Question: "The old ID token has a good signature, the right audience, and has not expired. Is it accepted?",
				Options: []string{"Yes, it is genuine", "No, it belongs to another request"}, Right: 1},
			Result: "The bank refused it: {{refused-nonce}}.",
			Why: "The bank sent a fresh `nonce` with the request, and the provider wrote it into the ID token, under its signature. The old token holds the old nonce. Without it any genuine token of yours " +
				"would do, as often as Mallory likes until it expires (OpenID Connect Core, section 3.1.3.7).",
		}),
		stopped("code-twice", "refused-replayed-code", lab.Step{
			Title: "A code, a second time",
			Do:    "Mallory has recorded the bank's whole call of the token endpoint: code, verifier and the client's secret. She sends it again, byte for byte.",
			Expect: &lab.Expect{Question: "The provider refuses. What else does it do?",
				Options: []string{"Nothing", "It revokes the tokens that the code gave the first time", "It disables your account"}, Right: 1},
			Result: "The provider answered: {{refused-replayed-code}}. The access token of the first use was then answered with **{{first-token-after}}**.",
			Why: "A code works once. When it comes twice, one of the two was a thief, and the provider can't know which: so it revokes what the first use gave (RFC 6749, section 4.1.2). " +
				"Without that, one recorded call opens the account for as long as the code lives, and the theft goes unnoticed.",
		}),
		stopped("wrong-redirect", "refused-redirect", lab.Step{
			Title: "The answer, please, to my address",
			Do:    "Mallory takes the bank's link to the provider and puts her own server's address into `redirect_uri`. You are signed in at the provider, and click on it.",
			Expect: &lab.Expect{Question: "Where does the provider send your browser?",
				Options: []string{"To Mallory's server, with a code", "To Mallory's server, with an error", "Nowhere: it shows a page of its own"}, Right: 2},
			Result: "The provider answered: {{refused-redirect}}.",
			Why: "An app registers its redirect URIs, and they are compared character by character. Not even the error may be sent there, or the provider would be a link that leads anywhere. " +
				"Without it, your code goes straight to Mallory (RFC 9700, section 4.1).",
		}),
		stopped("mix-up", "refused-issuer", lab.Step{
			Title:  "In another provider's name",
			Do:     "An app can trust several providers, and one of them may be hostile. Mallory's answers the sign-in that you began at the good one: your `state`, and `iss` with her provider's name.",
			Result: "The bank answered: {{refused-issuer}}.",
			Why: "The bank remembers whom it asked, and compares that with `iss` in the answer. Without it the bank may send the good provider's code to the hostile one's token endpoint, and " +
				"so hand it over (RFC 9207; RFC 9700, section 4.4).",
		}),
	}
}
