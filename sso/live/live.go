package live

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

// The addresses that Mount serves.
const (
	StreamPath = "/auth/live"
	StatePath  = "/auth/state"
)

// Watcher knows which sign-ins are over. [denylist.Mirror] is one; [Sessions] is
// another, for an app that has no mirror.
type Watcher interface {
	// Check is nil, denylist.ErrDenied, or an error that says that nobody knows.
	Check(sub, sid, jti string, authenticated time.Time) error
	// Why is what ended a sign-in, if that can be told.
	Why(ctx context.Context, sub, sid, jti string, authenticated time.Time) (denylist.Entry, bool)
	// Watch delivers once what ended the sign-in, at once if that has happened before.
	Watch(sub, sid string, authenticated time.Time) (hit <-chan denylist.Entry, stop func())
}

// Options are what a Handler needs. Those from Keys on may be left out.
type Options struct {
	Client   string // this app's client id: "shop"
	Sessions *session.Store
	Watcher  Watcher

	// Keys seal the tickets of pages, and are the same on all replicas of an app. The first seals, all open. Without any,
	// tickets are read by this replica only.
	Keys [][]byte
	// Name is what people call a client: "Shop" for "shop"; "" if nobody knows.
	Name   func(clientID string) string
	Logger *slog.Logger

	PerPerson  int           // streams of one person at a time; 16
	PerReplica int           // streams at a time; 10,000
	Beat       time.Duration // between signs of life; 15 s
	Life       time.Duration // of one stream, about; 5 min
}

// Handler answers open tabs.
type Handler struct {
	Options
	crowd   crowd
	tickets ticketSealer
	servers sync.Map // *http.Server → chan struct{}, closed when it shuts down
}

// New makes a Handler. It refuses a missing dependency.
func New(o Options) (*Handler, error) {
	switch {
	case o.Client == "":
		return nil, errors.New("live: the client id is missing")
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

// Mount serves the addresses.
func (h *Handler) Mount(e *echo.Echo) {
	e.GET(StreamPath, h.Stream)
	e.GET(StatePath, h.State)
}

// Streams is the number of tabs that listen.
func (h *Handler) Streams() int { return h.crowd.size() }

// Page is what a page carries to be told of its sign-in's end. None of it opens
// anything.
type Page struct {
	Ticket string // for StatePath, in the header Live-Ticket
	Person string // the same for all pages of one person
	SignIn string // the same for all pages of one sign-in
}

// Page is that of a sign-in.
func (h *Handler) Page(sub, sid string, authenticated time.Time) Page {
	return Page{Ticket: h.tickets.seal(visit{sub, sid, authenticated}), Person: name("person", sub), SignIn: signIn(sub, sid)}
}

// visit is a sign-in as the denylist knows it.
type visit struct {
	sub, sid      string
	authenticated time.Time
}

// name is a short name for s that does not tell s.
func name(kind, s string) string {
	sum := sha256.Sum256([]byte(kind + "\n" + s))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// signIn names a sign-in; some providers have no sid.
func signIn(sub, sid string) string {
	if sid == "" {
		return name("sign-in of", sub)
	}
	return name("sign-in", sid)
}

// visitor is whose session a request comes with, nil for a guest's. Only our own pages
// may ask: what another site makes a browser open would only use up streams.
func (h *Handler) visitor(c echo.Context) (*visit, error) {
	c.Response().Header().Set("Cache-Control", "no-store")
	switch c.Request().Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return nil, echo.NewHTTPError(http.StatusForbidden, "Only pages of this app may ask.")
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

// unavailable is the answer while nobody can tell: the tab comes again later.
func unavailable(c echo.Context, err error) error {
	c.Response().Header().Set("Retry-After", "2")
	return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
}
