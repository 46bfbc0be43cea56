package rp

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse/sso/seal"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

// ErrNoToken says that this person's sign-in gives no (more) access tokens, as
// when the provider issued no refresh token or has revoked it.
var ErrNoToken = errors.New("rp: no access token can be had for this sign-in")

const (
	// spare is how long a token must live on to be used.
	spare = 30 * time.Second
	// refreshLock bounds how long one replica may refresh while others wait.
	refreshLock = 10 * time.Second
)

// tokenSet is what the provider issued for one sign-in.
type tokenSet struct {
	IDToken string               `json:"id"`
	Refresh string               `json:"refresh,omitempty"`
	Access  map[string]issuedFor `json:"access,omitempty"` // by audience
}

type issuedFor struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// tokens keeps the tokens of sign-ins in Redis, apart from the sessions, which
// every request reads, and encrypted, so that a dump of Redis opens nothing.
type tokens struct {
	config   Config
	provider *provider
	rdb      redis.UniversalClient
	sealer   *seal.Sealer

	flight  singleflight.Group
	mu      sync.Mutex
	service map[string]issuedFor // client-credentials tokens, by audience and scope
}

func newTokens(c Config, p *provider) (*tokens, error) {
	sealer, err := seal.New("gatehouse rp: tokens of "+c.Service, c.Keys...)
	if err != nil {
		return nil, fmt.Errorf("rp: %w", err)
	}
	return &tokens{config: c, provider: p, rdb: c.Redis, sealer: sealer, service: map[string]issuedFor{}}, nil
}

func (t *tokens) key(kind, sid string) string {
	return "gatehouse:" + t.config.Service + ":" + kind + ":" + sid
}

func (t *tokens) save(ctx context.Context, sid string, res *tokenResponse) error {
	return t.write(ctx, sid, &tokenSet{IDToken: res.IDToken, Refresh: res.RefreshToken}, false)
}

func (t *tokens) write(ctx context.Context, sid string, set *tokenSet, onlyIfThere bool) error {
	raw, err := json.Marshal(set)
	if err != nil {
		return err
	}
	sealed := t.sealer.Seal(compress(raw), sid)
	args := redis.SetArgs{TTL: t.config.Absolute}
	if onlyIfThere { // a sign-out meanwhile wins
		args.Mode = "XX"
	}
	if err := t.rdb.SetArgs(ctx, t.key("tokens", sid), sealed, args).Err(); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("rp: tokens: %w", err)
	}
	return nil
}

func (t *tokens) load(ctx context.Context, sid string) (*tokenSet, error) {
	sealed, err := t.rdb.Get(ctx, t.key("tokens", sid)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, ErrNoToken
	case err != nil:
		return nil, fmt.Errorf("rp: tokens: %w", err)
	}
	raw, err := t.sealer.Open(sealed, sid)
	if err != nil { // another secret's, or something else: as good as none
		return nil, ErrNoToken
	}
	var set tokenSet
	if err := json.NewDecoder(flate.NewReader(bytes.NewReader(raw))).Decode(&set); err != nil {
		return nil, ErrNoToken
	}
	return &set, nil
}

// compress returns raw, which is mostly base64, in three quarters of its size.
func compress(raw []byte) []byte {
	var small bytes.Buffer
	w, _ := flate.NewWriter(&small, flate.HuffmanOnly) // fails for unknown levels only
	_, _ = w.Write(raw)                                // a buffer takes everything
	_ = w.Close()
	return small.Bytes()
}

func (t *tokens) forget(ctx context.Context, sid string) error {
	if err := t.rdb.Del(ctx, t.key("tokens", sid)).Err(); err != nil {
		return fmt.Errorf("rp: tokens: %w", err)
	}
	return nil
}

// AccessToken is the signed-in person's own access token for a sibling's API
// (RFC 8707). It fails with ErrNoToken when the provider gives none.
func (a *RP) AccessToken(ctx context.Context, c echo.Context, audience string) (string, error) {
	p := Person(c)
	if p == nil {
		return "", ErrNoToken
	}
	return a.tokens.access(ctx, p.SID, audience)
}

func (t *tokens) access(ctx context.Context, sid, audience string) (string, error) {
	for {
		set, err := t.load(ctx, sid)
		if err != nil {
			return "", err
		}
		if have, ok := set.Access[audience]; ok && have.Expires.After(t.config.Now().Add(spare)) {
			return have.Token, nil
		}
		if set.Refresh == "" {
			return "", ErrNoToken
		}
		// Lock, reload, then refresh: a refresh token is spent once, however many
		// replicas and requests of this browser want one now.
		owner := rand.Text()
		lock := t.key("refresh-lock", sid)
		mine, err := t.rdb.SetNX(ctx, lock, owner, refreshLock).Result()
		if err != nil {
			return "", fmt.Errorf("rp: tokens: %w", err)
		}
		if mine {
			token, err := t.refresh(ctx, sid, audience)
			// The lock may have run out and be another's by now.
			if t.rdb.Get(ctx, lock).Val() == owner {
				_ = t.rdb.Del(ctx, lock).Err()
			}
			return token, err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (t *tokens) refresh(ctx context.Context, sid, audience string) (string, error) {
	set, err := t.load(ctx, sid)
	if err != nil {
		return "", err
	}
	now := t.config.Now()
	if have, ok := set.Access[audience]; ok && have.Expires.After(now.Add(spare)) {
		return have.Token, nil
	}
	res, err := t.provider.token(ctx, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {set.Refresh}, "resource": {audience},
	})
	if no := (*refusal)(nil); errors.As(err, &no) {
		if no.Code == "invalid_grant" { // used up or revoked: don't ask again
			set.Refresh = ""
			_ = t.write(ctx, sid, set, true)
		}
		return "", fmt.Errorf("%w: %w", ErrNoToken, err)
	}
	if err != nil {
		return "", err
	}
	if res.RefreshToken != "" {
		set.Refresh = res.RefreshToken
	}
	if set.Access == nil {
		set.Access = map[string]issuedFor{}
	}
	for aud, have := range set.Access {
		if have.Expires.Before(now) {
			delete(set.Access, aud)
		}
	}
	set.Access[audience] = issuedFor{res.AccessToken, now.Add(time.Duration(res.ExpiresIn) * time.Second)}
	return res.AccessToken, t.write(ctx, sid, set, true)
}

// ServiceToken is an access token of the app itself, for nobody in particular
// (client credentials, RFC 6749 §4.4). It is kept until shortly before it expires.
func (a *RP) ServiceToken(ctx context.Context, audience string, scopes ...string) (string, error) {
	t := a.tokens
	key := audience + " " + strings.Join(scopes, " ")
	t.mu.Lock()
	have, ok := t.service[key]
	t.mu.Unlock()
	if ok && have.Expires.After(t.config.Now().Add(spare)) {
		return have.Token, nil
	}
	// Who comes meanwhile waits for the same token, each no longer than they want to.
	asked := t.flight.DoChan(key, func() (any, error) {
		return t.serviceToken(context.WithoutCancel(ctx), key, audience, scopes)
	})
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case got := <-asked:
		token, _ := got.Val.(string)
		return token, got.Err
	}
}

func (t *tokens) serviceToken(ctx context.Context, key, audience string, scopes []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {audience}}
	if len(scopes) > 0 {
		form.Set("scope", strings.Join(scopes, " "))
	}
	res, err := t.provider.token(ctx, form)
	if err != nil {
		return "", err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.service[key] = issuedFor{res.AccessToken, t.config.Now().Add(time.Duration(res.ExpiresIn) * time.Second)}
	return res.AccessToken, nil
}
