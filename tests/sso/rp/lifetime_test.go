package rp_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/rp"
)

// What was ended is denied for a day: a session that lives longer would be let in again.
func TestNew_SessionsDoNotOutliveTheDenylist(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // never asked
	defer func() { _ = rdb.Close() }()
	denied, err := denylist.NewMirror(denylist.Options{Redis: rdb, Service: "shop", Replica: "shop-1"})
	if err != nil {
		t.Fatal(err)
	}
	config := rp.Config{Issuer: "https://id.example.com", ClientID: "shop", ClientSecret: "secret", Service: "shop", BaseURL: "https://shop.example.com", Redis: rdb, Keys: testKeys}
	for _, c := range []struct {
		absolute time.Duration
		denied   rp.Denylist
		fine     bool
	}{
		{0, denied, true}, {24 * time.Hour, denied, true}, {24*time.Hour + 1, denied, false}, {7 * 24 * time.Hour, nil, true},
	} {
		config.Absolute, config.Denied = c.absolute, c.denied
		if _, err := rp.New(config); (err == nil) != c.fine {
			t.Errorf("sessions of %v, with a denylist: %v: %v", c.absolute, c.denied != nil, err)
		}
	}
}
