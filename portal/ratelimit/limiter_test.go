package ratelimit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/portal/ratelimit"
	"gatehouse.example/tests/env"
)

var key = bytes.Repeat([]byte("k"), 32)

func limiter(t *testing.T, rdb redis.UniversalClient) *ratelimit.Limiter {
	t.Helper()
	l, err := ratelimit.New(rdb, key, ratelimit.SignInLimits{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// account is one with that email.
func account(email string) ratelimit.Account {
	return ratelimit.Account{Email: email, UserID: email, Generation: 7}
}

// failures tries until it is refused, and returns how many tries were let through.
func failures(t *testing.T, try func() error) int {
	t.Helper()
	for n := range 1000 {
		if err := try(); refused(t, err) {
			return n
		}
	}
	t.Fatal("never refused")
	return 0
}

func refused(t *testing.T, err error) bool {
	t.Helper()
	var e *ratelimit.Exceeded
	if errors.As(err, &e) {
		if e.Wait <= 0 || e.Wait.Hours() > 1 {
			t.Fatalf("wait %s", e.Wait)
		}
		return true
	}
	if err != nil {
		t.Fatal(err)
	}
	return false
}

func TestLimiter_GuessingFromOneAddressDoesNotStopTheOwnerElsewhere(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := limiter(t, rdb)
		guess := func() error {
			_, err := l.CountSignIn(t.Context(), account("maria@example.com"), "203.0.113.7", "")
			return err
		}
		if n := failures(t, guess); n < 3 || n > 10 {
			t.Fatalf("%d guesses were let through", n)
		}
		owner, err := l.CountSignIn(t.Context(), account("maria@example.com"), "198.51.100.9", "")
		if refused(t, err) {
			t.Fatal("the owner is locked out at another address")
		}
		if err := owner.Succeeded(t.Context(), "maria"); err != nil {
			t.Fatal(err)
		}
		if !refused(t, guess()) {
			t.Fatal("the owner's success freed the guesser")
		}
		if _, err := l.CountSignIn(t.Context(), account("otto@example.com"), "203.0.113.7", ""); refused(t, err) {
			t.Fatal("another account at the same address is refused")
		}
	})
}

func TestLimiter_KnownBrowserHasABucketOfItsOwn(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := limiter(t, rdb)
		cookie := l.IssueDeviceCookie("", account("maria@example.com"))
		// Somebody at the owner's own address, and many addresses together, use up every shared bucket.
		failures(t, func() error {
			_, err := l.CountSignIn(t.Context(), account("maria@example.com"), "203.0.113.7", "")
			return err
		})
		n := 0
		failures(t, func() error {
			n++
			_, err := l.CountSignIn(t.Context(), account("maria@example.com"), fmt.Sprintf("198.51.%d.%d", n/250, n%250), "")
			return err
		})
		owner, err := l.CountSignIn(t.Context(), account("maria@example.com"), "203.0.113.7", cookie)
		if refused(t, err) {
			t.Fatal("the owner is locked out at a browser used before")
		}
		if err := owner.Succeeded(t.Context(), "maria"); err != nil {
			t.Fatal(err)
		}
		// The bucket of the known browser ends too, and a stolen cookie opens no other account.
		if n := failures(t, func() error {
			_, err := l.CountSignIn(t.Context(), account("maria@example.com"), "203.0.113.7", cookie)
			return err
		}); n < 3 || n > 20 {
			t.Fatalf("%d guesses from the known browser were let through", n)
		}
		if a, err := l.CountSignIn(t.Context(), account("otto@example.com"), "192.0.2.1", cookie); refused(t, err) || a == nil {
			t.Fatal("another account is refused")
		}
	})
}

