package balancer_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/fleet/balancer"
)

// visit asks as a browser that has these cookies, and returns who answered and the cookie it was given, if any.
func (e *estate) visit(t *testing.T, cookies ...*http.Cookie) (by string, given *http.Cookie) {
	t.Helper()
	req := e.request(t, http.MethodGet, "shop.localhost", "/", nil)
	for _, c := range cookies {
		req.AddCookie(c)
	}
	res, body := e.do(t, req)
	for _, c := range res.Cookies() {
		if c.Name == "stay" {
			given = c
		}
	}
	return body, given
}

func newStickyEstate(t *testing.T) *estate {
	return newEstate(t, func(o *balancer.Options) {
		o.Policy = func() balancer.Policy { return balancer.NewSticky("stay") }
	})
}

func TestSticky_KeepsABrowserOnItsBackend(t *testing.T) {
	e := newStickyEstate(t)
	for _, name := range []string{"shop-1", "shop-2", "shop-3"} {
		e.backend(t, "shop", name, says(name))
	}
	met := map[string]bool{}
	for range 3 {
		first, cookie := e.visit(t)
		if cookie == nil {
			t.Fatal("a new browser gets no cookie")
		}
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.Secure || cookie.MaxAge != 0 {
			t.Errorf("cookie is %s", cookie.Raw)
		}
		if strings.Contains(cookie.Value, "shop") {
			t.Errorf("the cookie says which servers there are: %s", cookie.Value)
		}
		met[first] = true
		for range 5 {
			by, again := e.visit(t, &http.Cookie{Name: "stay", Value: "x"}, &http.Cookie{Name: "stay", Value: "y"},
				&http.Cookie{Name: "stay", Value: "z"}, &http.Cookie{Name: "stay", Value: "AAAAAAAAAAAAAAAA"}, cookie)
			if by != first || again != nil {
				t.Errorf("%s answered first, then %s, which gave the cookie %v", first, by, again)
			}
		}
	}
	if len(met) != 3 {
		t.Errorf("new browsers met only %v", met)
	}
}

func TestSticky_GivesAnotherBackendWhenItsOwnIsGone(t *testing.T) {
	e := newStickyEstate(t)
	servers := map[string]interface{ Close() }{}
	for _, name := range []string{"shop-1", "shop-2"} {
		servers[name] = e.backend(t, "shop", name, says(name))
	}
	first, cookie := e.visit(t)
	servers[first].Close() // it refuses connections, and nobody has taken it out of the pool
	second, renewed := e.visit(t, cookie)
	if second == first || renewed == nil || renewed.Value == cookie.Value {
		t.Fatalf("%s is gone; %s answered with the cookie %v", first, second, renewed)
	}
	// Back under its name, it does not get the browser back that has moved.
	e.backend(t, "shop", first, says(first))
	if by, _ := e.visit(t, renewed); by != second {
		t.Errorf("%s answered, not %s", by, second)
	}
	// A browser that was away meanwhile still asks for the one it knew.
	if by, given := e.visit(t, cookie); by != first || given != nil {
		t.Errorf("%s answered with the cookie %v, not %s", by, given, first)
	}
}

func TestSticky_TakesACookieThatNamesNobodyForNone(t *testing.T) {
	e := newStickyEstate(t)
	e.backend(t, "shop", "shop-1", says("shop-1"))
	for _, value := range []string{"shop-1", "", "x", strings.Repeat("a", 4000)} {
		by, given := e.visit(t, &http.Cookie{Name: "stay", Value: value})
		if by != "shop-1" || given == nil {
			t.Errorf("cookie %.10q: %s answered with the cookie %v", value, by, given)
		}
	}
}

func TestSticky_LeavesAnswersForEverybodyAlone(t *testing.T) {
	e := newStickyEstate(t)
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	})
	if _, given := e.visit(t); given != nil {
		t.Errorf("a style sheet that caches share carries the cookie %v", given)
	}
}

func TestLeastBusy_AvoidsWhoeverIsBusy(t *testing.T) {
	e := newEstate(t, func(o *balancer.Options) { o.Policy = balancer.NewLeastBusy })
	began, finish := make(chan struct{}, 1), make(chan struct{})
	for _, name := range []string{"shop-1", "shop-2", "shop-3"} {
		e.backend(t, "shop", name, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				began <- struct{}{}
				<-finish
			}
			says(name)(w, r)
		})
	}
	slow := make(chan string)
	go func() {
		_, body := e.get(t, "shop.localhost", "/slow")
		slow <- body
	}()
	<-began
	met := map[string]int{}
	for range 12 {
		_, by := e.get(t, "shop.localhost", "/")
		met[by]++
	}
	close(finish)
	busy := <-slow
	if met[busy] != 0 || len(met) != 2 {
		t.Errorf("%s was busy, and the requests went to %v", busy, met)
	}
	for _, s := range e.Backends() {
		want := uint64(met[s.Name])
		if s.Name == busy {
			want = 1
		}
		if s.Pool == "shop" && s.Answered != want {
			t.Errorf("%s answered %d requests, not %d", s.Name, s.Answered, want)
		}
	}
}

func TestSetPolicy_WhileServing(t *testing.T) {
	e := newEstate(t, nil)
	for _, name := range []string{"shop-1", "shop-2"} {
		e.backend(t, "shop", name, says(name))
	}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	var visitors sync.WaitGroup
	for range 4 {
		visitors.Go(func() {
			for range 50 {
				if by, _ := e.visit(t); !strings.HasPrefix(by, "shop-") {
					t.Errorf("answered %q", by)
				}
			}
		})
	}
	changed := make(chan error, 1)
	go func() {
		for ctx.Err() == nil {
			for _, p := range []balancer.Policy{balancer.NewSticky("stay"), balancer.NewLeastBusy(), balancer.NewRoundRobin()} {
				if err := e.SetPolicy("shop", p); err != nil {
					changed <- err
					return
				}
			}
		}
		changed <- nil
	}()
	visitors.Wait()
	stop()
	if err := <-changed; err != nil {
		t.Error(err)
	}
	if err := e.SetPolicy("shop", balancer.NewSticky("stay")); err != nil {
		t.Fatal(err)
	}
	if _, cookie := e.visit(t); cookie == nil {
		t.Error("the new policy does not count")
	}
}

func TestSetPolicy_BadInput(t *testing.T) {
	e := newEstate(t, nil)
	for what, err := range map[string]error{
		"a pool that does not exist": e.SetPolicy("bank", balancer.NewLeastBusy()),
		"no policy":                  e.SetPolicy("shop", nil),
	} {
		if err == nil || !strings.HasPrefix(fmt.Sprint(err), "balancer: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
