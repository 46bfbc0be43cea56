package storetest_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

func TestCounts_StopAtTheirLimit(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		if got, err := s.Counts(t.Context(), storetest.Now, 10); err != nil || got != (store.Counts{}) {
			t.Fatalf("an empty house: %+v, %v", got, err)
		}
		for _, email := range []string{"a@example.com", "b@example.com", "c@example.com"} {
			storetest.Registered(t, s, email)
		}
		deny(t, d, "sub", "one", "banned", "", time.Hour, true)
		deny(t, d, "sub", "two", "banned", "", time.Hour, false)
		deny(t, d, "sub", "over", "banned", "", 0, false)
		for i, given := range []any{nil, nil, int64(1)} {
			if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO backchannel_outbox (id, client_id, sid, user_id, created_at, next_attempt_at, given_up_at)
				VALUES (?, 'shop', 's', 'u', 1, 1, ?)`), fmt.Sprint(i), given); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.ExecContext(t.Context(), `INSERT INTO backchannel_outbox (id, client_id, sid, user_id, created_at, next_attempt_at, delivered_at)
			VALUES ('heard', 'shop', 's', 'u', 1, 1, 1)`); err != nil {
			t.Fatal(err)
		}
		got, err := s.Counts(t.Context(), storetest.Now, 2)
		if want := (store.Counts{People: 2, Denied: 2, Waiting: 1, Notices: 2, GivenUp: 1}); err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	})
}

func TestActiveSignInCounts_StopAtALimit(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		if places, err := s.ActiveSignInCounts(t.Context(), month, 10); err != nil || len(places) != 0 {
			t.Fatalf("nobody: %+v, %v", places, err)
		}
		u, _ := storetest.Registered(t, s, "maria@example.com") // at portal-1
		for i, at := range []string{"portal-2", "portal-10", "portal-2", "portal-2", ""} {
			sid := fmt.Sprintf("sid-%d", i)
			signedIn(t, s, u, sid, at, time.Minute)
			opens(t, s, sid, "shop", []string{"shop-2", "", "shop-1"}[i%3], time.Hour)
		}
		opens(t, s, "sid-0", "analytics", "analytics-1", time.Hour)
		signedIn(t, s, u, "old", "portal-9", -31*24*time.Hour)
		end(t, s, "sid-2") // portal-2, shop-1
		got, err := s.ActiveSignInCounts(t.Context(), month, 2)
		want := []store.SignInCount{
			{Replica: "", Count: 1}, {Replica: "portal-1", Count: 1}, {Replica: "portal-10", Count: 1}, {Replica: "portal-2", Count: 2},
			{Client: "analytics", Replica: "analytics-1", Count: 1}, {Client: "shop", Count: 2}, {Client: "shop", Replica: "shop-2", Count: 2},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	})
}
