package oidc

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/codes"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/seal"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/trace"
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

// Records is the part of the store that the endpoints need.
type Records interface {
	SignInIdentity(ctx context.Context, sid, clientID string, now time.Time) (store.SignInIdentity, error)
	RecordClientSignIn(ctx context.Context, g store.SignInIdentity, clientID string, first *store.RefreshToken, now time.Time) (anew bool, err error)
	RefreshToken(ctx context.Context, hash string) (store.RefreshToken, error)
	Rotate(ctx context.Context, hash string, now time.Time, fn func(old store.RefreshToken) (*store.RefreshToken, string, error)) error
}

// Deps are the dependencies of the endpoints. All are required, except those from NotifyRelay on.
type Deps struct {
	Clients     *clients.Registry
	Records     Records
	Codes       *codes.Store
	Sessions    *session.Store
	Revoker     *revoke.Service
	Denied      *denylist.Mirror // of this replica
	Issuer      *tokens.Issuer
	Keys        *keys.Manager
	Secret      []byte // the portal's, 32 bytes
	Now         func() time.Time
	Logger      *slog.Logger
	NotifyRelay func()         // called after an event was recorded
	Trace       trace.Recorder // records the steps of each sign-in, for its user to see
	Replica     string

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
	if d.Clients == nil || d.Records == nil || d.Codes == nil || d.Sessions == nil || d.Revoker == nil || d.Denied == nil ||
		d.Issuer == nil || d.Keys == nil || d.Now == nil || d.Logger == nil {
		return nil, errors.New("oidc: a required option is unset")
	}
	d.RefreshLife, d.ReplayWindow = cmp.Or(d.RefreshLife, 30*24*time.Hour), cmp.Or(d.ReplayWindow, 10*time.Second)
	if d.Trace == nil {
		d.Trace = trace.Discard{}
	}
	if d.NotifyRelay == nil {
		d.NotifyRelay = func() {}
	}
	key, err := seal.DeriveKey(d.Secret, "gatehouse portal: re-authentication marker, v2")
	if err != nil {
		return nil, err
	}
	return &Handlers{Deps: d, marker: marker{key: key}}, nil
}
