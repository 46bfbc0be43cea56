package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse.example/sso/token"
)

// publisher answers as a provider's JWKS endpoint, without a network, so that a test may let minutes pass.
type publisher struct {
	mu    sync.Mutex
	kids  []string
	away  error
	hangs bool
	asked int
}

var anyPoint = func() token.JWK {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	raw, err := key.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return token.JWK{Kty: "EC", Crv: "P-256", X: b64(raw[1:33]), Y: b64(raw[33:])}
}()

func (p *publisher) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	p.asked++
	away, hangs, set := p.away, p.hangs, token.JWKS{}
	for _, kid := range p.kids {
		k := anyPoint
		k.Kid = kid
		set.Keys = append(set.Keys, k)
	}
	p.mu.Unlock()
	if hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	if away != nil {
		return nil, away
	}
	raw, err := json.Marshal(set)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(raw))), Request: r}, nil
}

func (p *publisher) set(change func(p *publisher)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *publisher) times() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

func (p *publisher) keys() *token.RemoteKeys {
	return token.NewRemoteKeys(&http.Client{Transport: p}, func(context.Context) (string, error) { return "http://provider.test/jwks", nil })
}

// A replica that nobody uses sees a rotation within a minute, and does not ask more than twice a minute for it.
func TestRemoteKeys_RunFollowsARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{kids: []string{"a"}}
		r := p.keys()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		synctest.Wait()
		if !r.Has("a") || r.Has("b") || !slices.Equal(r.KIDs(), []string{"a"}) {
			t.Errorf("at first it knows %v", r.KIDs())
		}
		p.set(func(p *publisher) { p.kids = []string{"b", "a"} })
		time.Sleep(time.Minute)
		synctest.Wait()
		if !slices.Equal(r.KIDs(), []string{"a", "b"}) {
			t.Errorf("a minute after a key was published it knows %v", r.KIDs())
		}
		p.set(func(p *publisher) { p.kids = []string{"b"} })
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, err := r.Key(ctx, "a"); r.Has("a") || !errors.Is(err, token.ErrUnknownKey) {
			t.Errorf("a minute after a key was dropped: %v, %v", r.KIDs(), err)
		}
		if n := p.times(); n > 7 { // one at the start, one for the unknown key, and at most 2.7 a minute
			t.Errorf("it asked %d times in two minutes", n)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The provider starts after us.
func TestRemoteKeys_RunFindsALateProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{kids: []string{"a"}, away: errors.New("connection refused")}
		r := p.keys()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = r.Run(ctx) }()
		time.Sleep(10 * time.Second)
		p.set(func(p *publisher) { p.away = nil })
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if !r.Has("a") {
			t.Error("the keys were not found within ten seconds")
		}
	})
}

// Without Run, use alone drops what is published no longer.
func TestRemoteKeys_UseFollowsARotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{kids: []string{"a"}}
		r := p.keys()
		know := func(kid string) error { _, err := r.Key(t.Context(), kid); return err }
		if err := know("a"); err != nil {
			t.Fatal(err)
		}
		p.set(func(p *publisher) { p.kids = []string{"b"} })
		time.Sleep(31 * time.Second)
		if err := know("a"); err != nil { // the refresh begins beside this use
			t.Errorf("the first use after half a minute: %v", err)
		}
		synctest.Wait()
		if err := know("a"); !errors.Is(err, token.ErrUnknownKey) {
			t.Errorf("the next use: %v", err)
		}
		p.set(func(p *publisher) { p.kids = []string{"c"} })
		time.Sleep(time.Hour)
		if err := know("b"); !errors.Is(err, token.ErrUnknownKey) { // it waits rather than believe what is an hour old
			t.Errorf("after an hour without use: %v", err)
		}
	})
}

func TestRemoteKeys_AwayOrHangingCostsNobodyTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{kids: []string{"a"}}
		r := p.keys()
		if _, err := r.Key(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Second)
		p.set(func(p *publisher) { p.hangs = true })
		asked, began := p.times(), time.Now()
		for range 3000 { // five minutes of requests
			at := time.Now()
			if _, err := r.Key(t.Context(), "a"); err != nil {
				t.Fatalf("a known key while the provider hangs: %v", err)
			}
			if waited := time.Since(at); waited > 0 {
				t.Fatalf("a request waited %s", waited)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n, most := p.times()-asked, int(time.Since(began)/(5*time.Second))+1; n > most || n < most/2 {
			t.Errorf("it asked %d times, %d are expected", n, most)
		}
		if _, err := r.Key(t.Context(), "made up"); err == nil {
			t.Error("an unknown key is known")
		}
		synctest.Wait()
		time.Sleep(6 * time.Second) // the last attempt ends
	})
}

func TestRemoteKeys_OneFetchServesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &publisher{kids: []string{"a"}}
		r := p.keys()
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if _, err := r.Key(t.Context(), "a"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := p.times(); n > 2 {
			t.Errorf("200 at once made %d fetches", n)
		}
	})
}

func BenchmarkRemoteKeys_Key(b *testing.B) {
	r := (&publisher{kids: []string{"a"}}).keys()
	if _, err := r.Key(b.Context(), "a"); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Key(b.Context(), "a"); err != nil {
			b.Fatal(err)
		}
	}
}
