package attempts

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"gatehouse/sso/seal"

	"github.com/redis/go-redis/v9"
)

// ErrUnavailable is wrapped by every error that means that Redis did not answer, so that nothing is known.
var ErrUnavailable = errors.New("attempts: Redis did not answer")

// Exceeded says that there were too many attempts, and how long to wait for the next.
type Exceeded struct{ Wait time.Duration }

// Error names the waiting time.
func (e *Exceeded) Error() string { return fmt.Sprintf("attempts: too many; wait %s", e.Wait) }

// Limit is how many attempts fit into a window of time.
type Limit struct {
	Attempts int
	Window   time.Duration
}

// The limits. Those of an account from one address and of a known browser are what a forgetful person may
// need; that of an address leaves room for an office or a school behind one, and above it tries are only slowed
// down, so that one person can't keep everybody behind the address out; that of an account from unknown
// browsers is only ever reached by many addresses together.
var (
	perAccountAndAddress = Limit{Attempts: 6, Window: 15 * time.Minute}
	perDevice            = Limit{Attempts: 10, Window: 15 * time.Minute}
	perAddress           = Limit{Attempts: 60, Window: 15 * time.Minute}
	perAddressPace       = Limit{Attempts: 1, Window: 2 * time.Second} // of an address above perAddress
	perAddressDay        = Limit{Attempts: 1000, Window: 24 * time.Hour}
	perAccount           = Limit{Attempts: 100, Window: time.Hour}
	perConfirmation      = Limit{Attempts: 6, Window: 15 * time.Minute}
	perRegistration      = Limit{Attempts: 60, Window: time.Hour}
	perEmailTaken        = Limit{Attempts: 30, Window: time.Hour} // registrations that told that there is an account
)

// SignIns limits the sign-ins that succeed within ten minutes. Zero fields are the defaults: 20 of one account, and 300
// from one address, where a whole school may sit.
type SignIns struct{ PerAccount, PerAddress int }

const signInsWindow = 10 * time.Minute

// Limiter counts attempts in Redis, alike for every replica. It is safe for concurrent use.
type Limiter struct {
	rdb       redis.UniversalClient
	bucketKey []byte
	deviceKey []byte
	signIns   SignIns
}

// New makes a Limiter. From key (at least 32 secret bytes, the same on every replica) it derives the keys that
// hide names in Redis and sign device cookies.
func New(rdb redis.UniversalClient, key []byte, signIns SignIns) (*Limiter, error) {
	if rdb == nil {
		return nil, errors.New("attempts: Redis client is nil")
	}
	if len(key) < 32 {
		return nil, fmt.Errorf("attempts: the key has %d bytes, want at least 32", len(key))
	}
	bucket, err := seal.DeriveKey(key, "gatehouse attempts buckets")
	if err != nil {
		return nil, fmt.Errorf("attempts: derive a key: %w", err)
	}
	device, err := seal.DeriveKey(key, "gatehouse attempts devices")
	if err != nil {
		return nil, fmt.Errorf("attempts: derive a key: %w", err)
	}
	return &Limiter{rdb: rdb, bucketKey: bucket, deviceKey: device, signIns: SignIns{
		PerAccount: cmp.Or(signIns.PerAccount, 20), PerAddress: cmp.Or(signIns.PerAddress, 300),
	}}, nil
}

// Attempt is one try that has been counted. Tell it when it succeeded; a failed one needs no call.
type Attempt struct {
	limiter *Limiter
	address string // network of it
	buckets []bucket
}

type bucket struct {
	key   string
	limit Limit
	kind  string // one of the constants below
}

const (
	own    = "own"    // a success empties it; the others only get this one attempt back
	shared = "shared" // refuses when it is full
	check  = "check"  // refuses when it is full, and is not counted
	soft   = "soft"   // refuses nothing: when it is full, the pace after it applies
	pace   = "pace"   // refuses when it and the soft one before it are full
)

// Account names the account of a sign-in attempt.
type Account struct {
	Email      string // normalised; there may be no such account
	UserID     string // "" if there is none
	Generation int64  // of the device cookies that count
}

