package ephemeral

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse/portal/tokens"
)

const (
	// codeLife is how long a code waits for its client (RFC 6749 §4.1.2 allows
	// ten minutes; the browser needs one redirect).
	codeLife = time.Minute
	// spentLife is how long it is known that a code was used, and what for. It
	// outlives everything but refresh tokens, whose family it names.
	spentLife = 24 * time.Hour
)

// Code is what an authorization code stands for.
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
	Flow        string    `json:"f,omitempty"` // of sso/hops
}

// ErrNoCode says that a code is unknown or has expired.
var ErrNoCode = errors.New("ephemeral: no such code")

// Spent says that a code was used before. It is an error.
type Spent struct{ Grant string } // the grant that it was exchanged for

// Error does not name the grant, which is no business of a log.
func (s *Spent) Error() string { return "ephemeral: the code was used before" }

// SaveCode keeps what a new code stands for, and returns the code: 256 random bits.
func (s *Store) SaveCode(ctx context.Context, c Code) (string, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("ephemeral: save code: %w", err)
	}
	code := tokens.NewOpaque()
	if err := s.rdb.Set(ctx, codeKey(code), raw, codeLife).Err(); err != nil {
		return "", fmt.Errorf("ephemeral: save code: %w", err)
	}
	return code, nil
}

const (
	// spent marks the tombstone of a used code: JSON never begins like this.
	spent = "spent:"
	// again is at the end of the tombstone of a code that came more than once; no
	// grant's id ends so.
	again = "!"
)

// take swaps a code for its tombstone in one step, so that of two clients who
// come at once one gets the code and the other the tombstone, on which it leaves
// its mark.
var take = redis.NewScript(`
local v = redis.call('GET', KEYS[1])
if v and string.sub(v, 1, 6) ~= 'spent:' then
	redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
elseif v and string.sub(v, -1) ~= '!' then
	redis.call('APPEND', KEYS[1], '!')
end
return v`)

// TakeCode uses up a code for the grant of this id, whatever becomes of it. It
// fails with ErrNoCode, or with *Spent if it was used before (RFC 6749 §4.1.2).
func (s *Store) TakeCode(ctx context.Context, code, grant string) (Code, error) {
	v, err := take.Run(ctx, s.rdb, []string{codeKey(code)}, spent+grant, spentLife.Milliseconds()).Text()
	if errors.Is(err, redis.Nil) {
		return Code{}, ErrNoCode
	}
	if err != nil {
		return Code{}, fmt.Errorf("ephemeral: take code: %w", err)
	}
	if first, used := strings.CutPrefix(v, spent); used {
		return Code{}, &Spent{Grant: strings.TrimSuffix(first, again)}
	}
	var c Code
	if err := json.Unmarshal([]byte(v), &c); err != nil {
		return Code{}, fmt.Errorf("ephemeral: take code: %w", err)
	}
	return c, nil
}

// CameAgain says whether a code that was used up was tried again since.
func (s *Store) CameAgain(ctx context.Context, code string) (bool, error) {
	v, err := s.rdb.Get(ctx, codeKey(code)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("ephemeral: look at a used code: %w", err)
	}
	return strings.HasSuffix(v, again), nil
}

func codeKey(code string) string { return prefix + "code:" + tokens.Hash(code) }
