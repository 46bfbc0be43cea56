package signon

import "gatehouse.example/apps/academy/lab"

// Experiment returns the description of "Single sign-on, seen".
func Experiment() lab.Experiment {
	return lab.Experiment{
		Name:  "single-sign-on-seen",
		Title: "Single sign-on, seen",
		Lead:  "Play the attacker: six attacks on a sign-in, and the check that stops each.",
		Real: "The bank is a real web app with `sso/rp`, the package that Shop, Forum and Academy use. The provider is a complete Gatehouse portal with a database and a Redis of its own, with two accounts: " +
			"yours and Mallory's. Browsers are HTTP clients with cookie jars; each hop is a real request. Your own account and your own sign-in have no part in it. " +
			"What would happen without a defence is described, not shown: the packages have no switch to turn one off. The bank's error page here also shows the cause, which otherwise is only in the log.",
		Memory: 160 << 20,
		Controls: []lab.Control{
			{Name: "sign-in", Label: "Sign in at the bank", Icon: "log-in", Group: "You", Primary: true, Hint: "The whole flow, without an attacker."},
			{Name: "login-csrf", Label: "Slip you Mallory's link", Icon: "link", Group: "Mallory attacks", Danger: true, Hint: "Login CSRF. Stopped by state."},
			{Name: "stolen-code", Label: "Redeem your stolen code", Icon: "key-round", Group: "Mallory attacks", Danger: true, Hint: "Code injection. Stopped by PKCE."},
			{Name: "replayed-token", Label: "Replay an old ID token", Icon: "history", Group: "Mallory attacks", Danger: true, Hint: "Stopped by nonce."},
			{Name: "code-twice", Label: "Use a code a second time", Icon: "copy", Group: "Mallory attacks", Danger: true, Hint: "Stopped by the provider's memory of codes."},
			{Name: "wrong-redirect", Label: "Ask for the answer to go elsewhere", Icon: "signpost", Group: "Mallory attacks", Danger: true, Hint: "Stopped by registered redirect URIs."},
			{Name: "mix-up", Label: "Answer in another provider's name", Icon: "shuffle", Group: "Mallory attacks", Danger: true, Hint: "Mix-up. Stopped by iss in the answer."},
		},
		Steps: steps(),
		Open:  open,
	}
}
