package live

import (
	"gatehouse/sso/revocation"
)

// outcome is what a tab is told of a sign-in that is over.
type outcome struct {
	SignIn string `json:"sign_in,omitempty"`
	Reason string `json:"reason,omitempty"` // a code of package revocation, or one of ours
	Text   string `json:"text,omitempty"`   // for the person
	Again  bool   `json:"again"`            // signing in again makes sense
}

// texts are what people are told, by reason.
var texts = map[string]string{
	revocation.EndedElsewhere:  "You ended this session on another device",
	revocation.Everywhere:      "You signed out everywhere",
	revocation.PasswordChanged: "Your password was changed on another device",
	revocation.RolesChanged:    "Your roles were changed. Please sign in again.",
	revocation.Banned:          "Your account was banned by an administrator",
	revocation.EndedByAdmin:    "Your session was ended by an administrator",
	revocation.AccountDeleted:  "Your account was deleted",
	revocation.TokenReplay:     "A sign-in token was used twice, so this sign-in was ended to protect you",
	revocation.Replaced:        "Another sign-in in this browser has ended this one",
	revocation.ProviderLogout:  "You were signed out where you had signed in",
	expired:                    "Your session has expired",
}

// tell words an entry for the tabs of v.
func (h *Handler) tell(v visit, e revocation.Entry) outcome {
	if e.Reason == "" {
		e.Reason = "unknown" // it is over all the same
	}
	out := outcome{SignIn: signIn(v.sub, v.sid), Reason: e.Reason, Text: texts[e.Reason]}
	out.Again = e.Reason != revocation.Banned && e.Reason != revocation.AccountDeleted
	switch {
	case e.Reason == revocation.SignedOut && e.Client == h.Client:
		out.Text = "You signed out in another tab" // a sign-in is one browser's
	case e.Reason == revocation.SignedOut && h.Name(e.Client) != "":
		out.Text = "You signed out in " + h.Name(e.Client)
	case e.Reason == revocation.SignedOut:
		out.Text = "You signed out in another app"
	case out.Text == "":
		out.Text = "You have been signed out"
	}
	return out
}
