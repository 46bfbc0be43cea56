package oidc

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"gatehouse/portal/clients"
	"gatehouse/portal/ephemeral"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/portal/tokens"
	"gatehouse/sso/seal"
	"gatehouse/sso/session"
	"gatehouse/sso/trace"
)

// The paths of the endpoints.
const (
	DiscoveryPath  = "/.well-known/openid-configuration"
	AuthorizePath  = "/oauth/authorize"
	TokenPath      = "/oauth/token"
	UserinfoPath   = "/oauth/userinfo"
	JWKSPath       = "/oauth/jwks"
	RevokePath     = "/oauth/revoke"
	IntrospectPath = "/oauth/introspect"
	LogoutPath     = "/oauth/logout"
	SignedOutPath  = "/signed-out"
	SignInPath     = "/sign-in"
)

// Clients provides the registered clients.
type Clients interface {
	Client(ctx context.Context, id string) (clients.Client, bool)
	KnowsScope(ctx context.Context, scope string) bool
	Scopes(ctx context.Context) []string
}

// Records is the part of the store that the endpoints need.
type Records interface {
	Grantee(ctx context.Context, sid, clientID string, now time.Time) (store.Grantee, error)
	Open(ctx context.Context, g store.Grantee, clientID string, first *store.RefreshToken, now time.Time) (anew bool, err error)
	RefreshToken(ctx context.Context, hash string) (store.RefreshToken, error)
	Rotate(ctx context.Context, hash string, now time.Time, fn func(old store.RefreshToken) (*store.RefreshToken, string, error)) error
}

// Ephemeral stores authorization codes in Redis.
type Ephemeral interface {
	SaveCode(ctx context.Context, c ephemeral.Code) (string, error)
	TakeCode(ctx context.Context, code, grant string, b ephemeral.Binding) (ephemeral.Code, error)
	PutBack(ctx context.Context, code string, c ephemeral.Code) error
	CameAgain(ctx context.Context, code string) (bool, error)
}

// Sessions are the portal's sessions.
type Sessions interface {
	Load(r *http.Request) (*session.Record, error)
	End(ctx context.Context, w http.ResponseWriter, r *http.Request) error
}

// Revoker ends sign-ins, grants and tokens (package revoke).
type Revoker interface {
	Revoke(ctx context.Context, r revoke.Request) (revoke.Receipt, error)
}

// Denied is this replica's copy of the denylist: Check returns nil, denylist.ErrDenied or denylist.ErrStale.
type Denied interface {
	Check(sub, sid, jti string, authenticated time.Time) error
}

// JWKS returns the published keys (RFC 7517 §5) as JSON.
type JWKS interface{ JWKS() []byte }

// Deps are the dependencies of the endpoints. All are required, except those from Recorded on.
type Deps struct {
	Clients   Clients
	Records   Records
	Ephemeral Ephemeral
	Sessions  Sessions
	Revoker   Revoker
	Denied    Denied
	Issuer    *tokens.Issuer
	Keys      JWKS
	Secret    []byte // the portal's, 32 bytes
	Now       func() time.Time
	Logger    *slog.Logger
	Recorded  func()         // called after an event was recorded
	Trace     trace.Recorder // records the steps of each sign-in, for its user to see
	Replica   string

	RefreshLife  time.Duration // lifetime of a family of refresh tokens; default 30 days
	ReplayWindow time.Duration // in which a used refresh token yields its successor again; default 10 s
}

// Handlers are the endpoints.
type Handlers struct {
	Deps
	marker marker
}

// New returns the endpoints, or an error if a dependency is missing.
func New(d Deps) (*Handlers, error) {
	if d.Clients == nil || d.Records == nil || d.Ephemeral == nil || d.Sessions == nil || d.Revoker == nil || d.Denied == nil ||
		d.Issuer == nil || d.Keys == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("oidc: a dependency is missing")
	}
	if d.RefreshLife == 0 {
		d.RefreshLife = 30 * 24 * time.Hour
	}
	if d.ReplayWindow == 0 {
		d.ReplayWindow = 10 * time.Second
	}
	if d.Trace == nil {
		d.Trace = trace.Discard{}
	}
	if d.Recorded == nil {
		d.Recorded = func() {}
	}
	key, err := seal.DeriveKey(d.Secret, "gatehouse portal: re-authentication marker, v2")
	if err != nil {
		return nil, err
	}
	return &Handlers{Deps: d, marker: marker{key: key}}, nil
}
