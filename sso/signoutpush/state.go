package signoutpush

import (
	"errors"
	"net/http"

	"gatehouse.example/sso/denylist"
)

// ticketHeader carries a page's ticket; in a URL it would be logged.
const ticketHeader = "Live-Ticket"

// pageIDs identify the signed-in user and sign-in to a tab.
type pageIDs struct {
	Person string `json:"person"`
	SignIn string `json:"sign_in"`
	Ticket string `json:"ticket"`
}

func (h *Handler) newPageIDs(v signInRef) pageIDs {
	p := h.Page(v.sub, v.sid, v.authenticated)
	return pageIDs{p.Person, p.SignIn, p.Ticket}
}

// State handles GET /auth/state: it answers a tab that wakes up with the current sign-in, or with the reason why the
// page's sign-in ended. The reason is empty if it is unknown.
func (h *Handler) State(w http.ResponseWriter, r *http.Request) {
	v, ok := h.requestSignIn(w, r)
	if !ok {
		return
	}
	if v != nil {
		switch err := h.Watcher.Check(v.sub, v.sid, "", v.authenticated); {
		case err == nil:
			writeJSON(w, http.StatusOK, struct {
				SignedIn bool `json:"signed_in"`
				pageIDs
			}{true, h.newPageIDs(*v)})
			return
		case !errors.Is(err, denylist.ErrDenied):
			h.unavailable(w, r, err)
			return
		}
	}
	// The page's own sign-in, which need not be the latest one in this browser.
	if about, ok := h.tickets.open(r.Header.Get(ticketHeader)); ok {
		v = &about
	}
	out := outcome{}
	if v != nil {
		out, _ = h.loadOutcome(r, *v)
	}
	writeJSON(w, http.StatusOK, struct {
		SignedIn bool `json:"signed_in"`
		outcome
	}{false, out})
}

// loadOutcome returns what ended a sign-in, and false if no end is known: the session may be gone because Redis lost
// its data, and the user is still signed in at the provider.
func (h *Handler) loadOutcome(r *http.Request, v signInRef) (outcome, bool) {
	e, ok := h.Watcher.Why(r.Context(), v.sub, v.sid, "", v.authenticated)
	if !ok {
		reason, err := h.Sessions.EndReason(r.Context(), r, v.sub, v.sid, v.authenticated)
		if err != nil {
			return outcome{}, false
		}
		e, ok = entryFor(reason, h.Client)
	}
	if !ok {
		return outcome{}, false
	}
	return h.outcomeOf(v, e), true
}
