package rp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"gatehouse/sso/denylist"
	"gatehouse/sso/hops"
	"gatehouse/sso/live"
	"gatehouse/sso/loopback"
	"gatehouse/sso/luascript"
	"gatehouse/sso/seal"
	"gatehouse/sso/session"
	"gatehouse/sso/token"
)

// Config is what an app knows of its provider and of itself.
type Config struct {
	Issuer       string // of the provider, exactly as in its discovery document
	ClientID     string
	ClientSecret string // empty for a public client
	BaseURL      string // this app's origin as browsers see it; also the audience of its API
	Service      string // names cookies and keys in Redis

	// Keys seal what this app stores in Redis and in browsers (sessions, tokens, pending sign-ins). Each is at least 16
	// random bytes, better 32, and the same on all replicas. The first seals, all open. To rotate, put the new key first and
	// remove the old one after Absolute.
	Keys [][]byte

	// AppName is what people call a client of the provider, for "You signed out in Shop";
	// nil, or "" for one that nobody knows, is "another app".
	AppName func(clientID string) string

	// SignedOut answers a browser that is back from signing out; a redirect to / unless told.
	SignedOut func(c echo.Context) error

	Redis redis.UniversalClient
	// Denied, if given, refuses what was revoked before its time, on every replica at
	// once. It follows the provider's own Redis.
	Denied     Denylist
	Replica    string        // "shop-2"; the provider is told
	Scopes     []string      // beside openid; profile, email, roles unless told, and offline_access of Gatehouse's portal
	RolesClaim string        // where ID token or userinfo have the roles: roles unless told, or a path such as realm_access.roles
	HTTPClient *http.Client  // for the provider; one with a deadline unless told
	Logger     *slog.Logger  // slog.Default unless told
	Idle       time.Duration // see session.Options
	Absolute   time.Duration // see session.Options; with Denied at most a day
	Now        func() time.Time

	// Hops, if given, is told what happens in each sign-in, request by request.
	Hops hops.Recorder
}

// longestDenied is for how long the denylist certainly remembers what was ended: an app's
// session that lived longer would be let in again afterwards.
const longestDenied = 24 * time.Hour

// Denylist knows what was revoked before its time. [denylist.Mirror] is one.
type Denylist interface {
	Check(sub, sid, jti string, authenticated time.Time) error
	Watch(sub, sid string, authenticated time.Time) (hit <-chan denylist.Entry, stop func())
	Why(ctx context.Context, sub, sid, jti string, authenticated time.Time) (denylist.Entry, bool)
}

// RP is a relying party: the part of an app that deals with sign-in.
type RP struct {
	Config
	provider *provider
	sessions *session.Store
	flows    *flows
	scripts  *luascript.Runner
	tokens   *tokens
	live     *live.Handler
	secure   bool
}

// New is an app's relying party. It does not use the network: the provider may
// start later than the app.
func New(c Config) (*RP, error) {
	base, err := url.Parse(c.BaseURL)
	switch {
	case c.Issuer == "" || c.ClientID == "" || c.Service == "":
		return nil, errors.New("rp: issuer, client id and service are required")
	case c.Redis == nil:
		return nil, errors.New("rp: Redis is missing")
	case len(c.Keys) == 0:
		return nil, errors.New("rp: Keys is empty: give a random key of 32 bytes")
	case err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https"):
		return nil, fmt.Errorf("rp: base URL %q is not an origin such as https://shop.example.com", c.BaseURL)
	case c.Denied != nil && c.Absolute > longestDenied:
		return nil, fmt.Errorf("rp: sessions of %s would outlive the denylist, which remembers for %s", c.Absolute, longestDenied)
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	if c.HTTPClient == nil {
		c.HTTPClient = DefaultClient(c.Issuer)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.SignedOut == nil {
		c.SignedOut = func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, "/") }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Hops == nil {
		c.Hops = hops.Nowhere{}
	}
	if c.Absolute <= 0 {
		c.Absolute = 24 * time.Hour
	}
	a := &RP{Config: c, secure: base.Scheme == "https"}
	if a.sessions, err = session.New(c.Redis, session.Options{
		Service: c.Service, Keys: c.Keys, Secure: a.secure, Idle: c.Idle, Absolute: c.Absolute, Now: c.Now,
	}); err != nil {
		return nil, err
	}
	if a.provider, err = newProvider(c); err != nil {
		return nil, err
	}
	if a.live, err = newLive(c, a.sessions); err != nil {
		return nil, err
	}
	sealer, err := seal.New("gatehouse rp: flow of "+c.Service, c.Keys...)
	if err != nil {
		return nil, err
	}
	a.scripts = luascript.NewRunner(c.Redis)
	a.flows = &flows{rdb: c.Redis, sealer: sealer, now: c.Now, service: c.Service, secure: a.secure}
	a.tokens, err = newTokens(c, a.provider)
	return a, err
}

// DefaultClient is an HTTP client for talking to issuer: it has deadlines, and finds
// a provider below localhost.
func DefaultClient(issuer string) *http.Client {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second,
	}
	if u, err := url.Parse(issuer); err == nil {
		t.DialContext = loopback.Dial(u.Hostname())
	}
	return &http.Client{Transport: t, Timeout: 10 * time.Second}
}

// Sessions are the app's sessions.
func (a *RP) Sessions() *session.Store { return a.sessions }

// Run keeps the provider's keys fresh until ctx ends, so that a replica that nobody
// uses knows of a new one, too. Nothing else depends on it.
func (a *RP) Run(ctx context.Context) error { return a.provider.keys.Run(ctx) }

// KIDs are the ids of the provider's signing keys that this replica knows.
func (a *RP) KIDs() []string { return a.provider.keys.KIDs() }

// The addresses that Mount serves. The callback and the signed-out address are to
// be registered with the provider (redirect_uris, post_logout_redirect_uris), the
// last one as backchannel_logout_uri.
const (
	SignInPath     = "/auth/sign-in"
	CallbackPath   = "/auth/callback"
	SignOutPath    = "/auth/sign-out"
	SignedOutPath  = "/auth/signed-out"
	BackchannelURI = "/auth/backchannel-logout"
)

// Mount adds the middleware that knows who a request is from, and the addresses
// of the sign-in flow.
func (a *RP) Mount(e *echo.Echo) {
	e.Use(a.identify)
	e.GET(SignInPath, a.signIn)
	e.GET(CallbackPath, a.callback)
	e.POST(SignOutPath, a.signOut)
	e.GET(SignedOutPath, a.signedOut)
	e.POST(BackchannelURI, a.backchannel)
	a.live.Mount(e) // live.StreamPath, live.StatePath: for open tabs
}

func (a *RP) redirectURI() string { return a.BaseURL + CallbackPath }

// unavailable is the answer while Redis or the provider is away: the cookie stays
// as it is, and the browser may try again.
func unavailable(c echo.Context, err error) error {
	c.Response().Header().Set("Retry-After", "2")
	return echo.NewHTTPError(http.StatusServiceUnavailable).SetInternal(err)
}

// verifier checks the provider's tokens for audience.
func (c Config) verifier(audience string, keys token.KeySource) (*token.Verifier, error) {
	return token.NewVerifier(c.Issuer, audience, keys, c.Now)
}
