package rp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/signoutpush"
	"gatehouse.example/tests/env"
)

var _ rp.Denylist = (*denylist.Mirror)(nil)

// outOf reads a stream of events until its out.
func (b *browser) outOf(address string) (text string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	res, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	kind := ""
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = rest
		}
		if rest, ok := strings.CutPrefix(lines.Text(), "data: "); ok && kind == "out" {
			var out struct{ Text string }
			if err := json.Unmarshal([]byte(rest), &out); err != nil {
				b.t.Fatal(err)
			}
			return out.Text
		}
	}
	b.t.Errorf("%s: the stream of %s ended without an out", address, res.Status)
	return ""
}

// An app without a denylist hears of it by back channel; its tabs are told all the same, on whichever replica they
// listen.
func TestLive_TabsAreToldWithoutADenylist(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		p := newProvider(t)
		a := newApp(t, p, rdb)
		b := newBrowser(t)
		var page *signoutpush.Page
		if guest := b.get(a.URL + "/page"); guest.body != "null\n" {
			t.Errorf("a guest's page has %s", guest.body)
		}
		b.get(a.URL + "/orders")
		got := b.get(a.URL + "/page")
		if err := json.Unmarshal([]byte(got.body), &page); err != nil || page == nil || page.StreamURL != "/auth/live" || page.Ticket == "" {
			t.Fatalf("the page has %s, %v", got.body, err)
		}
		told := make(chan string, 1)
		go func() { told <- b.outOf(a.URL + page.StreamURL) }()
		for a.auth.Streams() == 0 {
			time.Sleep(time.Millisecond)
		}
		form := url.Values{"logout_token": {p.logoutToken("logout+jwt", nil)}}
		if got := newBrowser(t).do(http.MethodPost, a.other.URL+"/auth/backchannel-logout", form); got.status != http.StatusOK {
			t.Fatalf("answered %d %q", got.status, got.body)
		}
		if text := <-told; text != "Your identity provider signed you out" {
			t.Errorf("told %q", text)
		}
		if got := b.get(a.URL+page.StreamURL, "Sec-Fetch-Site", "same-origin"); got.status != http.StatusNoContent {
			t.Errorf("a guest may listen: %d", got.status)
		}
	})
}

// heard is a denylist that a test fills.
type heard struct{ entry chan denylist.Entry }

func (h heard) Check(string, string, string, time.Time) error { return nil }

func (h heard) Why(context.Context, string, string, string, time.Time) (denylist.Entry, bool) {
	return denylist.Entry{}, false
}

func (h heard) Watch(string, string, time.Time) (<-chan denylist.Entry, func()) {
	return h.entry, func() {}
}

func TestLive_TheDenylistTellsTabs(t *testing.T) {
	p := newProvider(t)
	denied := heard{make(chan denylist.Entry, 1)}
	a := newAppWith(t, p, env.MiniRedis(t), func(c *rp.Config) {
		c.Denied, c.AppName = denied, func(string) string { return "Forum" }
	})
	p.idToken = func(c jwt.MapClaims) { c["sid"] = "sid-1" }
	b := newBrowser(t)
	b.get(a.URL + "/orders")
	denied.entry <- denylist.Entry{Kind: denylist.SignIn, Value: "sid-1", Reason: denylist.SignedOut, Client: "forum"}
	if text := b.outOf(a.URL + "/auth/live"); text != "You signed out in Forum" {
		t.Errorf("told %q", text)
	}
}
