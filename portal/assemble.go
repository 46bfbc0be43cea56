package portal

import (
	"cmp"
	"context"
	"time"

	"gatehouse.example/events"
	"gatehouse.example/events/unread"
	"gatehouse.example/portal/account"
	"gatehouse.example/portal/admin"
	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/clients"
	"gatehouse.example/portal/codes"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/oidc"
	"gatehouse.example/portal/password"
	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
	"gatehouse.example/sso/signoutpush"
	"gatehouse.example/sso/trace"
)

// absoluteSession is the default maximum age of a portal session.
const absoluteSession = 7 * 24 * time.Hour

// assemble creates the components and connects them.
func assemble(ctx context.Context, d Deps) (*App, error) {
	var locked []string
	if !d.Demo { // an earlier start may have created them, and their password is published
		locked = account.DemoIDs()
	}
	records, err := store.New(d.DB, locked...)
	if err != nil {
		return nil, err
	}
	a := &App{cleanup: &cleanup{records: records, now: d.Now, log: d.Logger}}
	a.clients, err = clients.NewRegistry(ctx, clients.Deps{
		Records: records, Declared: d.Clients, PlainHTTP: !d.Estate.Secure(), Now: d.Now, Logger: d.Logger,
	})
	if err != nil {
		return nil, err
	}
	d.Lifetimes.Absolute = cmp.Or(d.Lifetimes.Absolute, absoluteSession)
	a.keys, err = keys.Open(ctx, keys.Deps{
		Records: records, Secret: d.Key, OldSecrets: d.OldKeys, TokenLife: d.Lifetimes.Tokens.Longest(), HintLife: d.Lifetimes.Absolute, Now: d.Now, Logger: d.Logger,
	})
	if err != nil {
		return nil, err
	}
	issuer, err := tokens.NewIssuer(a.keys, d.Estate.URL(service), d.Lifetimes.Tokens, d.Now)
	if err != nil {
		return nil, err
	}
	secrets := append([][]byte{d.Key}, d.OldKeys...)
	recovery := sessionRecovery{records: records, now: d.Now, log: d.Logger}
	sessions, err := session.New(d.Redis, session.Options{
		Service: service, Keys: secrets, Secure: d.Estate.Secure(), Idle: d.Lifetimes.Idle, Absolute: d.Lifetimes.Absolute, Now: d.Now,
		Recover: recovery.recoverSession, Seen: recovery.recordUse,
	})
	if err != nil {
		return nil, err
	}
	if a.unread, err = unread.New(d.Redis, d.Logger); err != nil {
		return nil, err
	}
	a.tabs, err = signoutpush.New(signoutpush.Options{
		Client: service, Sessions: sessions, Watcher: d.Denied, Keys: secrets, ClientName: d.Estate.Name, Logger: d.Logger, Unread: a.unread,
	})
	if err != nil {
		return nil, err
	}
	if a.relay, err = events.NewRelay(d.DB, d.Redis, d.Logger); err != nil {
		return nil, err
	}
	a.sender, err = backchannel.New(backchannel.Deps{Records: records, Tokens: issuer, HTTPClient: d.HTTPClient, Now: d.Now, Logger: d.Logger})
	if err != nil {
		return nil, err
	}
	log, err := denylist.NewLog(d.Redis)
	if err != nil {
		return nil, err
	}
	a.revoker, err = revoke.New(revoke.Deps{
		Records: records, Log: log, Sessions: sessions, Sender: a.sender, Now: d.Now, Logger: d.Logger, Bound: d.Denied.Bound(), NotifyRelay: a.relay.Notify,
	})
	if err != nil {
		return nil, err
	}
	codeStore, err := codes.New(d.Redis, secrets...)
	if err != nil {
		return nil, err
	}
	traces, err := trace.NewLog(d.Redis, d.Logger)
	if err != nil {
		return nil, err
	}
	a.protocol, err = oidc.New(oidc.Deps{
		Clients: a.clients, Records: records, Codes: codeStore, Sessions: sessions, Revoker: a.revoker, Denied: d.Denied, Issuer: issuer, Keys: a.keys,
		Secret: d.Key, Now: d.Now, Logger: d.Logger, NotifyRelay: a.relay.Notify, Trace: traces, Replica: d.Replica,
		RefreshLife: d.Lifetimes.Refresh, ReplayWindow: d.Lifetimes.ReplayWindow,
	})
	if err != nil {
		return nil, err
	}
	if err := a.addPages(ctx, d, records, sessions); err != nil {
		return nil, err
	}
	a.console, err = admin.New(admin.Deps{
		Store: records, Revoker: a.revoker, Pages: a.pages, Log: log, Clients: a.clients, Keys: a.keys, Estate: d.Estate, Now: d.Now, Logger: d.Logger,
	})
	return a, err
}

// addPages creates the account pages, and the demo accounts if they are enabled.
func (a *App) addPages(ctx context.Context, d Deps, records *store.Store, sessions *session.Store) error {
	hasher, err := password.NewHasher(d.Passwords)
	if err != nil {
		return err
	}
	limiter, err := ratelimit.New(d.Redis, d.Key, d.SignIns)
	if err != nil {
		return err
	}
	if d.Demo {
		if err := account.SeedDemo(ctx, records, hasher, d.Now()); err != nil {
			return err
		}
	}
	a.pages, err = account.New(account.Deps{
		Store: records, Sessions: sessions, Hasher: hasher, Limiter: limiter, Revoker: a.revoker,
		Estate: d.Estate, Now: d.Now, Logger: d.Logger, NotifyRelay: a.relay.Notify, Demo: d.Demo, FormTargets: a.protocol.FormTargets,
	})
	return err
}
