package signoutpush

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
)

// Paths at which an app serves Stream and State.
const (
	StreamPath = "/auth/live"
	StatePath  = "/auth/state"
)

// Watcher knows which sign-ins have ended. [denylist.Mirror] is one; [Sessions] is another, for an app that has no
// mirror.
type Watcher interface {
	// Check returns nil, denylist.ErrDenied, or another error if the state is unknown.
	Check(sub, sid, jti string, authenticated time.Time) error
	// Why returns the entry that ended a sign-in, and false if it is unknown.
	Why(ctx context.Context, sub, sid, jti string, authenticated time.Time) (denylist.Entry, bool)
	// Watch returns a channel that receives once the entry that ended the sign-in, at once if that has happened
	// already.
	Watch(sub, sid string, authenticated time.Time) (hit <-chan denylist.Entry, stop func())
}

// Unread knows how many unread notifications a user has.
type Unread interface {
	// Watch returns a channel that receives the number when it changes, and soon after the call.
	Watch(sub string) (numbers <-chan int, stop func())
}

// Options configure a Handler. Those from Keys on are optional.
type Options struct {
	Client   string // this app's client id: "shop"
	Sessions *session.Store
	Watcher  Watcher

	// Keys seal the tickets of pages, and are the same on all replicas of an app. The first seals, all open. Without
	// keys, only this replica can read its tickets.
	Keys [][]byte
	// ClientName returns the display name of a client, "Shop" for "shop", or "" if it has none.
	ClientName func(clientID string) string
	Logger     *slog.Logger
	// Unread, if given, adds the number of the user's unread notifications to the stream.
	Unread Unread

	MaxPerUser    int           // streams of one user at a time; default 16
	MaxPerReplica int           // streams at a time; default 10,000
	BeatInterval  time.Duration // interval of beat events; default 15 s
	StreamTimeout time.Duration // approximate duration of one stream; default 5 min
}

// Handler serves the event stream and the state of sign-ins to open tabs.
type Handler struct {
	Options
	streams streamLimit
	tickets ticketSealer
	servers sync.Map // *http.Server → chan struct{}, closed when it shuts down
}

// New returns a Handler with defaults for what o leaves out. It returns an error if Client, Sessions or Watcher is
// missing, or a key is invalid.
func New(o Options) (*Handler, error) {
	switch {
	case o.Client == "":
		return nil, errors.New("signoutpush: the client id is missing")
	case o.Sessions == nil:
		return nil, errors.New("signoutpush: Sessions is nil")
	case o.Watcher == nil:
		return nil, errors.New("signoutpush: Watcher is nil")
	}
	if o.ClientName == nil {
		o.ClientName = func(string) string { return "" }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.MaxPerUser <= 0 {
		o.MaxPerUser = 16
	}
	if o.MaxPerReplica <= 0 {
		o.MaxPerReplica = 10_000
	}
	if o.BeatInterval <= 0 {
		o.BeatInterval = 15 * time.Second
	}
	if o.StreamTimeout <= 0 {
		o.StreamTimeout = 5 * time.Minute
	}
	h := &Handler{Options: o, streams: streamLimit{maxPerUser: o.MaxPerUser, maxTotal: o.MaxPerReplica, perUser: map[string]int{}}}
	var err error
	h.tickets, err = newTicketSealer(o.Keys, o.Client)
	return h, err
}

// Streams returns the number of open streams.
func (h *Handler) Streams() int { return h.streams.count() }

// Page is the data that a page embeds to watch its sign-in. It is not a credential.
type Page struct {
	StreamURL, StateURL string
	Ticket              string // for StatePath, in the header Live-Ticket
	Person              string // the same for all pages of one person
	SignIn              string // the same for all pages of one sign-in
}

// Page returns the data that a page embeds to watch the given sign-in.
func (h *Handler) Page(sub, sid string, authenticated time.Time) Page {
	return Page{StreamPath, StatePath, h.tickets.seal(signInRef{sub, sid, authenticated}), hashID("person", sub), signInID(sub, sid)}
}

// signInRef is a sign-in as the denylist knows it.
type signInRef struct {
	sub, sid      string
	authenticated time.Time
}

// hashID returns a short identifier for s that does not reveal it.
func hashID(kind, s string) string {
	sum := sha256.Sum256([]byte(kind + "\n" + s))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// signInID returns an identifier of a sign-in. Some providers have no sid; then it is of the sub.
func signInID(sub, sid string) string {
	if sid == "" {
		return hashID("sign-in of", sub)
	}
	return hashID("sign-in", sid)
}

// requestSignIn returns the sign-in of the request's session, or nil for a guest. If it returns false, it has answered:
// requests from other sites, which would only use up streams, with 403.
func (h *Handler) requestSignIn(w http.ResponseWriter, r *http.Request) (v *signInRef, ok bool) {
	w.Header().Set("Cache-Control", "no-store")
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		writeError(w, http.StatusForbidden, "forbidden", "Only pages of this app can use this address.")
		return nil, false
	}
	rec, err := h.Sessions.Peek(r)
	if err != nil {
		h.unavailable(w, r, err)
		return nil, false
	}
	if rec == nil {
		return nil, true
	}
	return &signInRef{rec.Subject, rec.SID, rec.AuthTime}, true
}

// unavailable answers 503 and asks the tab to retry, because the state is unknown.
func (h *Handler) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		h.Logger.ErrorContext(r.Context(), "cannot tell an open tab whether it is signed in", "error", err)
	}
	w.Header().Set("Retry-After", "2")
	writeError(w, http.StatusServiceUnavailable, "unavailable", "We can't tell right now whether you're signed in.")
}

func writeError(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, map[string]string{"error": code, "error_description": message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
