package trace_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/trace"
	"gatehouse.example/tests/env"
)

const issuer = "https://id.example.com"

func open(t *testing.T, rdb redis.UniversalClient) *trace.Log {
	t.Helper()
	l, err := trace.NewLog(rdb, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// await asks until want sign-ins are there.
func await(t *testing.T, rdb redis.UniversalClient, sub string, want int) []trace.Flow {
	t.Helper()
	for {
		flows, err := trace.LoadFlows(t.Context(), rdb, issuer, sub)
		if err != nil {
			t.Fatal(err)
		}
		if len(flows) == want {
			return flows
		}
		time.Sleep(2 * time.Millisecond) // the test's own time limit ends it
	}
}

func each(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Run("embedded", func(t *testing.T) { test(t, env.MiniRedis(t)) })
	t.Run("real", func(t *testing.T) { test(t, env.Redis(t)) })
}

func TestLog_KeepsAFlowForItsPersonAlone(t *testing.T) {
	each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l, now := open(t, rdb), time.Now()
		id := trace.ID("a state")
		l.Record(id, trace.Step{Kind: trace.Token, At: now.Add(time.Second), From: "shop", To: trace.Provider})
		l.Record(id, trace.Step{Kind: trace.Started, At: now, From: trace.Browser, To: "shop"})
		l.Record("", trace.Step{Kind: trace.Started, At: now})
		l.Record(trace.ID("another"), trace.Step{Kind: trace.Started, At: now})
		l.Assign(id, "shop", issuer, "alice")

		flow := await(t, rdb, "alice", 1)[0]
		if flow.Client != "shop" || len(flow.Steps) != 2 || flow.Steps[0].Kind != trace.Started || flow.Steps[1].Kind != trace.Token {
			t.Errorf("kept %+v", flow)
		}
		for _, other := range [][2]string{{issuer, "bob"}, {"https://elsewhere.example.com", "alice"}} {
			if flows, err := trace.LoadFlows(t.Context(), rdb, other[0], other[1]); err != nil || len(flows) != 0 {
				t.Errorf("%v sees %v, %v", other, flows, err)
			}
		}
		ctx := t.Context()
		for _, key := range rdb.Keys(ctx, "*").Val() {
			if ttl := rdb.TTL(ctx, key).Val(); ttl <= 0 || ttl > trace.Retention {
				t.Errorf("%s lives for %s", key, ttl)
			}
			if strings.Contains(key, "alice") || strings.Contains(key, "a state") {
				t.Errorf("the key %s tells whose it is", key)
			}
		}
	})
}

func TestLog_IsBounded(t *testing.T) {
	each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l := open(t, rdb)
		for n := range 15 {
			id := trace.ID(fmt.Sprint(n))
			for range 2 {
				l.Record(id, trace.Step{Kind: trace.Started, At: time.Now()})
			}
			l.Assign(id, fmt.Sprint(n), issuer, "alice")
		}
		for {
			flows := await(t, rdb, "alice", 12)
			if flows[0].Client == "14" {
				break
			}
		}
		for range 100 {
			l.Record(trace.ID("long"), trace.Step{Kind: trace.Started, At: time.Now()})
		}
		l.Assign(trace.ID("long"), "long", issuer, "carol")
		if flow := await(t, rdb, "carol", 1)[0]; len(flow.Steps) != 40 {
			t.Errorf("%d steps of one flow are kept", len(flow.Steps))
		}
	})
}

// noise returns n random letters, which can't be compressed well.
func noise(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(rand.Text())
	}
	return b.String()[:n]
}

// Whoever begins sign-ins and completes none must not fill Redis, however much they write into each.
func TestLog_TakesFewBytesOfStrangers(t *testing.T) {
	rdb := env.MiniRedis(t)
	l := open(t, rdb)
	long := trace.Step{Kind: trace.Authorize, At: time.Now()}
	for len(long.Sent) < 22 {
		long.Sent = append(long.Sent, trace.Values(trace.InQuery, url.Values{"scope": {noise(300)}})...)
	}
	for n := range 240 {
		l.Record(trace.ID(fmt.Sprint(n)), long)
	}
	for found := 0; found == 0; { // what is assigned is written after all of them
		l.Assign(trace.ID("0"), "shop", issuer, "alice")
		flows, err := trace.LoadFlows(t.Context(), rdb, issuer, "alice")
		if err != nil {
			t.Fatal(err)
		}
		found = len(flows)
		time.Sleep(2 * time.Millisecond) // the test's own time limit ends it
	}
	written := 0
	for n := range 240 {
		for _, step := range rdb.LRange(t.Context(), "gatehouse:hops:flow:"+trace.ID(fmt.Sprint(n)), 0, -1).Val() {
			written += len(step)
		}
	}
	if written < 500_000 || written > 1_400_000 {
		t.Errorf("%d bytes of sign-ins that nobody completed", written)
	}
}

