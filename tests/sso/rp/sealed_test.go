package rp_test

import (
	"context"
	"testing"
	"time"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/rp"
	"gatehouse.example/tests/env"
)

// denies is a denylist with one sign-in on it, once it is set.
type denies struct{ sid string }

func (d *denies) Check(_, sid, _ string, _ time.Time) error {
	if sid == d.sid {
		return denylist.ErrDenied
	}
	return nil
}

func (d *denies) Watch(string, string, time.Time) (<-chan denylist.Entry, func()) {
	return make(chan denylist.Entry), func() {}
}

func (d *denies) Why(context.Context, string, string, string, time.Time) (denylist.Entry, bool) {
	return denylist.Entry{}, false
}

// A session that ended, and whose record somebody puts back into Redis, stays ended.
func TestSealed_AnEndedRecordPutBackOpensNothing(t *testing.T) {
	rdb := env.MiniRedis(t)
	list := &denies{}
	a := newAppWith(t, newProvider(t), rdb, func(c *rp.Config) { c.Denied = list })
	b := newBrowser(t)
	b.get(a.URL + "/orders")
	keys := rdb.Keys(t.Context(), "gatehouse:shop:session:*").Val()
	if len(keys) != 1 {
		t.Fatalf("sessions: %q", keys)
	}
	record := rdb.Get(t.Context(), keys[0]).Val()
	list.sid = "sid-1"
	if _, err := a.auth.Sessions().EndSignIns(t.Context(), "sid-1"); err != nil {
		t.Fatal(err)
	}
	rdb.Set(t.Context(), keys[0], record, time.Hour)
	if got := b.get(a.URL + "/"); got.body != "nobody " {
		t.Errorf("put back, the session opens as %q", got.body)
	}
}

func TestNew_RefusesNoKeys(t *testing.T) {
	c := rp.Config{Issuer: "https://id.example.com", ClientID: "shop", Service: "shop", BaseURL: "https://shop.example.com", Redis: env.MiniRedis(t)}
	if _, err := rp.New(c); err == nil {
		t.Error("no keys are accepted")
	}
	c.Keys = testKeys
	if _, err := rp.New(c); err != nil {
		t.Error(err)
	}
}
