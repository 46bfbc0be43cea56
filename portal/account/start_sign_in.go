package account

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/cookies"
	"gatehouse.example/sso/session"
	"gatehouse.example/web"
)

// maxUserAgent is the length to which a User-Agent is cut for storage, in bytes.
const maxUserAgent = 400

// deviceCookieLifetime is the lifetime of a device cookie, with which a browser remembers that it has signed in to an
// account.
const deviceCookieLifetime = 365 * 24 * time.Hour

// startSignIn signs u in on this browser: it creates a sign-in and a session, and ends those that the browser had.
// persist stores the sign-in. If it fails, startSignIn ends the new session and does not send its cookie.
func (p *Pages) startSignIn(c echo.Context, u store.User, persist func(store.SignIn) error) error {
	ctx := c.Request().Context()
	olds, err := p.Sessions.All(c.Request())
	if err != nil {
		return asUnavailable(err)
	}
	for _, old := range olds { // if the browser sends several, some may be of other users
		if err := revoke.Confirmed(p.Revoker.Revoke(ctx, revoke.Request{SID: old.SID, Reason: revoke.Replaced})); err != nil {
			return asUnavailable(err)
		}
	}
	now, err := p.newAuthTime(ctx, u.ID)
	if err != nil {
		return err
	}
	in := store.SignIn{
		SID: rand.Text(), UserID: u.ID, CreatedAt: now, LastSeenAt: now,
		UserAgent: cleanHeader(c.Request().UserAgent(), maxUserAgent), IP: cleanHeader(web.ClientIP(c), 64), Replica: web.Replica(c),
	}
	key, send, err := p.startSession(c, u, in, time.Time{})
	if err != nil {
		return err
	}
	in.SessionKey = key
	if err := persist(in); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, undo := p.Sessions.EndSignIns(ctx, in.SID); undo != nil {
			err = errors.Join(err, undo)
		}
		return asUnavailable(err)
	}
	send()
	p.endSurplus(c, u.ID)
	p.Sessions.MarkIssued(c.Response())
	p.setDeviceCookie(c, u)
	p.NotifyRelay()
	return nil
}

// newAuthTime returns the auth_time of a sign-in that begins now. It is not before the user's last sign-out
// everywhere, by the clock of the replica that handled it, since the denylist would deny an earlier one.
func (p *Pages) newAuthTime(ctx context.Context, userID string) (time.Time, error) {
	now := p.Now().UTC()
	before, err := p.Store.SignedOutBefore(ctx, userID)
	if before.After(now) {
		now = before.UTC()
	}
	return now, err
}

// renewSession gives the browser a new session of its sign-in, with the same absolute expiry, and ends the previous
// one.
func (p *Pages) renewSession(c echo.Context, v *visitor) error {
	key, send, err := p.startSession(c, v.user, v.signIn, v.record.CreatedAt)
	if err != nil {
		return err
	}
	if err := p.Store.SetSessionKey(c.Request().Context(), v.signIn.SID, key, p.Now()); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	send()
	return nil
}

// startSession starts a session with a new id for a sign-in. began is when the first session of the sign-in started;
// zero means now. It returns the session's key in Redis, and a function that adds its cookie to the response.
func (p *Pages) startSession(c echo.Context, u store.User, in store.SignIn, began time.Time) (key string, send func(), err error) {
	later := cookieJar{}
	key, err = p.Sessions.Start(c.Request().Context(), later, c.Request(), session.Record{
		Subject: u.ID, SID: in.SID, Name: u.Name, Email: u.Email, Roles: u.Roles, AuthTime: in.CreatedAt, CreatedAt: began,
	})
	if err != nil {
		return "", nil, asUnavailable(err)
	}
	return key, func() {
		for _, cookie := range later["Set-Cookie"] {
			c.Response().Header().Add("Set-Cookie", cookie)
		}
	}, nil
}

// cookieJar holds the cookies of a response until they may be sent.
type cookieJar http.Header

func (j cookieJar) Header() http.Header       { return http.Header(j) }
func (cookieJar) Write(b []byte) (int, error) { return len(b), nil }
func (cookieJar) WriteHeader(int)             {}

func (p *Pages) deviceCookieName() string {
	if p.Estate.Secure() {
		return "__Host-portal_device"
	}
	return "portal_device"
}

// readDeviceCookie returns the browser's device cookie for account (package ratelimit), "" if it has none.
func (p *Pages) readDeviceCookie(c echo.Context, account ratelimit.Account) string {
	return p.Limiter.ChooseDeviceCookie(cookies.Values(c.Request(), p.deviceCookieName(), ratelimit.IsDeviceCookie), account)
}

// attemptsAccount returns the account of a sign-in attempt with this email. u is the zero User if there is none.
func attemptsAccount(email string, u store.User) ratelimit.Account {
	return ratelimit.Account{Email: email, UserID: u.ID, Generation: u.DeviceGeneration}
}

// setDeviceCookie sets the device cookie, with which the browser remembers that it has signed in to the account of u.
func (p *Pages) setDeviceCookie(c echo.Context, u store.User) {
	account := attemptsAccount(u.EmailNormalised, u)
	c.SetCookie(&http.Cookie{
		Name: p.deviceCookieName(), Value: p.Limiter.IssueDeviceCookie(p.readDeviceCookie(c, account), account), Path: "/", MaxAge: int(deviceCookieLifetime / time.Second),
		HttpOnly: true, Secure: p.Estate.Secure(), SameSite: http.SameSiteLaxMode,
	})
}

// cleanHeader cuts a request header's value to maxBytes, and removes control characters and invalid UTF-8, which a
// database might refuse.
func cleanHeader(s string, maxBytes int) string {
	if len(s) > maxBytes {
		s = s[:maxBytes]
	}
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
