package portal

import (
	"context"
	"time"

	"gatehouse/events"
	"gatehouse/portal/account"
	"gatehouse/portal/admin"
	"gatehouse/portal/attempts"
	"gatehouse/portal/backchannel"
	"gatehouse/portal/clients"
	"gatehouse/portal/ephemeral"
	"gatehouse/portal/keys"
	"gatehouse/portal/oidc"
	"gatehouse/portal/password"
	"gatehouse/portal/revoke"
	"gatehouse/portal/store"
	"gatehouse/portal/tokens"
	"gatehouse/sso/denylist"
	"gatehouse/sso/session"
	"gatehouse/sso/signoutpush"
	"gatehouse/sso/trace"
)

// absoluteSession is the default maximum age of a portal session.
const absoluteSession = 7 * 24 * time.Hour

// parts are the components of the portal.
type parts struct {
	clients  *clients.Registry
	keys     *keys.Rotor
	relay    *events.Relay
	sender   *backchannel.Sender
	revoker  *revoke.Service
	upkeep   *upkeep
	protocol *oidc.Handlers
	pages    *account.Pages
	console  *admin.Console
	live     *signoutpush.Handler
}

// assemble creates the components and connects them. Each package knows only the interfaces that it declares.
func assemble(ctx context.Context, d Deps) (p parts, err error) {
	var locked []string
	if !d.Demo { // an earlier start may have created them, and their password is published
		locked = account.DemoIDs()
	}
	records, err := store.New(d.DB, locked...)
	if err != nil {
		return p, err
	}
	p.clients, err = clients.NewRegistry(ctx, clients.Deps{
		Records: records, Declared: d.Clients, PlainHTTP: !d.Estate.Secure(), Now: d.Now, Logger: d.Logger,
	})
	if err != nil {
		return p, err
	}
	if d.Lifetimes.Absolute == 0 {
		d.Lifetimes.Absolute = absoluteSession
	}
	p.keys, err = keys.Open(ctx, keys.Deps{
		Records: records, Secret: d.Key, OldSecrets: d.OldKeys, TokenLife: d.Lifetimes.Tokens.Longest(), HintLife: d.Lifetimes.Absolute, Now: d.Now, Logger: d.Logger,
	})
	if err != nil {
		return p, err
	}
	issuer, err := tokens.NewIssuer(p.keys, d.Estate.URL(service), d.Lifetimes.Tokens, d.Now)
	if err != nil {
		return p, err
	}
	secrets := append([][]byte{d.Key}, d.OldKeys...)
	known := kept{records: records, now: d.Now, log: d.Logger}
	sessions, err := session.New(d.Redis, session.Options{
		Service: service, Keys: secrets, Secure: d.Estate.Secure(), Idle: d.Lifetimes.Idle, Absolute: d.Lifetimes.Absolute, Now: d.Now,
		Recover: known.session, Seen: known.seen,
	})
	if err != nil {
		return p, err
	}
	if p.live, err = newLive(d, sessions); err != nil {
		return p, err
	}
	if p.relay, err = events.NewRelay(d.DB, d.Redis, d.Logger); err != nil {
		return p, err
	}
	p.sender, err = backchannel.New(backchannel.Deps{Records: records, Tokens: issuer, HTTPClient: d.HTTPClient, Now: d.Now, Logger: d.Logger})
	if err != nil {
		return p, err
	}
	log, err := denylist.NewLog(d.Redis)
	if err != nil {
		return p, err
	}
	p.revoker, err = revoke.New(revoke.Deps{
		Records: records, Log: log, Sessions: sessions, Sender: p.sender, Now: d.Now, Logger: d.Logger, Bound: d.Denied.Bound(), Recorded: p.relay.Notify,
	})
	if err != nil {
		return p, err
	}
	short, err := ephemeral.New(d.Redis, secrets...)
	if err != nil {
		return p, err
	}
	seen, err := trace.NewLog(d.Redis, d.Logger)
	if err != nil {
		return p, err
	}
	p.protocol, err = oidc.New(oidc.Deps{
		Clients: p.clients, Records: records, Ephemeral: short, Sessions: sessions, Revoker: p.revoker, Denied: d.Denied, Issuer: issuer, Keys: p.keys,
		Secret: d.Key, Now: d.Now, Logger: d.Logger, Recorded: p.relay.Notify, Trace: seen, Replica: d.Replica,
		RefreshLife: d.Lifetimes.Refresh, ReplayWindow: d.Lifetimes.ReplayWindow,
	})
	if err != nil {
		return p, err
	}
	p.upkeep = &upkeep{records: records, now: d.Now, log: d.Logger}
	if p.pages, err = people(ctx, d, records, sessions, p.revoker, p.relay.Notify, p.protocol); err != nil {
		return p, err
	}
	p.console, err = admin.New(admin.Deps{
		Store: records, Revoker: p.revoker, Visitors: p.pages, Log: log, Clients: p.clients, Keys: p.keys, Estate: d.Estate, Now: d.Now, Logger: d.Logger,
	})
	return p, err
}

// people creates the account pages, and the demo accounts if they are enabled.
func people(ctx context.Context, d Deps, records *store.Store, sessions *session.Store, revoker *revoke.Service, wake func(), protocol *oidc.Handlers) (*account.Pages, error) {
	hasher, err := password.NewHasher(d.Passwords)
	if err != nil {
		return nil, err
	}
	limiter, err := attempts.New(d.Redis, d.Key, d.SignIns)
	if err != nil {
		return nil, err
	}
	if d.Demo {
		if err := account.SeedDemo(ctx, records, hasher, d.Now()); err != nil {
			return nil, err
		}
	}
	return account.New(account.Deps{
		Store: records, Sessions: sessions, Hasher: hasher, Attempts: limiter, Revoker: revoker,
		Estate: d.Estate, Now: d.Now, Logger: d.Logger, Wake: wake, Demo: d.Demo, LeadsTo: protocol.LeadsTo,
	})
}