func TestLimiter_AddressIsLimitedOverAllAccounts(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := limiter(t, rdb)
		n := 0
		let := failures(t, func() error {
			n++
			_, err := l.CountSignIn(t.Context(), account(fmt.Sprintf("user%d@example.com", n)), fmt.Sprintf("2001:db8:1:2::%x", n), "")
			return err
		})
		if let < 20 || let > 200 {
			t.Fatalf("%d accounts could be tried from one network", let)
		}
		if _, err := l.CountSignIn(t.Context(), account("user1@example.com"), "2001:db8:1:3::1", ""); refused(t, err) {
			t.Fatal("the neighbouring network is refused")
		}
	})
}

func TestLimiter_SprayingGetsTheDaysBudgetAndNoMore(t *testing.T) {
	const accounts = 5000
	at := func(l *ratelimit.Limiter, n int) error {
		_, err := l.CountSignIn(t.Context(), account(fmt.Sprintf("user%d@example.com", n)), "203.0.113.7", "")
		return err
	}
	let, l := 0, limiter(t, env.MiniRedis(t))
	for n := range accounts { // without waiting
		if !refused(t, at(l, n)) {
			let++
		}
	}
	if let < 61 || let > 90 {
		t.Errorf("%d of %d accounts got a verdict at once", let, accounts)
	}
	// As patiently as it is told to be.
	clock := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: clock.Addr()})
	t.Cleanup(func() { rdb.Close() })
	verdicts, took := 0, time.Duration(0)
	for l = limiter(t, rdb); verdicts < accounts; {
		err := at(l, verdicts)
		var e *ratelimit.Exceeded
		switch {
		case err == nil:
			verdicts++
			continue
		case !errors.As(err, &e):
			t.Fatal(err)
		}
		if took += e.Wait; took >= 24*time.Hour {
			break
		}
		clock.FastForward(e.Wait)
	}
	if verdicts != 1000 || took < 24*time.Hour {
		t.Errorf("%d of %d accounts got a verdict within %s, want 1000 in a day", verdicts, accounts, took)
	}
}

func TestLimiter_AboveItsLimitAnAddressIsSlowedAndNotShutOut(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := limiter(t, rdb)
		try := func(email, device string) (*ratelimit.Attempt, error) {
			return l.CountSignIn(t.Context(), account(email), "203.0.113.7", device)
		}
		n := 0
		failures(t, func() error { n++; _, err := try(fmt.Sprintf("invented%d@example.com", n), ""); return err })
		for _, account := range []string{"maria@example.com", "unknown@example.com"} {
			_, err := try(account, "")
			var e *ratelimit.Exceeded
			if !errors.As(err, &e) || e.Wait > 2*time.Second {
				t.Fatalf("%s: %v, want a wait of at most 2 s", account, err)
			}
		}
		for i := range 15 { // never slowed by others
			a, err := try("maria@example.com", l.IssueDeviceCookie("", account("maria@example.com")))
			if refused(t, err) || a.Succeeded(t.Context(), "somebody") != nil {
				t.Fatalf("a known browser was refused at try %d", i)
			}
		}
		turn := func(account string) *ratelimit.Attempt {
			for {
				a, err := try(account, "")
				if !refused(t, err) {
					return a
				}
				var e *ratelimit.Exceeded
				errors.As(err, &e)
				time.Sleep(e.Wait)
			}
		}
		// A turn that ends in a sign-in is given back, so that a class does not wait for one another ...
		for i := range 40 {
			account := fmt.Sprintf("learner%d@example.com", i)
			if i == 0 {
				if err := turn(account).Succeeded(t.Context(), account); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if a, err := try(account, ""); refused(t, err) || a.Succeeded(t.Context(), account) != nil {
				t.Fatalf("%s had to wait for another learner", account)
			}
		}
		// ... and one that fails is not.
		turn("invented@example.com")
		if _, err := try("invented2@example.com", ""); !refused(t, err) {
			t.Fatal("two verdicts at once")
		}
	})
}

