//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/keys"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/tokens"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
)

// portal is the part of the portal that bans users: its records, keys, tokens, denylist and sign-out notices.
type portal struct {
	records *store.Store
	issuer  *tokens.Issuer
	revoker *revoke.Service
	http    *http.Server
	db      *db.DB
	folder  string
}

// tokenLife is longer than the measurement of a configuration.
const tokenLife = time.Hour

func openPortal(ctx context.Context, rdb redis.UniversalClient, quiet *slog.Logger) (_ *portal, err error) {
	p := &portal{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.folder, err = os.MkdirTemp("", "gatehouse-bench-"); err != nil {
		return nil, err
	}
	if p.db, err = db.Open(ctx, "sqlite:"+p.folder, "portal"); err != nil {
		return nil, err
	}
	if err := p.db.Migrate(ctx); err != nil {
		return nil, err
	}
	if p.records, err = store.New(p.db); err != nil {
		return nil, err
	}
	secret := make([]byte, keys.SecretSize)
	_, _ = rand.Read(secret) // never fails
	manager, err := keys.Open(ctx, keys.Deps{
		Records: p.records, Secret: secret, TokenLife: tokenLife, HintLife: 24 * time.Hour, Now: time.Now, Logger: quiet,
	})
	if err != nil {
		return nil, err
	}
	address, err := p.publish(manager)
	if err != nil {
		return nil, err
	}
	if p.issuer, err = tokens.NewIssuer(manager, address, tokens.Lifetimes{Access: tokenLife}, time.Now); err != nil {
		return nil, err
	}
	return p, p.openRevoker(rdb, quiet)
}

func (p *portal) openRevoker(rdb redis.UniversalClient, quiet *slog.Logger) error {
	log, err := denylist.NewLog(rdb)
	if err != nil {
		return err
	}
	sessions, err := session.New(rdb, session.Options{Service: "portal", Keys: [][]byte{[]byte("of no use here either, 32 bytes")}})
	if err != nil {
		return err
	}
	sender, err := backchannel.New(backchannel.Deps{Records: p.records, Tokens: p.issuer, HTTPClient: http.DefaultClient, Now: time.Now, Logger: quiet})
	if err != nil {
		return err
	}
	p.revoker, err = revoke.New(revoke.Deps{Records: p.records, Log: log, Sessions: sessions, Sender: sender, Now: time.Now, Logger: quiet})
	return err
}

// publish serves what a token verifier needs: the discovery document and the keys.
func (p *portal) publish(manager *keys.Manager) (issuer string, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	issuer = "http://" + ln.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/jwks",
		})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(manager.JWKS())
	})
	p.http = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = p.http.Serve(ln) }()
	return issuer, nil
}

// close releases all resources. It can be called on a partly opened portal.
func (p *portal) close() {
	if p.http != nil {
		_ = p.http.Close()
	}
	if p.db != nil {
		_ = p.db.Close()
	}
	_ = os.RemoveAll(p.folder)
}

// person is a user who has signed in, and their access token.
type person struct {
	id    string
	token string
}

// join creates an account with a sign-in of an hour ago.
func (p *portal) join(ctx context.Context) (*person, error) {
	now := time.Now()
	u := store.User{
		ID: tokens.NewID(), Name: "Somebody", Roles: []string{"customer"}, PasswordHash: "none",
		CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now,
	}
	u.Email = u.ID + "@example.com"
	u.EmailNormalised = u.Email
	in := store.SignIn{
		SID: tokens.NewID(), UserID: u.ID, CreatedAt: now.Add(-time.Hour), LastSeenAt: now, UserAgent: "bench", IP: "192.0.2.1", Replica: "portal-1",
	}
	if err := p.records.Register(ctx, u, in); err != nil {
		return nil, err
	}
	// The jti has two parts, like those of tokens that can be refreshed: every check looks up both.
	raw, err := p.issuer.Access(tokens.Person{Subject: u.ID, SID: in.SID, AuthTime: in.CreatedAt}, "bench", audience,
		tokens.NewID()+"."+tokens.NewID(), []string{scope})
	return &person{id: u.ID, token: raw}, err
}

// ban bans a user as the admin console does, and returns when the console would say "done".
func (p *portal) ban(ctx context.Context, who *person) (revoke.Receipt, error) {
	done, err := p.revoker.Revoke(ctx, revoke.Request{
		UserID: who.id, Reason: revoke.Banned, Note: "measured", By: "bench",
		With: []store.Change{store.BanUser(who.id, "measured", time.Time{}, time.Now())},
	})
	if err == nil && !done.Confirmed {
		err = fmt.Errorf("the portal could not tell anybody of ban %s", done.ID)
	}
	return done, err
}
