package ratelimit

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"gatehouse.example/sso/netaddr"
	"gatehouse.example/sso/seal"

	"github.com/redis/go-redis/v9"
)

// ErrUnavailable is wrapped by every error that means that Redis did not answer.
var ErrUnavailable = errors.New("ratelimit: Redis did not answer")

// Exceeded is the error for too many attempts. Wait is the time until the next one is allowed.
type Exceeded struct{ Wait time.Duration }

// Error returns a message with the waiting time.
func (e *Exceeded) Error() string { return fmt.Sprintf("ratelimit: too many; wait %s", e.Wait) }

// Limit is the number of attempts allowed in a window of time.
type Limit struct {
	Attempts int
	Window   time.Duration
}

// The limits. Those per account and address and per known browser allow for a forgetful user. The one per address
// leaves room for an office or a school behind one address; above it attempts are only slowed down, so that one
// person can't lock out all users behind the address. The one per account for unknown browsers is only reached by
// many addresses together.
var (
	perAccountAndAddress = Limit{Attempts: 6, Window: 15 * time.Minute}
	perDevice            = Limit{Attempts: 10, Window: 15 * time.Minute}
	perAddress           = Limit{Attempts: 60, Window: 15 * time.Minute}
	perAddressPace       = Limit{Attempts: 1, Window: 2 * time.Second} // of an address above perAddress
	perAddressDay        = Limit{Attempts: 1000, Window: 24 * time.Hour}
	perAccount           = Limit{Attempts: 100, Window: time.Hour}
	perConfirmation      = Limit{Attempts: 6, Window: 15 * time.Minute}
	perRegistration      = Limit{Attempts: 60, Window: time.Hour}
	perEmailTaken        = Limit{Attempts: 30, Window: time.Hour} // registrations that revealed that an account exists
)

// SignInLimits limits the successful sign-ins within ten minutes. Zero fields mean the defaults: 20 per account, and
// 300 per address, which a whole school may share.
type SignInLimits struct{ PerAccount, PerAddress int }

const signInsWindow = 10 * time.Minute

// Limiter counts attempts in Redis, shared by all replicas. It is safe for concurrent use.
type Limiter struct {
	rdb       redis.UniversalClient
	bucketKey []byte
	deviceKey []byte
	signIns   SignInLimits
}

// New returns a Limiter. From key (at least 32 secret bytes, the same on every replica) it derives the keys that
// hash names in Redis and sign device cookies. It returns an error if rdb is nil or key is too short.
func New(rdb redis.UniversalClient, key []byte, signIns SignInLimits) (*Limiter, error) {
	if rdb == nil {
		return nil, errors.New("ratelimit: Redis client is nil")
	}
	if len(key) < 32 {
		return nil, fmt.Errorf("ratelimit: the key has %d bytes, want at least 32", len(key))
	}
	bucket, err := seal.DeriveKey(key, "gatehouse attempts buckets")
	if err != nil {
		return nil, fmt.Errorf("ratelimit: derive a key: %w", err)
	}
	device, err := seal.DeriveKey(key, "gatehouse attempts devices")
	if err != nil {
		return nil, fmt.Errorf("ratelimit: derive a key: %w", err)
	}
	return &Limiter{rdb: rdb, bucketKey: bucket, deviceKey: device, signIns: SignInLimits{
		PerAccount: cmp.Or(signIns.PerAccount, 20), PerAddress: cmp.Or(signIns.PerAddress, 300),
	}}, nil
}

// Attempt is a counted attempt. Call Succeeded when it succeeded; a failed one needs no call.
type Attempt struct {
	limiter *Limiter
	address string // its network, see netaddr.Network
	buckets []bucket
}

type bucket struct {
	key  string
	max  Limit
	kind string // one of the constants below
}

const (
	kindOwn    = "own"    // a success empties it; the other kinds get only this attempt back
	kindShared = "shared" // refuses when it is full
	kindCheck  = "check"  // refuses when it is full, and is not incremented
	kindSoft   = "soft"   // never refuses: when it is full, the pace bucket after it applies
	kindPace   = "pace"   // refuses when it and the soft bucket before it are full
)

// Account identifies the account of a sign-in attempt.
type Account struct {
	Email      string // normalised; there may be no such account
	UserID     string // "" if there is no such account
	Generation int64  // of the device cookies that are valid
}

// CountSignIn counts an attempt to sign in to an account from address, by a browser with that device cookie ("" for
// none). It returns *Exceeded if there were too many, and an error that wraps ErrUnavailable if Redis does not
// answer; in both cases the caller must not check the password.
func (l *Limiter) CountSignIn(ctx context.Context, account Account, address, device string) (*Attempt, error) {
	address = netaddr.Network(address)
	if id, known := l.readDeviceCookie(device, account); known {
		return l.count(ctx, address, bucket{l.redisKey("device", id, account.Email), perDevice, kindOwn})
	}
	return l.count(ctx, address,
		bucket{l.redisKey("account and address", account.Email, address), perAccountAndAddress, kindOwn},
		bucket{l.redisKey("address", address), perAddress, kindSoft},
		bucket{l.redisKey("address, pace", address), perAddressPace, kindPace},
		bucket{l.redisKey("address, day", address), perAddressDay, kindShared},
		bucket{l.redisKey("account", account.Email), perAccount, kindShared},
	)
}

