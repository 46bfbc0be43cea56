package signoutpush

import (
	"gatehouse.example/sso/denylist"
)

// outcome tells a tab why a sign-in has ended.
type outcome struct {
	SignIn string `json:"sign_in,omitempty"`
	Reason string `json:"reason,omitempty"` // a reason of package denylist or of this package
	Text   string `json:"text,omitempty"`   // for the user
	Again  bool   `json:"again"`            // signing in again is possible
}

// texts maps reasons to messages for users.
var texts = map[string]string{
	denylist.EndedElsewhere:  "You signed out this browser from another device",
	denylist.Everywhere:      "You signed out everywhere",
	denylist.PasswordChanged: "Your password was changed on another device",
	denylist.RolesChanged:    "Your roles were changed. Please sign in again.",
	denylist.Banned:          "Your account was banned by an administrator",
	denylist.EndedByAdmin:    "An administrator signed you out",
	denylist.AccountDeleted:  "Your account was deleted",
	denylist.TokenReplay:     "A sign-in token was used twice, so we signed you out to protect your account",
	denylist.Replaced:        "You were signed out by another sign-in in this browser",
	denylist.TooMany:         "You were signed out because you're signed in on too many browsers",
	denylist.ProviderLogout:  "Your identity provider signed you out",
	expired:                  "Your session has expired",
}

// outcomeOf converts an entry into the outcome for the tabs of v.
func (h *Handler) outcomeOf(v signInRef, e denylist.Entry) outcome {
	if e.Reason == "" {
		e.Reason = "unknown" // the sign-in has ended, for an unknown reason
	}
	out := outcome{SignIn: signInID(v.sub, v.sid), Reason: e.Reason, Text: texts[e.Reason]}
	out.Again = e.Reason != denylist.Banned && e.Reason != denylist.AccountDeleted
	switch {
	case e.Reason == denylist.SignedOut && e.Client == h.Client:
		out.Text = "You signed out in another tab" // a sign-in belongs to one browser
	case e.Reason == denylist.SignedOut && h.ClientName(e.Client) != "":
		out.Text = "You signed out in " + h.ClientName(e.Client)
	case e.Reason == denylist.SignedOut:
		out.Text = "You signed out in another app"
	case out.Text == "":
		out.Text = "You have been signed out"
	}
	return out
}
