package rp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/loopback"
	"gatehouse.example/sso/luascript"
	"gatehouse.example/sso/seal"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/signoutpush"
	"gatehouse.example/sso/trace"
)

// Config configures an app as a relying party. Fields without another default than zero are optional.
type Config struct {
	Issuer       string // of the provider, exactly as in its discovery document
	ClientID     string
	ClientSecret string // empty for a public client
	BaseURL      string // this app's origin as browsers see it; also the audience of its API
	Service      string // names cookies and keys in Redis

	// Keys seal what this app stores in Redis and in browsers (sessions, tokens, sign-ins in progress). Each is at
	// least 16 random bytes, better 32, and the same on all replicas. The first seals, all open. To rotate, put the new
	// key first and remove the old one after Absolute.
	Keys [][]byte

	// AppName returns the display name of a client of the provider, for "You signed out in Shop". If it is nil or
	// returns "", the message says "another app".
	AppName func(clientID string) string

	// SignedOut answers a browser that returns from signing out; the default redirects to /.
	SignedOut http.HandlerFunc

	// ErrorHandler answers requests that fail, with an [*Error] or another error; the default is WriteError.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, err error)

	// ClientIP returns the address of a request's browser; the default is that of the connection.
	ClientIP func(r *http.Request) string

	Redis redis.UniversalClient
	// Denied, if given, refuses what was revoked, on every replica at once. It follows the provider's own Redis.
	Denied     Denylist
	Replica    string        // "shop-2"; sent to the provider
	Scopes     []string      // besides openid; default profile, email, roles, and offline_access at Gatehouse's portal
	RolesClaim string        // roles claim in ID token or userinfo; default roles, or a path such as realm_access.roles
	HTTPClient *http.Client  // for requests to the provider; the default has a timeout
	Logger     *slog.Logger  // default slog.Default()
	Idle       time.Duration // see session.Options
	Absolute   time.Duration // see session.Options; with Denied at most a day
	Now        func() time.Time

	// Unread, if given, tells open tabs how many unread notifications their user has.
	Unread signoutpush.Unread

	// Trace, if given, records the steps of each sign-in.
	Trace trace.Recorder
}

// maxDenied is how long the denylist certainly keeps an entry: a session that lasts longer would be allowed again
// afterwards.
const maxDenied = 24 * time.Hour

// Denylist knows what was revoked. [denylist.Mirror] is one.
type Denylist interface {
	Check(sub, sid, jti string, authenticated time.Time) error
	Watch(sub, sid string, authenticated time.Time) (hit <-chan denylist.Entry, stop func())
	Why(ctx context.Context, sub, sid, jti string, authenticated time.Time) (denylist.Entry, bool)
}

// RP is a relying party: the part of an app that handles sign-in.
type RP struct {
	Config
	provider *provider
	sessions *session.Store
	flows    *flows
	scripts  *luascript.Runner
	tokens   *tokens
	live     *signoutpush.Handler
	secure   bool
}

// New returns an app's relying party, with defaults for what c leaves out. It returns an error if a required field is
// missing or invalid. It does not use the network: the provider may start later than the app.
func New(c Config) (*RP, error) {
	base, err := url.Parse(c.BaseURL)
	switch {
	case c.Issuer == "" || c.ClientID == "" || c.Service == "":
		return nil, errors.New("rp: issuer, client id and service are required")
	case c.Redis == nil:
		return nil, errors.New("rp: Redis is missing")
	case len(c.Keys) == 0:
		return nil, errors.New("rp: Keys is empty; set a random key of 32 bytes")
	case err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https"):
		return nil, fmt.Errorf("rp: base URL %q is not an origin such as https://shop.example.com", c.BaseURL)
	case c.Denied != nil && c.Absolute > maxDenied:
		return nil, fmt.Errorf("rp: sessions of %s outlive denylist entries, which are kept for %s", c.Absolute, maxDenied)
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	if c.HTTPClient == nil {
		c.HTTPClient = DefaultClient(c.Issuer)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.SignedOut == nil {
		c.SignedOut = func(w http.ResponseWriter, _ *http.Request) { _ = redirect(w, http.StatusSeeOther, "/") }
	}
	if c.ErrorHandler == nil {
		c.ErrorHandler = logErrors(c.Logger, WriteError)
	}
	if c.ClientIP == nil {
		c.ClientIP = func(r *http.Request) string {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			return host
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Trace == nil {
		c.Trace = trace.Discard{}
	}
	if c.Absolute <= 0 {
		c.Absolute = session.DefaultAbsolute
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

// DefaultClient returns an HTTP client for requests to issuer. It has timeouts, and finds a provider below localhost.
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

// Sessions returns the store of the app's sessions.
func (a *RP) Sessions() *session.Store { return a.sessions }

// Run refreshes the provider's keys until ctx ends, so that a replica without requests has a new key, too. It is
// optional.
func (a *RP) Run(ctx context.Context) error { return a.provider.keys.Run(ctx) }

// KIDs returns the ids of the provider's signing keys that this replica has loaded.
func (a *RP) KIDs() []string { return a.provider.keys.KIDs() }

// Paths of the endpoints. Register the callback and the signed-out path with the provider (redirect_uris,
// post_logout_redirect_uris), and the last one as backchannel_logout_uri.
const (
	SignInPath     = "/auth/sign-in"
	CallbackPath   = "/auth/callback"
	SignOutPath    = "/auth/sign-out"
	SignedOutPath  = "/auth/signed-out"
	BackchannelURI = "/auth/backchannel-logout"
)

// Endpoint is an endpoint of the sign-in flow.
type Endpoint struct {
	Method, Path string
	Handler      http.Handler
}

// Endpoints returns the endpoints that an app must serve. Sign-out refuses forms of other origins.
func (a *RP) Endpoints() []Endpoint {
	return []Endpoint{
		{http.MethodGet, SignInPath, a.identify(a.handler(a.signIn))},
		{http.MethodGet, CallbackPath, a.identify(a.handler(a.callback))},
		{http.MethodPost, SignOutPath, http.NewCrossOriginProtection().Handler(a.identify(a.handler(a.signOut)))},
		{http.MethodGet, SignedOutPath, a.identify(a.handler(a.signedOut))},
		{http.MethodPost, BackchannelURI, a.handler(a.backchannel)},
		{http.MethodGet, signoutpush.StreamPath, http.HandlerFunc(a.live.Stream)}, // for open tabs
		{http.MethodGet, signoutpush.StatePath, http.HandlerFunc(a.live.State)},
	}
}

// Mount registers the endpoints on mux.
func (a *RP) Mount(mux *http.ServeMux) {
	for _, e := range a.Endpoints() {
		mux.Handle(e.Method+" "+e.Path, e.Handler)
	}
}

func (a *RP) redirectURI() string { return a.BaseURL + CallbackPath }
