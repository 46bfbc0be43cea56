package storetest_test

import (
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

// The replica that an app was opened at is the last that said its name.
func TestRecordClientSignIn_KeepsTheReplicaThatSentItsName(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		_, in := storetest.Registered(t, s, "maria@example.com")
		for i, step := range []struct{ says, want string }{{"", ""}, {"shop-1", "shop-1"}, {"", "shop-1"}, {"shop-2", "shop-2"}} {
			opens(t, s, in.SID, "shop", step.says, time.Duration(i)*time.Hour)
			page, _, err := s.ActiveSignIns(t.Context(), store.ActiveSignInQuery{Since: month, Limit: 1})
			if err != nil || len(page) != 1 || len(page[0].ClientSignIns) != 1 || page[0].ClientSignIns[0].Replica != step.want {
				t.Errorf("step %d: %+v, %v; want %q", i, page, err, step.want)
			}
		}
	})
}
