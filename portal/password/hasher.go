package password

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"
)

// ErrBusy says that so many passwords are waiting to be hashed already that this one was turned away at once.
// The client may try again in a second or two (503 with Retry-After).
var ErrBusy = errors.New("password: too many passwords are waiting to be hashed")

// Recommended are OWASP's parameters for argon2id: 19 MiB, two passes, one lane. One lane, because each core is
// busy with a sign-in of its own when it matters, and lanes would only add the cost of meeting.
var Recommended = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// maxBytes bounds what is handed to the hash. A password that [Policy.Check] accepts is never longer.
const maxBytes = MaxRunes * utf8.UTFMax

// Options tune a [Hasher]. The zero value is right for production.
type Options struct {
	// Params of new hashes; [Recommended] when zero. A hash made with others is still checked, and reported as
	// in need of a rehash.
	Params argon2id.Params
	// Slots is how many hashes may be computed at once; GOMAXPROCS when zero.
	Slots int
	// Queue is how many more may wait for a slot; 64 for each slot when zero (about two seconds' worth).
	Queue int
}

// Hasher hashes and checks passwords, a bounded number at a time. It is safe for concurrent use.
type Hasher struct {
	params argon2id.Params
	slots  *semaphore.Weighted
	places int64        // slots and queue together
	inside atomic.Int64 // callers in a slot or in the queue
	count  atomic.Int64
	dummy  string
}

// NewHasher makes a Hasher. It computes no hash, so it costs nothing at start.
func NewHasher(o Options) (*Hasher, error) {
	if o.Params == (argon2id.Params{}) {
		o.Params = Recommended
	}
	if o.Params.Iterations < 1 || o.Params.Parallelism < 1 || o.Params.SaltLength < 8 || o.Params.KeyLength < 16 {
		return nil, fmt.Errorf("password: argon2id parameters out of range: %+v", o.Params)
	}
	if o.Slots <= 0 {
		o.Slots = runtime.GOMAXPROCS(0)
	}
	if o.Queue <= 0 {
		o.Queue = 64 * o.Slots
	}
	return &Hasher{
		params: o.Params,
		slots:  semaphore.NewWeighted(int64(o.Slots)),
		places: int64(o.Slots + o.Queue),
		dummy:  dummy(o.Params),
	}, nil
}

// Hash returns the hash of a password in PHC string format ("$argon2id$v=19$m=…"), with a fresh salt. The
// password should have passed [Policy.Check]. It waits for a slot: ErrBusy when the queue is full, ctx's error
// when ctx ends first.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	hash, err := argon2id.CreateHash(norm.NFC.String(password), &h.params)
	if err != nil {
		return "", fmt.Errorf("password: hash: %w", err)
	}
	return hash, nil
}

// Verify tells whether password is the one that hash was made from, and if so whether the hash should be made
// anew because the parameters have changed since. An empty hash means that there is no such person: the answer
// is false, after the same work. Errors are as for [Hasher.Hash]; a hash that cannot be read is an error.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (ok, rehash bool, err error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	nobody := hash == ""
	if nobody {
		hash = h.dummy
	}
	// Nothing this long was ever accepted as a password; it is compared all the same, for the time it takes.
	tooLong := len(password) > 4*maxBytes
	if tooLong {
		password = ""
	}
	match, params, err := argon2id.CheckHash(norm.NFC.String(password), hash)
	if err != nil {
		return false, false, fmt.Errorf("password: read the stored hash: %w", err)
	}
	ok = match && !nobody && !tooLong
	return ok, ok && *params != h.params, nil
}

// Count is how many hashes this Hasher has computed. Tests use it to show that two answers cost the same.
func (h *Hasher) Count() int64 { return h.count.Load() }

// enter waits for a slot and returns the function that gives it back.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	if h.inside.Add(1) > h.places {
		h.inside.Add(-1)
		return nil, ErrBusy
	}
	if err := h.slots.Acquire(ctx, 1); err != nil {
		h.inside.Add(-1)
		return nil, fmt.Errorf("password: wait for a slot: %w", err)
	}
	h.count.Add(1)
	return func() {
		h.slots.Release(1)
		h.inside.Add(-1)
	}, nil
}

// dummy is a hash that no password is known for: random salt, random key. Checking against it costs what
// checking against a real one costs, and making it costs nothing.
func dummy(p argon2id.Params) string {
	b := make([]byte, p.SaltLength+p.KeyLength)
	rand.Read(b) // never fails: crypto/rand.Read ends the program instead
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Iterations, p.Parallelism,
		base64.RawStdEncoding.EncodeToString(b[:p.SaltLength]), base64.RawStdEncoding.EncodeToString(b[p.SaltLength:]))
}