// CountConfirmation counts an attempt, from address, to confirm the password within a sign-in. It fails as CountSignIn
// does.
func (l *Limiter) CountConfirmation(ctx context.Context, sid, address string) (*Attempt, error) {
	return l.count(ctx, netaddr.Network(address), bucket{l.redisKey("confirm", sid), perConfirmation, kindOwn})
}

// CountRegistration counts a registration from address, whether or not it succeeds, and its sign-in. It fails as
// CountSignIn does.
func (l *Limiter) CountRegistration(ctx context.Context, address string) error {
	address = netaddr.Network(address)
	_, err := l.count(ctx, address,
		bucket{l.redisKey("register", address), perRegistration, kindShared},
		bucket{l.redisKey("email taken", address), perEmailTaken, kindCheck},
		bucket{l.redisKey("address, sign-ins", address), Limit{l.signIns.PerAddress, signInsWindow}, kindShared},
	)
	return err
}

// CountEmailTaken counts an answer to address that reveals that an account has this email; call it before answering. It
// fails as CountSignIn does.
func (l *Limiter) CountEmailTaken(ctx context.Context, address string) error {
	address = netaddr.Network(address)
	_, err := l.count(ctx, address, bucket{l.redisKey("email taken", address), perEmailTaken, kindShared})
	return err
}

// Succeeded counts a sign-in of the user, empties the attempt's own bucket and gives the attempt back to the shared
// ones. It returns *Exceeded if there were too many sign-ins: then the attempt stays counted, and the caller must
// not sign the user in. Otherwise it fails as CountSignIn does.
func (a *Attempt) Succeeded(ctx context.Context, userID string) error {
	l := a.limiter
	keys := []string{l.redisKey("account, sign-ins", userID), l.redisKey("address, sign-ins", a.address)}
	args := []any{l.signIns.PerAccount, l.signIns.PerAddress, signInsWindow.Milliseconds()}
	for _, b := range a.buckets {
		keys, args = append(keys, b.key), append(args, b.kind)
	}
	_, err := scriptResult(succeedScript.Run(ctx, l.rdb, keys, args...))
	return err
}

// countScript increments every bucket that applies, or none, and returns the time to wait in milliseconds; -1 if the
// pace bucket applied.
var countScript = redis.NewScript(`
local wait, paced = 0, false
for i = 1, #KEYS do
  local kind = ARGV[3 * i]
  if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[3 * i - 2]) then
    if kind == 'soft' then
      paced = true
    elseif kind ~= 'pace' or paced then
      wait = math.max(wait, redis.call('PTTL', KEYS[i]), 1)
    end
  end
end
if wait > 0 then return wait end
for i = 1, #KEYS do
  local kind = ARGV[3 * i]
  if kind ~= 'check' and (kind ~= 'pace' or paced) and redis.call('INCR', KEYS[i]) == 1 then
    redis.call('PEXPIRE', KEYS[i], ARGV[3 * i - 1])
  end
end
return paced and -1 or 0`)

// succeedScript increments the first two buckets, or returns the time to wait in milliseconds; if it incremented them,
// it gives the attempt back to the others.
var succeedScript = redis.NewScript(`
local wait = 0
for i = 1, 2 do
  if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[i]) then
    wait = math.max(wait, redis.call('PTTL', KEYS[i]), 1)
  end
end
if wait > 0 then return wait end
for i = 1, 2 do
  if redis.call('INCR', KEYS[i]) == 1 then redis.call('PEXPIRE', KEYS[i], ARGV[3]) end
end
for i = 3, #KEYS do
  if ARGV[i + 1] == 'own' then
    redis.call('DEL', KEYS[i])
  elseif tonumber(redis.call('GET', KEYS[i]) or '0') > 0 then
    redis.call('DECR', KEYS[i])
  end
end
return 0`)

func (l *Limiter) count(ctx context.Context, network string, buckets ...bucket) (*Attempt, error) {
	keys := make([]string, len(buckets))
	args := make([]any, 0, 3*len(buckets))
	for i, b := range buckets {
		keys[i] = b.key
		args = append(args, b.max.Attempts, b.max.Window.Milliseconds(), b.kind)
	}
	paced, err := scriptResult(countScript.Run(ctx, l.rdb, keys, args...))
	if err != nil {
		return nil, err
	}
	if !paced { // the count in the pace bucket, if any, is another attempt's
		buckets = slices.DeleteFunc(buckets, func(b bucket) bool { return b.kind == kindPace })
	}
	return &Attempt{limiter: l, address: network, buckets: buckets}, nil
}

// scriptResult reads the result of a script. It returns *Exceeded if there is a time to wait, and whether the pace
// bucket applied.
func scriptResult(cmd *redis.Cmd) (paced bool, err error) {
	wait, err := cmd.Int64()
	switch {
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case wait > 0:
		return false, &Exceeded{Wait: time.Duration(wait) * time.Millisecond}
	}
	return wait < 0, nil
}

// redisKey returns the Redis key of a bucket. The braces put all of them into one slot of a Redis Cluster, so that a
// script can access them together.
func (l *Limiter) redisKey(kind string, parts ...string) string {
	return "gatehouse:portal:{attempts}:" + mac(l.bucketKey, append([]string{kind}, parts...)...)
}

const macBytes = 18 // 144 bits

// mac returns a MAC of the parts, each prefixed with its length so that different lists have different input.
func mac(key []byte, parts ...string) string {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:macBytes])
}