// A Redis that hangs must not be waited for, nor must what can't be written pile up.
func TestLog_NeverWaits(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	defer func() { _ = rdb.Close() }()
	l := open(t, hanging{rdb})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 100_000 {
			l.Record("flow", trace.Step{Kind: trace.Started, At: time.Now()})
		}
	}()
	<-done // with one wait a step, the test's own time limit would end it
}

// hanging is a Redis whose pipelines end with their context.
type hanging struct{ redis.UniversalClient }

func (hanging) Pipelined(ctx context.Context, _ func(redis.Pipeliner) error) ([]redis.Cmder, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestValues_KeepNoSecret(t *testing.T) {
	secret := strings.Repeat("s3cret-", 6)
	sent := url.Values{
		"code": {secret}, "code_verifier": {secret}, "state": {secret}, "id_token": {secret}, "unheard_of": {secret},
		"client_secret": {secret}, "password": {secret}, "email": {"alice@example.com"}, "client_id": {"shop"}, "scope": {"openid"},
		"return_to": {"/oauth/authorize?state=" + secret},
	}
	var all string
	for _, v := range append(trace.Values(trace.InForm, sent), trace.Location("http://x.example/cb?"+sent.Encode()+"#"+secret)...) {
		all += v.Name + "=" + v.Text + "\n"
	}
	if strings.Contains(all, secret) || strings.Contains(all, secret[:8]) || strings.Contains(all, "alice") {
		t.Errorf("a secret is kept:\n%s", all)
	}
	for _, want := range []string{"client_id=shop", "scope=openid", "code=s3cret… (42 characters)", "password=(not kept)", "return_to=/oauth/authorize?…", "Location=http://x.example/cb\n"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in\n%s", want, all)
		}
	}
}

func TestShort_ShowsAtMostAQuarter(t *testing.T) {
	for secret, want := range map[string]string{"": "", "abc": "… (3 characters)", "abcdefgh": "ab… (8 characters)", strings.Repeat("x", 43): "xxxxxx… (43 characters)"} {
		if got := trace.Short(secret); got != want {
			t.Errorf("Short(%q) = %q, want %q", secret, got, want)
		}
	}
}

// A link with the state of somebody's sign-in may be given to anyone: what their browser does is not shown.
func TestOf_ShowsNoOtherBrowsersHops(t *testing.T) {
	each(t, func(t *testing.T, rdb redis.UniversalClient) {
		l, id := open(t, rdb), trace.ID("mallory's state")
		for _, tag := range []string{"victim", "", "mallory"} {
			l.Record(id, trace.Step{Kind: trace.Authorize, At: time.Now(), From: trace.Browser, To: trace.Provider, Tag: tag})
		}
		l.Record(id, trace.Step{Kind: trace.Redeemed, At: time.Now(), From: trace.Provider, To: trace.Provider, Tag: "mallory"})
		l.Assign(id, "shop", issuer, "mallory")
		flow := await(t, rdb, "mallory", 1)[0]
		if len(flow.Steps) != 2 || flow.Steps[0].Tag != "mallory" || flow.Steps[1].Kind != trace.Redeemed {
			t.Errorf("shown: %+v", flow.Steps)
		}
	})
}

func TestCookies_ValuesAreNotKept(t *testing.T) {
	r := &http.Request{URL: &url.URL{}, Header: http.Header{"Cookie": {"portal_session=ABCDEFGHIJKLMNOPQRSTUVWXYZ; x=1"}}}
	answer := http.Header{"Set-Cookie": {"portal_session=ABCDEFGHIJKLMNOPQRSTUVWXYZ; Path=/"}}
	for _, v := range append(trace.Sent(r), trace.Cookies(answer)...) {
		if v.Text != "(not kept)" {
			t.Errorf("%s is kept as %q", v.Name, v.Text)
		}
	}
}
