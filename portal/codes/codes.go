package codes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/portal/tokens"
	"gatehouse.example/sso/seal"
)

const (
	// codeLifetime is the lifetime of a code (RFC 6749 §4.1.2 allows ten minutes; the browser needs one redirect).
	codeLifetime = time.Minute
	// spentLifetime is how long a used code and its grant are remembered. It exceeds the lifetime of everything but
	// refresh tokens, whose family it names.
	spentLifetime = 24 * time.Hour
)

// Store holds the authorization codes in Redis. It is safe for concurrent use.
type Store struct {
	rdb    redis.UniversalClient
	sealer *seal.Sealer
}

// New returns a store in rdb that seals with the first of secrets and opens with all of them. It returns an error if
// there is no secret.
func New(rdb redis.UniversalClient, secrets ...[]byte) (*Store, error) {
	if rdb == nil {
		return nil, errors.New("codes: Redis is needed")
	}
	sealer, err := seal.New("gatehouse portal: authorization codes, v1", secrets...)
	if err != nil {
		return nil, fmt.Errorf("codes: %w", err)
	}
	return &Store{rdb, sealer}, nil
}

// Code is the data of an authorization code.
type Code struct {
	ClientID    string    `json:"c"`
	RedirectURI string    `json:"r"`
	Challenge   string    `json:"p"` // PKCE, S256 (RFC 7636 §4.3)
	Nonce       string    `json:"n,omitempty"`
	Scopes      []string  `json:"s,omitempty"`
	Audience    string    `json:"a,omitempty"` // of RFC 8707's resource; "" for the default
	SID         string    `json:"i"`
	Subject     string    `json:"u"`
	AuthTime    time.Time `json:"t"`
	Flow        string    `json:"f,omitempty"` // of sso/trace
	Tag         string    `json:"b,omitempty"` // of the browser that gets the code, for sso/trace

	record, spent string // set by Take: the value in Redis before, and the sealed grant of the tombstone
}

// ErrNoCode means that a code is unknown, has expired, or was not written by a portal.
var ErrNoCode = errors.New("codes: no such code")

// Spent is the error for a code that was used before.
type Spent struct{ Grant string } // the grant that it was exchanged for

// Error returns a message without the grant, which does not belong in a log.
func (s *Spent) Error() string { return "codes: the code was used before" }

// Binding is what a code is bound to: the token request must match it (RFC 6749 §4.1.3, RFC 7636 §4.6).
type Binding struct {
	ClientID    string
	RedirectURI string
	Challenge   string
}

// Mismatch is the error for a request that does not match the binding of its code.
type Mismatch struct{ Field string } // "client_id", "redirect_uri" or "code_verifier"

// Error names the field.
func (m *Mismatch) Error() string { return "codes: the code is bound to another " + m.Field }

// Save stores c under a new code, and returns the code: 256 random bits.
func (s *Store) Save(ctx context.Context, c Code) (string, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("codes: save code: %w", err)
	}
	code := tokens.NewOpaque()
	raw, err = json.Marshal(record{
		ClientID: c.ClientID, RedirectURI: c.RedirectURI, Challenge: c.Challenge, Sealed: s.sealer.SealText(raw, codeKey(code)),
	})
	if err != nil {
		return "", fmt.Errorf("codes: save code: %w", err)
	}
	if err := s.rdb.Set(ctx, codeKey(code), raw, codeLifetime).Err(); err != nil {
		return "", fmt.Errorf("codes: save code: %w", err)
	}
	return code, nil
}

// record is the value of a code in Redis: its data or, after it was used, its tombstone. Both contain the binding,
// which the script compares. The rest is sealed, with the code as associated data.
type record struct {
	ClientID    string `json:"c"`
	RedirectURI string `json:"r"`
	Challenge   string `json:"p"`
	Sealed      string `json:"x,omitempty"`     // the Code
	Spent       string `json:"spent,omitempty"` // the grant that the code was exchanged for, sealed
	Again       bool   `json:"again,omitempty"` // the used code was presented again
}

// spentName returns the name under which the grant in the tombstone of a code is sealed.
func spentName(code string) string { return codeKey(code) + ":spent" }