func TestLimiter_SuccessGivesNoTurnOfOthersBack(t *testing.T) {
	l := limiter(t, env.MiniRedis(t))
	try := func(email string) (*ratelimit.Attempt, error) {
		return l.CountSignIn(t.Context(), account(email), "203.0.113.7", "")
	}
	early, err := try("early@example.com") // while the address was below its limit
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	failures(t, func() error { n++; _, err := try(fmt.Sprintf("invented%d@example.com", n)); return err })
	if err := early.Succeeded(t.Context(), "early"); err != nil {
		t.Fatal(err)
	}
	n = 0
	failures(t, func() error { n++; _, err := try(fmt.Sprintf("more%d@example.com", n)); return err })
	if n > 2 {
		t.Fatalf("%d verdicts for one success", n)
	}
}

func TestLimiter_SuccessesAreLimited(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := limiter(t, rdb)
		in := func(user, address, device string) error {
			a, err := l.CountSignIn(t.Context(), account(user+"@example.com"), address, device)
			if err != nil {
				return err
			}
			return a.Succeeded(t.Context(), user)
		}
		if n := failures(t, func() error { return in("maria", "192.0.2.1", "") }); n != 20 {
			t.Errorf("an account signed in %d times, want 20", n)
		}
		if !refused(t, in("maria", "192.0.2.2", "")) || !refused(t, in("maria", "192.0.2.3", l.IssueDeviceCookie("", account("maria@example.com")))) {
			t.Error("the account signs in elsewhere")
		}
		a, err := l.CountConfirmation(t.Context(), "sid-of-maria", "192.0.2.4")
		if err == nil {
			err = a.Succeeded(t.Context(), "maria")
		}
		if !refused(t, err) {
			t.Error("the account confirms its password as often as it likes")
		}
		n := 0
		if let := failures(t, func() error {
			n++
			return in(fmt.Sprintf("user%d", n), fmt.Sprintf("2001:db8:1:2::%x", n), "")
		}); let != 300 {
			t.Errorf("one network signed in %d times, want 300", let)
		}
		if !refused(t, l.CountRegistration(t.Context(), "2001:db8:1:2::1")) {
			t.Error("the network registers, and so signs in")
		}
		if err := in("user1", "2001:db8:1:3::1", ""); refused(t, err) {
			t.Error("the neighbouring network is refused")
		}
	})
}

func TestLimiter_SuccessesAtOnceAreCountedAtOnce(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := limiter(t, rdb)
		var in atomic.Int64
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				a, err := l.CountSignIn(t.Context(), account("maria@example.com"), fmt.Sprintf("192.0.2.%d", i), "")
				if err == nil {
					err = a.Succeeded(t.Context(), "maria")
				}
				var e *ratelimit.Exceeded
				switch {
				case err == nil:
					in.Add(1)
				case !errors.As(err, &e):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if in.Load() != 20 {
			t.Fatalf("%d of 60 at once signed in, want 20", in.Load())
		}
	})
}

func TestLimiter_SuccessEmptiesItsOwnBucketOnly(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l, err := ratelimit.New(rdb, key, ratelimit.SignInLimits{PerAccount: 1000, PerAddress: 1000})
		if err != nil {
			t.Fatal(err)
		}
		// Whoever owns an account may sign in as often as they like ...
		for i := range 150 {
			a, err := l.CountSignIn(t.Context(), account("mallory@example.com"), "203.0.113.7", "")
			if refused(t, err) {
				t.Fatalf("refused at success %d", i)
			}
			if err := a.Succeeded(t.Context(), "somebody"); err != nil {
				t.Fatal(err)
			}
		}
		// ... and frees no guess at another by it.
		guesses := 0
		failures(t, func() error {
			a, err := l.CountSignIn(t.Context(), account("mallory@example.com"), "203.0.113.7", "")
			if err == nil {
				err = a.Succeeded(t.Context(), "somebody")
			}
			if err != nil {
				return err
			}
			_, err = l.CountSignIn(t.Context(), account("maria@example.com"), "203.0.113.7", "")
			guesses++
			return err
		})
		if guesses > 10 {
			t.Fatalf("%d guesses between successes", guesses)
		}
	})
}

