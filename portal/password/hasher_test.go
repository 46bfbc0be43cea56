package password_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/alexedwards/argon2id"

	"gatehouse.example/portal/password"
)

// light keeps the tests quick; the parameters of production have a test and a benchmark of their own.
var light = argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func newHasher(t testing.TB, o password.Options) *password.Hasher {
	t.Helper()
	h, err := password.NewHasher(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hash(t testing.TB, h *password.Hasher, pw string) string {
	t.Helper()
	s, err := h.Hash(t.Context(), pw)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHasher_RecommendedParameters(t *testing.T) {
	h := newHasher(t, password.Options{})
	s := hash(t, h, "a long enough secret")
	if !strings.HasPrefix(s, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("hash %q does not bear OWASP's parameters", s)
	}
	if again := hash(t, h, "a long enough secret"); again == s {
		t.Fatal("two hashes share a salt")
	}
}

func TestHasher_Verify(t *testing.T) {
	h := newHasher(t, password.Options{Params: light})
	s := hash(t, h, "Zürich in winter")
	for name, c := range map[string]struct {
		password, hash string
		want           bool
	}{
		"right":                 {"Zürich in winter", s, true},
		"right, decomposed":     {"Zu\u0308rich in winter", s, true},
		"wrong":                 {"Zurich in winter", s, false},
		"empty":                 {"", s, false},
		"nobody":                {"Zürich in winter", "", false},
		"nobody and empty":      {"", "", false},
		"enormous":              {strings.Repeat("x", 1<<20), s, false},
		"not UTF-8":             {"\xff\xfe", s, false},
		"with NUL":              {"Zürich in winter\x00", s, false},
		"case matters":          {"zürich in winter", s, false},
		"leading space matters": {" Zürich in winter", s, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := h.Count()
			ok, rehash, err := h.Verify(t.Context(), c.password, c.hash)
			if err != nil || ok != c.want || rehash {
				t.Fatalf("Verify = %v, %v, %v; want %v, false, nil", ok, rehash, err, c.want)
			}
			if n := h.Count() - before; n != 1 {
				t.Fatalf("computed %d hashes, want 1", n)
			}
		})
	}
}

func TestHasher_EnormousPasswordIsNotTheEmptyOne(t *testing.T) {
	h := newHasher(t, password.Options{Params: light})
	s := hash(t, h, "")
	if ok, _, err := h.Verify(t.Context(), strings.Repeat("x", 1<<20), s); ok || err != nil {
		t.Fatalf("Verify = %v, %v", ok, err)
	}
}

func TestHasher_RehashWhenParametersChange(t *testing.T) {
	older := newHasher(t, password.Options{Params: light})
	heavier := light
	heavier.Iterations = 2
	newer := newHasher(t, password.Options{Params: heavier})
	s := hash(t, older, "a long enough secret")
	if ok, rehash, err := newer.Verify(t.Context(), "a long enough secret", s); !ok || !rehash || err != nil {
		t.Fatalf("right password: %v, %v, %v; want true, true, nil", ok, rehash, err)
	}
	if ok, rehash, err := newer.Verify(t.Context(), "another one", s); ok || rehash || err != nil {
		t.Fatalf("wrong password: %v, %v, %v; want false, false, nil", ok, rehash, err)
	}
}

func TestHasher_UnreadableHash(t *testing.T) {
	h := newHasher(t, password.Options{Params: light})
	for _, s := range []string{"x", "$argon2id$v=19$m=64,t=1,p=1$!!$!!", "$2a$10$abcdefghijklmnopqrstuv"} {
		if ok, _, err := h.Verify(t.Context(), "a long enough secret", s); ok || err == nil {
			t.Errorf("Verify against %q = %v, %v; want an error", s, ok, err)
		}
	}
}

func TestNewHasher_RefusesWeakParameters(t *testing.T) {
	for _, p := range []argon2id.Params{
		{Memory: 64, Iterations: 0, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		{Memory: 64, Iterations: 1, Parallelism: 0, SaltLength: 16, KeyLength: 32},
		{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 0, KeyLength: 32},
		{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 0},
	} {
		if _, err := password.NewHasher(password.Options{Params: p}); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
}

func TestHasher_FullQueueIsBusy(t *testing.T) {
	h := newHasher(t, password.Options{Params: light, Slots: 1, Queue: 1})
	leave, err := h.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waits := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := h.Hash(ctx, "a long enough secret")
			waits <- err
		}()
	}
	// One of the two has the only place in the queue, so the other is turned away at once.
	if err := <-waits; !errors.Is(err, password.ErrBusy) {
		t.Fatalf("beyond the queue: %v, want ErrBusy", err)
	}
	cancel()
	if err := <-waits; !errors.Is(err, context.Canceled) {
		t.Fatalf("in the queue, given up: %v, want context.Canceled", err)
	}
	leave()
	if _, err := h.Hash(t.Context(), "a long enough secret"); err != nil {
		t.Fatalf("after the flood: %v", err)
	}
}

func TestHasher_FloodIsBounded(t *testing.T) {
	const slots, queue, flood = 2, 8, 200
	h := newHasher(t, password.Options{Params: light, Slots: slots, Queue: queue})
	var inside, peak, served, busy atomic.Int64
	var wg sync.WaitGroup
	for range flood {
		wg.Go(func() {
			leave, err := h.Enter(t.Context())
			if errors.Is(err, password.ErrBusy) {
				busy.Add(1)
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			n := inside.Add(1)
			for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
			}
			inside.Add(-1)
			served.Add(1)
			leave()
		})
	}
	wg.Wait()
	if peak.Load() > slots {
		t.Errorf("%d hashes at once, want at most %d", peak.Load(), slots)
	}
	if served.Load()+busy.Load() != flood || served.Load() < slots {
		t.Errorf("served %d, busy %d of %d", served.Load(), busy.Load(), flood)
	}
}

// The bare rate of hashing, beside what our queue makes of it.
func BenchmarkHash(b *testing.B) {
	s, err := argon2id.CreateHash("a long enough secret", &password.Recommended)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			if ok, err := argon2id.ComparePasswordAndHash("a long enough secret", s); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("queued", func(b *testing.B) {
		h := newHasher(b, password.Options{})
		for b.Loop() {
			if ok, _, err := h.Verify(b.Context(), "a long enough secret", s); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
}
