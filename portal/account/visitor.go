package account

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/returnto"
	"gatehouse.example/sso/session"
	"gatehouse.example/web"
)

// Keys in echo.Context under which a request's session and user are cached.
const (
	sessionKey = "gatehouse/portal/account.session"
	personKey  = "gatehouse/portal/account.person"
)

type cachedSession struct {
	record   *session.Record
	conflict bool // there are sessions of different users
	err      error
}

// Session returns the portal session of the request, nil for a guest and for a browser that sends sessions of
// different users. It reads Redis at most once for each request. The error wraps session.ErrUnavailable if Redis
// does not answer.
func (p *Pages) Session(c echo.Context) (*session.Record, error) {
	if l, ok := c.Get(sessionKey).(cachedSession); ok {
		return l.record, l.err
	}
	rec, conflict, err := p.Sessions.Identify(c.Response(), c.Request())
	c.Set(sessionKey, cachedSession{rec, conflict, err})
	if rec != nil {
		c.Set(web.SIDKey, rec.SID) // for the log
	}
	return rec, err
}

// hasConflict reports whether the browser sends sessions of different users, so that none is used.
func (p *Pages) hasConflict(c echo.Context) bool {
	_, _ = p.Session(c)
	l, _ := c.Get(sessionKey).(cachedSession)
	return l.conflict
}

// Person returns the user to show in the header: nil for a guest, and while Redis is unavailable.
func (p *Pages) Person(c echo.Context) *components.Person {
	if person, ok := c.Get(personKey).(*components.Person); ok {
		return person
	}
	rec, err := p.Session(c)
	if err != nil || rec == nil {
		return nil
	}
	return &components.Person{ID: rec.Subject, Name: rec.Name, Email: rec.Email, Roles: rec.Roles}
}

// Unavailable reports whether the session can't be loaded, since Redis does not answer.
func (p *Pages) Unavailable(c echo.Context) bool {
	_, err := p.Session(c)
	return err != nil
}

// visitor is the signed-in user with the current sign-in, both as stored in the database, and the session.
type visitor struct {
	user   store.User
	signIn store.SignIn
	record session.Record
}

// loadVisitor returns the signed-in user, nil for a guest. It ends a session whose sign-in has ended or whose user may
// not sign in, and returns nil for it.
func (p *Pages) loadVisitor(c echo.Context) (*visitor, error) {
	rec, err := p.Session(c)
	if err != nil {
		return nil, asUnavailable(err)
	}
	if rec == nil {
		return nil, nil
	}
	ctx := c.Request().Context()
	u, in, err := p.Store.UserAndSignIn(ctx, rec.SID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if err != nil || u.ID != rec.Subject || u.Disabled(p.Now()) || !in.EndedAt.IsZero() {
		if err := p.Sessions.End(ctx, c.Response(), c.Request()); err != nil {
			return nil, asUnavailable(err)
		}
		c.Set(sessionKey, cachedSession{})
		return nil, nil
	}
	if p.Now().Sub(in.LastSeenAt) >= time.Minute {
		if err := p.Store.TouchSignIn(ctx, in.SID, p.Now()); err != nil {
			web.Logger(c).WarnContext(ctx, "cannot store the last-seen time of a sign-in", "error", err, "sid", in.SID)
		}
	}
	c.Set(personKey, headerPerson(u))
	if rec.Name != u.Name || rec.Email != u.Email || !slices.Equal(rec.Roles, u.Roles) {
		// Changed on another device: update the session, so that every page shows it.
		err := p.Sessions.Update(c.Request(), func(r *session.Record) { r.Name, r.Email, r.Roles = u.Name, u.Email, u.Roles })
		if err != nil {
			return nil, asUnavailable(err)
		}
	}
	return &visitor{user: u, signIn: in, record: *rec}, nil
}

// Visitor returns the signed-in user and the current sign-in as stored in the database; ok is false for a guest. It
// is for the console (package admin).
func (p *Pages) Visitor(c echo.Context) (u store.User, in store.SignIn, ok bool, err error) {
	v, err := p.loadVisitor(c)
	if err != nil || v == nil {
		return u, in, false, err
	}
	return v.user, v.signIn, true, nil
}

func headerPerson(u store.User) *components.Person {
	return &components.Person{ID: u.ID, Name: u.Name, Email: u.Email, Roles: u.Roles}
}

// requireSignIn calls handle for a signed-in user, and redirects a guest to the sign-in page, which leads back.
func (p *Pages) requireSignIn(c echo.Context, handle func(echo.Context, *visitor) error) error {
	v, err := p.loadVisitor(c)
	if err != nil {
		return err
	}
	if v == nil {
		back := c.Request().URL.RequestURI()
		if c.Request().Method != http.MethodGet { // return to the page with the form
			back = "/" + strings.SplitN(strings.TrimPrefix(c.Request().URL.Path, "/"), "/", 2)[0]
		}
		return web.RedirectHX(c, "/sign-in?"+url.Values{"return_to": {back}}.Encode())
	}
	return handle(c, v)
}

// maxReturn limits a return_to, in bytes, to the size of a request's header. An authorization request may be long.
const maxReturn = 64 << 10

// returnTo returns raw if it is a path on this site, else the home page.
func returnTo(raw string) string {
	if path := returnto.Within(raw, maxReturn); path != "" {
		return path
	}
	return "/"
}
