package rp

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"gatehouse.example/sso/seal"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/singleflight"
)

// ErrNoToken is returned when there is no access token for this sign-in, for example because the provider issued no
// refresh token or has revoked it.
var ErrNoToken = errors.New("rp: no access token is available for this sign-in")

const (
	// minValidity is the minimum remaining validity of a token that is used.
	minValidity = 30 * time.Second
	// refreshLock is how long one replica's lock to refresh a token lasts.
	refreshLock = 10 * time.Second
)

// tokenSet holds the tokens of one sign-in.
type tokenSet struct {
	IDToken string               `json:"id"`
	Refresh string               `json:"refresh,omitempty"`
	Access  map[string]issuedFor `json:"access,omitempty"` // by audience
}

type issuedFor struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// tokens stores the tokens of sign-ins in Redis, apart from the sessions, which every request reads, and encrypted, so
// that they can't be used from a dump of Redis.
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
	if onlyIfThere { // don't restore tokens after a sign-out
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
	if err != nil { // sealed with another key, or invalid: treated as missing
		return nil, ErrNoToken
	}
	var set tokenSet
	if err := json.NewDecoder(decompress(raw)).Decode(&set); err != nil {
		return nil, ErrNoToken
	}
	return &set, nil
}

// writers are reused, since each allocates several hundred kilobytes.
var writers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.HuffmanOnly) // fails for unknown levels only
	return w
}}

// compress returns raw, which is mostly base64, in three quarters of its size.
func compress(raw []byte) []byte {
	var small bytes.Buffer
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(&small)
	_, _ = w.Write(raw) // a buffer takes everything
	_ = w.Close()
	return small.Bytes()
}

// decompress returns a reader of what compress was given, or of a record that an earlier version stored as JSON.
func decompress(stored []byte) io.Reader {
	if bytes.HasPrefix(stored, []byte("{")) { // compress writes no first block that is also the last, as { would be
		return bytes.NewReader(stored)
	}
	return flate.NewReader(bytes.NewReader(stored))
}

func (t *tokens) delete(ctx context.Context, sid string) error {
	if err := t.rdb.Del(ctx, t.key("tokens", sid)).Err(); err != nil {
		return fmt.Errorf("rp: tokens: %w", err)
	}
	return nil
}

// AccessToken returns the access token of r's user for the API of another app (RFC 8707), and refreshes it if
// needed. It returns ErrNoToken if there is none.
func (a *RP) AccessToken(r *http.Request, audience string) (string, error) {
	p := From(r)
	if p == nil {
		return "", ErrNoToken
	}
	return a.tokens.access(r.Context(), p.SID, audience)
}

func (t *tokens) access(ctx context.Context, sid, audience string) (string, error) {
	for {
		set, err := t.load(ctx, sid)
		if err != nil {
			return "", err
		}
		if have, ok := set.Access[audience]; ok && have.Expires.After(t.config.Now().Add(minValidity)) {
			return have.Token, nil
		}
		if set.Refresh == "" {
			return "", ErrNoToken
		}
		// Lock, reload, then refresh: a refresh token may be used only once, although several replicas and requests of
		// this browser need one now.
		owner := rand.Text()
		lock := t.key("refresh-lock", sid)
		mine, err := t.rdb.SetNX(ctx, lock, owner, refreshLock).Result()
		if err != nil {
			return "", fmt.Errorf("rp: tokens: %w", err)
		}
		if mine {
			token, err := t.refresh(ctx, sid, audience)
			// The lock may have expired and belong to another replica.
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
	if have, ok := set.Access[audience]; ok && have.Expires.After(now.Add(minValidity)) {
		return have.Token, nil
	}
	res, err := t.provider.token(ctx, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {set.Refresh}, "resource": {audience},
	})
	if no := (*refusal)(nil); errors.As(err, &no) {
		if no.Code == "invalid_grant" { // used or revoked: don't try it again
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

// ServiceToken returns an access token of the app itself, without a user (client credentials, RFC 6749 §4.4). The token
// is cached until shortly before it expires.
func (a *RP) ServiceToken(ctx context.Context, audience string, scopes ...string) (string, error) {
	t := a.tokens
	key := audience + " " + strings.Join(scopes, " ")
	t.mu.Lock()
	have, ok := t.service[key]
	t.mu.Unlock()
	if ok && have.Expires.After(t.config.Now().Add(minValidity)) {
		return have.Token, nil
	}
	// Concurrent callers wait for the same token, each until its own ctx ends.
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
