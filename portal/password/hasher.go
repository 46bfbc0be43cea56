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

// ErrBusy means that the queue of passwords to hash is full. The client may retry in a second or two (503 with
// Retry-After).
var ErrBusy = errors.New("password: too many hashes in progress")

// Recommended are OWASP's parameters for argon2id: 19 MiB, two passes, one lane. More lanes would only add
// synchronisation cost, since under load each core is busy with another sign-in.
var Recommended = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// maxBytes limits a password as typed, before NFC composes it. [Policy.Check] accepts no longer one.
const maxBytes = 4 * MaxRunes * utf8.UTFMax

// Options tune a [Hasher]. The zero value is right for production.
type Options struct {
	// Params of new hashes; [Recommended] when zero. A hash with other parameters is still verified, and reported as
	// in need of a rehash.
	Params argon2id.Params
	// Slots limits the hashes that are computed concurrently; GOMAXPROCS when zero.
	Slots int
	// Queue limits the callers that wait for a slot; 64 for each slot when zero (about two seconds of work).
	Queue int
}

// Hasher hashes and verifies passwords, a bounded number at a time. It is safe for concurrent use.
type Hasher struct {
	params     argon2id.Params
	slots      *semaphore.Weighted
	maxCallers int64        // slots and queue together
	callers    atomic.Int64 // callers in a slot or in the queue
	count      atomic.Int64
	dummy      string
}

// NewHasher returns a Hasher, or an error if the parameters are out of range. It computes no hash.
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
		params:     o.Params,
		slots:      semaphore.NewWeighted(int64(o.Slots)),
		maxCallers: int64(o.Slots + o.Queue),
		dummy:      dummyHash(o.Params),
	}, nil
}

// Hash returns the hash of a password in PHC string format ("$argon2id$v=19$m=…"), with a fresh salt. The password
// should have passed [Policy.Check]. It waits for a slot, and returns ErrBusy if the queue is full, or ctx's error
// if ctx ends first.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	leave, err := h.acquireSlot(ctx)
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

// Verify reports whether hash was made from password, and if so whether it should be replaced since the parameters
// have changed. An empty hash means that there is no such user: the result is false, after the same work. It fails
// as [Hasher.Hash] does, and if the hash can't be read.
func (h *Hasher) Verify(ctx context.Context, password, hash string) (ok, rehash bool, err error) {
	leave, err := h.acquireSlot(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	nobody := hash == ""
	if nobody {
		hash = h.dummy
	}
	// A password of this length is never accepted; it is still compared, so that the time does not reveal that.
	tooLong := len(password) > maxBytes
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

// Count returns the number of hashes computed. Tests use it to show that two answers cost the same.
func (h *Hasher) Count() int64 { return h.count.Load() }

// acquireSlot waits for a slot and returns the function that releases it.
func (h *Hasher) acquireSlot(ctx context.Context) (leave func(), err error) {
	if h.callers.Add(1) > h.maxCallers {
		h.callers.Add(-1)
		return nil, ErrBusy
	}
	if err := h.slots.Acquire(ctx, 1); err != nil {
		h.callers.Add(-1)
		return nil, fmt.Errorf("password: wait for a slot: %w", err)
	}
	h.count.Add(1)
	return func() {
		h.slots.Release(1)
		h.callers.Add(-1)
	}, nil
}

// dummyHash returns a hash without a known password: random salt, random key. Verifying against it costs as much as
// against a real one, and making it costs nothing.
func dummyHash(p argon2id.Params) string {
	b := make([]byte, p.SaltLength+p.KeyLength)
	rand.Read(b) // never fails: crypto/rand.Read ends the program instead
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Iterations, p.Parallelism,
		base64.RawStdEncoding.EncodeToString(b[:p.SaltLength]), base64.RawStdEncoding.EncodeToString(b[p.SaltLength:]))
}