func TestLimiter_GuessesAtOnceAreCountedAtOnce(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := limiter(t, rdb)
		want := failures(t, func() error {
			_, err := l.CountSignIn(t.Context(), account("one@example.com"), "192.0.2.1", "")
			return err
		})
		var let atomic.Int64
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				_, err := l.CountSignIn(t.Context(), account("two@example.com"), "192.0.2.2", "")
				var e *ratelimit.Exceeded
				switch {
				case err == nil:
					let.Add(1)
				case !errors.As(err, &e):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if int(let.Load()) != want {
			t.Fatalf("%d of 40 at once were let through, %d one after another", let.Load(), want)
		}
	})
}

func TestLimiter_RegistrationsAndConfirmations(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := limiter(t, rdb)
		if n := failures(t, func() error { return l.CountRegistration(t.Context(), "192.0.2.1") }); n < 5 || n > 100 {
			t.Errorf("%d registrations", n)
		}
		if err := l.CountRegistration(t.Context(), "192.0.2.2"); refused(t, err) {
			t.Error("another address is refused")
		}
		if n := failures(t, func() error { _, err := l.CountConfirmation(t.Context(), "sid-1", "192.0.2.1"); return err }); n < 3 || n > 10 {
			t.Errorf("%d confirmations", n)
		}
		if n := failures(t, func() error { return l.CountEmailTaken(t.Context(), "192.0.2.3") }); n != 30 {
			t.Errorf("told %d times that there is an account, want 30", n)
		}
		if !refused(t, l.CountRegistration(t.Context(), "192.0.2.3")) {
			t.Error("registers after it was told 30 times that there is an account")
		}
		if a, err := l.CountConfirmation(t.Context(), "sid-2", "192.0.2.1"); refused(t, err) || a.Succeeded(t.Context(), "somebody") != nil {
			t.Error("another sign-in is refused")
		}
	})
}

func TestLimiter_KeysExpireAndNameNobody(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := limiter(t, rdb)
		if _, err := l.CountSignIn(t.Context(), account("maria@example.com"), "203.0.113.7", ""); err != nil {
			t.Fatal(err)
		}
		keys, err := rdb.Keys(t.Context(), "*{attempts}*").Result()
		if err != nil || len(keys) != 4 {
			t.Fatalf("keys %q, %v", keys, err)
		}
		for _, k := range keys {
			if strings.Contains(k, "maria") || strings.Contains(k, "203.0") {
				t.Errorf("key %q tells who", k)
			}
			if ttl := rdb.PTTL(t.Context(), k).Val(); ttl <= 0 {
				t.Errorf("key %q never expires", k)
			}
		}
	})
}

func TestLimiter_RedisAway(t *testing.T) {
	server, rdb := env.OwnRedis(t, "")
	l := limiter(t, rdb)
	a, err := l.CountSignIn(t.Context(), account("maria@example.com"), "203.0.113.7", "")
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if _, err := l.CountSignIn(t.Context(), account("maria@example.com"), "203.0.113.7", ""); !errors.Is(err, ratelimit.ErrUnavailable) {
		t.Errorf("SignIn: %v", err)
	}
	if err := a.Succeeded(t.Context(), "somebody"); !errors.Is(err, ratelimit.ErrUnavailable) {
		t.Errorf("Succeeded: %v", err)
	}
	if err := l.CountRegistration(t.Context(), "203.0.113.7"); !errors.Is(err, ratelimit.ErrUnavailable) {
		t.Errorf("Register: %v", err)
	}
}

func TestLimiter_GivenUp(t *testing.T) {
	l := limiter(t, env.MiniRedis(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.CountSignIn(ctx, account("maria@example.com"), "203.0.113.7", ""); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
}

func TestNew_Refuses(t *testing.T) {
	if _, err := ratelimit.New(nil, key, ratelimit.SignInLimits{}); err == nil {
		t.Error("no Redis was accepted")
	}
	if _, err := ratelimit.New(env.MiniRedis(t), key[:31], ratelimit.SignInLimits{}); err == nil {
		t.Error("a short key was accepted")
	}
}