// takeScript replaces a code by its tombstone atomically: of two concurrent requests one gets the code, and the other
// gets the tombstone and marks it. A request that does not match the binding changes nothing.
//
// KEYS[1] is the code. ARGV: grant, life of the tombstone in milliseconds, client, redirect URI, challenge.
var takeScript = redis.NewScript(`
local v = redis.call('GET', KEYS[1])
if not v then return v end
local r = cjson.decode(v)
if r.c ~= ARGV[3] or r.r ~= ARGV[4] or r.p ~= ARGV[5] then return v end
if not r.spent then
	redis.call('SET', KEYS[1], cjson.encode({spent = ARGV[1], c = r.c, r = r.r, p = r.p}), 'PX', ARGV[2])
elseif not r.again then
	redis.call('SET', KEYS[1], cjson.encode({spent = r.spent, again = true, c = r.c, r = r.r, p = r.p}), 'KEEPTTL')
end
return v`)

// Take exchanges a code for the grant with this id, and returns its data. It returns ErrNoCode; *Mismatch if the
// request does not match the binding, which leaves the code unchanged; or *Spent if it was used before (RFC 6749
// §4.1.2).
func (s *Store) Take(ctx context.Context, code, grant string, b Binding) (Code, error) {
	spent := s.sealer.SealText([]byte(grant), spentName(code))
	v, err := takeScript.Run(ctx, s.rdb, []string{codeKey(code)}, spent, spentLifetime.Milliseconds(), b.ClientID, b.RedirectURI, b.Challenge).Text()
	if errors.Is(err, redis.Nil) {
		return Code{}, ErrNoCode
	}
	if err != nil {
		return Code{}, fmt.Errorf("codes: take code: %w", err)
	}
	var r record
	if err := json.Unmarshal([]byte(v), &r); err != nil {
		return Code{}, fmt.Errorf("codes: take code: %w", err)
	}
	switch {
	case r.ClientID != b.ClientID:
		return Code{}, &Mismatch{"client_id"}
	case r.RedirectURI != b.RedirectURI:
		return Code{}, &Mismatch{"redirect_uri"}
	case r.Challenge != b.Challenge:
		return Code{}, &Mismatch{"code_verifier"}
	case r.Spent != "":
		first, err := s.sealer.OpenText(r.Spent, spentName(code))
		if err != nil {
			return Code{}, ErrNoCode // not written by a portal
		}
		return Code{}, &Spent{Grant: string(first)}
	}
	var c Code
	raw, err := s.sealer.OpenText(r.Sealed, codeKey(code))
	if err != nil || json.Unmarshal(raw, &c) != nil || (Binding{c.ClientID, c.RedirectURI, c.Challenge}) != b {
		return Code{}, ErrNoCode // not written by a portal
	}
	c.record, c.spent = v, spent
	return c, nil
}

// putBackScript replaces the tombstone that Take left by the code, unless the code was presented again meanwhile.
//
// KEYS[1] is the code. ARGV: sealed grant of the tombstone, value of the code, its life in milliseconds.
var putBackScript = redis.NewScript(`
local v = redis.call('GET', KEYS[1])
if not v then return 0 end
local r = cjson.decode(v)
if r.spent ~= ARGV[1] or r.again then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`)

// PutBack makes a code usable again, for another minute, whose data Take returned as c. It returns ErrNoCode if
// the code was presented again meanwhile.
func (s *Store) PutBack(ctx context.Context, code string, c Code) error {
	done, err := putBackScript.Run(ctx, s.rdb, []string{codeKey(code)}, c.spent, c.record, codeLifetime.Milliseconds()).Bool()
	if err != nil {
		return fmt.Errorf("codes: put a code back: %w", err)
	}
	if !done {
		return ErrNoCode
	}
	return nil
}

// PresentedAgain reports whether a used code was presented again with the right binding.
func (s *Store) PresentedAgain(ctx context.Context, code string) (bool, error) {
	v, err := s.rdb.Get(ctx, codeKey(code)).Bytes()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("codes: look at a used code: %w", err)
	}
	var r record
	if err := json.Unmarshal(v, &r); err != nil {
		return false, fmt.Errorf("codes: look at a used code: %w", err)
	}
	return r.Again, nil
}

func codeKey(code string) string { return "gatehouse:portal:code:" + tokens.Hash(code) }
