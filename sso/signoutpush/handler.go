package signoutpush

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/sso/denylist"
	"gatehouse/sso/session"
)

// Paths that Mount serves.
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

// Options configure a Handler. Those from Keys on are optional.
type Options struct {
	Client   string // this app's client id: "shop"
	Sessions *session.Store
	Watcher  Watcher

	// Keys seal the tickets of pages, and are the same on all replicas of an app. The first seals, all open. Without
	// keys, only this replica can read its tickets.
	Keys [][]byte
	// Name returns the display name of a client, "Shop" for "shop", or "" if it has none.
	Name   func(clientID string) string
	Logger *slog.Logger

	PerPerson  int           // streams of one user at a time; default 16
	PerReplica int           // streams at a time; default 10,000
	Beat       time.Duration // interval of beat events; default 15 s
	Life       time.Duration // approximate duration of one stream; default 5 min
}

// Handler serves the event stream and the state of sign-ins to open tabs.
type Handler struct {
	Options
	crowd   crowd
	tickets ticketSealer
	servers sync.Map // *http.Server → chan struct{}, closed when it shuts down
}

// New returns a Handler with defaults for what o leaves out. It returns an error if Client, Sessions or Watcher is
// missing, or a key is invalid.
func New(o Options) (*Handler, error) {
	switch {
	case o.Client == "":
		return nil, errors.New("signoutpush: the client ID is missing")
	case o.Sessions == nil:
		return nil, errors.New("live: Sessions is nil")
	case o.Watcher == nil:
		return nil, errors.New("live: Watcher is nil")
	}
	if o.Name == nil {
		o.Name = func(string) string { return "" }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.PerPerson <= 0 {
		o.PerPerson = 16
	}
	if o.PerReplica <= 0 {
		o.PerReplica = 10_000
	}
	if o.Beat <= 0 {
		o.Beat = 15 * time.Second
	}
	if o.Life <= 0 {
		o.Life = 5 * time.Minute
	}
	h := &Handler{Options: o, crowd: crowd{perPerson: o.PerPerson, total: o.PerReplica, of: map[string]int{}}}
	var err error
	h.tickets, err = newTicketSealer(o.Keys, o.Client)
	return h, err
}

// Mount registers the handler's routes.
func (h *Handler) Mount(e *echo.Echo) {
	e.GET(StreamPath, h.Stream)
	e.GET(StatePath, h.State)
}

// Streams returns the number of open streams.
func (h *Handler) Streams() int { return h.crowd.size() }

// Page is the data that a page embeds to watch its sign-in. It is not a credential.
type Page struct {
	Ticket string // for StatePath, in the header Live-Ticket
	Person string // the same for all pages of one person
	SignIn string // the same for all pages of one sign-in
}

// Page returns the data that a page embeds to watch the given sign-in.
func (h *Handler) Page(sub, sid string, authenticated time.Time) Page {
	return Page{Ticket: h.tickets.seal(visit{sub, sid, authenticated}), Person: name("person", sub), SignIn: signIn(sub, sid)}
}

// visit is a sign-in as the denylist knows it.
type visit struct {
	sub, sid      string
	authenticated time.Time
}

// name returns a short identifier for s that does not reveal it.
func name(kind, s string) string {
	sum := sha256.Sum256([]byte(kind + "\n" + s))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// signIn returns an identifier of a sign-in. Some providers have no sid; then it is of the sub.
func signIn(sub, sid string) string {
	if sid == "" {
		return name("sign-in of", sub)
	}
	return name("sign-in", sid)
}

// visitor returns the sign-in of the request's session, or nil for a guest. It refuses requests from other sites with
// 403: they would only use up streams.
func (h *Handler) visitor(c echo.Context) (*visit, error) {
	c.Response().Header().Set("Cache-Control", "no-store")
	switch c.Request().Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return nil, echo.NewHTTPError(http.StatusForbidden, "Only pages of this app can use this address.")
	}
	rec, err := h.Sessions.Peek(c.Request())
	if err != nil {
		return nil, unavailable(c, err)
	}
	if rec == nil {
		return nil, nil
	}
	return &visit{rec.Subject, rec.SID, rec.AuthTime}, nil
}

// unavailable returns a 503 error and asks the tab to retry, because the state is unknown.
func unavailable(c echo.Context, err error) error {
	c.Response().Header().Set("Retry-After", "2")
	return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
}