// SignIn counts a try to sign in to an account from address, by a browser with that device cookie ("" for none). It returns *Exceeded when there were too many, and an error that
// wraps ErrUnavailable when Redis does not answer; either way the password must not be looked at.
func (l *Limiter) SignIn(ctx context.Context, account Account, address, device string) (*Attempt, error) {
	address = network(address)
	if id, known := l.device(device, account); known {
		return l.take(ctx, address, bucket{l.name("device", id, account.Email), perDevice, own})
	}
	return l.take(ctx, address,
		bucket{l.name("account and address", account.Email, address), perAccountAndAddress, own},
		bucket{l.name("address", address), perAddress, soft},
		bucket{l.name("address, pace", address), perAddressPace, pace},
		bucket{l.name("address, day", address), perAddressDay, shared},
		bucket{l.name("account", account.Email), perAccount, shared},
	)
}

// Confirm counts a try, from address, to confirm the password within a sign-in. Errors are those of SignIn.
func (l *Limiter) Confirm(ctx context.Context, sid, address string) (*Attempt, error) {
	return l.take(ctx, network(address), bucket{l.name("confirm", sid), perConfirmation, own})
}

// Register counts a registration from address, whether or not it succeeds, and the sign-in that it is. Errors are those
// of SignIn.
func (l *Limiter) Register(ctx context.Context, address string) error {
	address = network(address)
	_, err := l.take(ctx, address,
		bucket{l.name("register", address), perRegistration, shared},
		bucket{l.name("email taken", address), perEmailTaken, check},
		bucket{l.name("address, sign-ins", address), Limit{l.signIns.PerAddress, signInsWindow}, shared},
	)
	return err
}

// EmailTaken counts an answer to address that tells that an account has this email, before it is given. Errors are those
// of SignIn.
func (l *Limiter) EmailTaken(ctx context.Context, address string) error {
	address = network(address)
	_, err := l.take(ctx, address, bucket{l.name("email taken", address), perEmailTaken, shared})
	return err
}

// Succeeded counts a sign-in of the user, empties the attempt's own bucket and gives the attempt back to the shared
// ones. It returns *Exceeded when there were too many sign-ins: then the attempt stays counted, and there must be no
// sign-in. Errors are otherwise those of SignIn.
func (a *Attempt) Succeeded(ctx context.Context, userID string) error {
	l := a.limiter
	keys := []string{l.name("account, sign-ins", userID), l.name("address, sign-ins", a.address)}
	args := []any{l.signIns.PerAccount, l.signIns.PerAddress, signInsWindow.Milliseconds()}
	for _, b := range a.buckets {
		keys, args = append(keys, b.key), append(args, b.kind)
	}
	_, err := waited(succeed.Run(ctx, l.rdb, keys, args...))
	return err
}

// take counts in every bucket that applies, or in none and says how long to wait; -1 says that the pace applied.
var take = redis.NewScript(`
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

// succeed counts in the first two buckets, or says how long to wait; then it gives the attempt back to the others.
var succeed = redis.NewScript(`
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

func (l *Limiter) take(ctx context.Context, network string, buckets ...bucket) (*Attempt, error) {
	keys := make([]string, len(buckets))
	args := make([]any, 0, 3*len(buckets))
	for i, b := range buckets {
		keys[i] = b.key
		args = append(args, b.limit.Attempts, b.limit.Window.Milliseconds(), b.kind)
	}
	paced, err := waited(take.Run(ctx, l.rdb, keys, args...))
	if err != nil {
		return nil, err
	}
	if !paced { // the turn at the address's pace, if there is one, is another attempt's
		buckets = slices.DeleteFunc(buckets, func(b bucket) bool { return b.kind == pace })
	}
	return &Attempt{limiter: l, address: network, buckets: buckets}, nil
}

// waited reads the answer of a script: *Exceeded where there is a time to wait, and whether the pace applied.
func waited(cmd *redis.Cmd) (paced bool, err error) {
	wait, err := cmd.Int64()
	switch {
	case err != nil:
		return false, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case wait > 0:
		return false, &Exceeded{Wait: time.Duration(wait) * time.Millisecond}
	}
	return wait < 0, nil
}

// name is the Redis key of a bucket. The braces keep all of them in one slot of a Redis Cluster, where a script
// may reach them together.
func (l *Limiter) name(kind string, parts ...string) string {
	return "gatehouse:portal:{attempts}:" + mac(l.bucketKey, append([]string{kind}, parts...)...)
}

const macBytes = 18 // 144 bits

// mac authenticates the parts, each with its length so that no two lists read alike.
func mac(key []byte, parts ...string) string {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:macBytes])
}

// network is what counts as one address: an IPv4 address, or the /64 that an IPv6 subscriber gets.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}
