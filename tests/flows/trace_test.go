//go:build unix

package flows_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/academy/bank/door"
	"gatehouse.example/portal"
	"gatehouse.example/portal/standalone"
	"gatehouse.example/sso/loopback"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/rp/echorp"
	"gatehouse.example/sso/trace"
	"gatehouse.example/tests/env"
)

const (
	watchedSecret   = "a client secret that is long and random 0123456789"
	watchedPassword = "a calm house on the hill"
	watchedEmail    = "wanda.watched@example.com"
)

// secrets collects what goes over the wire and must not be written down.
type secrets struct {
	next http.RoundTripper
	mu   sync.Mutex
	all  []string
}

func (s *secrets) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		if len(v) > 12 {
			s.all = append(s.all, v)
		}
	}
}

// RoundTrip watches the back channel.
func (s *secrets) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, _ := url.ParseQuery(string(body))
		s.add(form.Get("code"), form.Get("code_verifier"), form.Get("refresh_token"))
	}
	s.add(r.Header.Get("Authorization"))
	res, err := s.next.RoundTrip(r)
	if err != nil || r.Method != http.MethodPost {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var told map[string]any
	_ = json.Unmarshal(body, &told)
	for _, name := range []string{"access_token", "id_token", "refresh_token"} {
		token, _ := told[name].(string)
		s.add(append(strings.Split(token, "."), token)...) // its parts, too
	}
	return res, nil
}

// saw watches the front channel.
func (s *secrets) saw(p door.Page) {
	for _, k := range p.Cookies {
		s.add(k.Value)
	}
	for _, u := range []*url.URL{p.URL, p.To} {
		if u == nil {
			continue
		}
		q := u.Query()
		s.add(q.Get("code"), q.Get("state"), q.Get("nonce"), q.Get("code_challenge"))
	}
}

// What is kept of a sign-in has every hop of it, and nothing that opens anything: it is compared with what really went
// over the wire.
func TestTrace_KeepsEveryStepAndNoSecret(t *testing.T) {
	for name, open := range map[string]func(testing.TB) redis.UniversalClient{"embedded Redis": env.MiniRedis, "real Redis": env.Redis} {
		t.Run(name, func(t *testing.T) { keepEveryStepAndNoSecret(t, open(t)) })
	}
}

func keepEveryStepAndNoSecret(t *testing.T, rdb redis.UniversalClient) {
	log := slog.New(slog.DiscardHandler)
	var app http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { app.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	house, err := standalone.Open(t.Context(), portal.Deps{Redis: rdb, Logger: log, HTTPClient: http.DefaultClient}, standalone.Options{
		Folder: t.TempDir(), Accounts: []standalone.Account{{Name: "Wanda Watched", Email: watchedEmail, Password: watchedPassword}},
		Clients: []standalone.Client{{ID: "watched", Name: "Watched", Secret: watchedSecret, BaseURL: server.URL}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = house.Close() })
	recorder, err := trace.NewLog(rdb, log)
	if err != nil {
		t.Fatal(err)
	}
	seen := &secrets{next: &http.Transport{DialContext: loopback.Dial("localhost")}}
	seen.add(watchedSecret, watchedPassword, watchedEmail)
	auth, err := echorp.New(rp.Config{
		Issuer: house.Issuer, ClientID: "watched", ClientSecret: watchedSecret, BaseURL: server.URL, Service: "watched", Redis: rdb, Keys: [][]byte{[]byte(watchedSecret)},
		HTTPClient: &http.Client{Transport: seen}, Logger: log, Trace: recorder,
	})
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	auth.Mount(e)
	e.GET("/me", func(c echo.Context) error { return c.String(http.StatusOK, rp.From(c.Request()).Subject) }, auth.Required)
	app = e

	browser := door.NewBrowser(seen.saw)
	t.Cleanup(browser.Close)
	first, err := browser.SignIn(t.Context(), server.URL+"/me", watchedEmail, watchedPassword, nil)
	if err != nil || first.Status != http.StatusOK {
		t.Fatalf("%v, %d %s", err, first.Status, first.Body)
	}
	sub := string(first.Body)
	began, err := browser.Go(t.Context(), server.URL+"/auth/sign-in?again=1&return_to=/me", nil)
	if err != nil || began.To == nil {
		t.Fatalf("%v, %d %s", err, began.Status, began.Body)
	}
	// Somebody else is given the link to the provider: what their browser does there is not among the hops below.
	victim := door.NewBrowser(seen.saw)
	t.Cleanup(victim.Close)
	if _, err := victim.SignIn(t.Context(), began.To.String(), watchedEmail, watchedPassword, nil); err != nil {
		t.Fatal(err)
	}
	again, err := browser.Follow(t.Context(), began.To.String(), nil)
	if err != nil || string(again.Body) != sub {
		t.Fatalf("%v, %d %s", err, again.Status, again.Body)
	}

	withForm := []string{trace.Started, trace.Authorize, trace.SignInPage, trace.SignInForm, trace.Authorize, trace.Callback, trace.Token, trace.Redeemed, trace.Verified}
	silent := []string{trace.Started, trace.Authorize, trace.Callback, trace.Token, trace.Redeemed, trace.Verified}
	awaitKinds(t, rdb, house.Issuer, sub, silent, withForm) // newest first

	if flows, err := trace.LoadFlows(t.Context(), rdb, house.Issuer, "somebody else"); err != nil || len(flows) != 0 {
		t.Errorf("somebody else sees %v, %v", flows, err)
	}
	kept := everything(t, rdb)
	if len(seen.all) < 20 || len(kept) < 1000 {
		t.Fatalf("%d secrets were seen and %d bytes kept: this test looks at nothing", len(seen.all), len(kept))
	}
	for _, secret := range seen.all {
		if strings.Contains(kept, secret) {
			t.Errorf("%.8s…, which is secret, is kept as it was", secret)
		}
	}
}

// awaitKinds waits until these sign-ins are there, each with these hops.
func awaitKinds(t *testing.T, rdb redis.UniversalClient, issuer, sub string, want ...[]string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		flows, err := trace.LoadFlows(t.Context(), rdb, issuer, sub)
		if err != nil {
			t.Fatal(err)
		}
		var got [][]string
		for _, f := range flows {
			var kinds []string
			for _, h := range f.Steps {
				kinds = append(kinds, h.Kind)
			}
			got = append(got, kinds)
		}
		if slices.EqualFunc(got, want, slices.Equal) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("kept %v, want %v", got, want)
		}
	}
}

// everything is all that the recording has put into Redis.
func everything(t *testing.T, rdb redis.UniversalClient) string {
	t.Helper()
	var all strings.Builder
	keys, err := rdb.Keys(t.Context(), "gatehouse:hops:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		all.WriteString(key + "\n")
		lines, err := rdb.LRange(t.Context(), key, 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(strings.Join(lines, "\n"))
	}
	return all.String()
}
