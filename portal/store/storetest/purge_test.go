package storetest_test

import (
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

// No statement deletes more than 500 rows, so that others can write in between.
func TestPurge_InBatches(t *testing.T) {
	each(t, func(t *testing.T, _ *store.Store, d *db.DB) {
		ctx := t.Context()
		const series = ` WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) SELECT `
		for _, c := range []struct {
			table, insert string
			purge         func(s *store.Store, t time.Time) error
			statements    int
		}{
			{
				"refresh_tokens", `(hash, family, user_id, sid, client_id, scope, created_at, expires_at)` + series + `'hash ' || i, 'f', 'u', 's', 'shop', '', 0, i FROM n`,
				func(s *store.Store, t time.Time) error { return s.PurgeRefreshTokens(ctx, t) }, 3,
			},
			{
				"receipts", `(ending, reason, created_at, receipt)` + series + `'ending ' || i, 'banned', i, '{}' FROM n`,
				func(s *store.Store, t time.Time) error { return s.PurgeReceipts(ctx, t) }, 3,
			},
			{
				"revocations", `(ending, kind, value, reason, at, until_at)` + series + `'ending ' || i, 'sid', 's-' || i, 'banned', 0, i FROM n`,
				func(s *store.Store, t time.Time) error { return s.PurgeRevocations(ctx, t) }, 3,
			},
			{
				"backchannel_outbox", `(id, client_id, sid, user_id, created_at, next_attempt_at, delivered_at)` + series + `'id ' || i, 'shop', 's', 'u', 0, 0, i FROM n`,
				func(s *store.Store, t time.Time) error { return s.PurgeNotices(ctx, t, t) }, 4, // the last one: given up
			},
		} {
			if _, err := d.ExecContext(ctx, `INSERT INTO `+c.table+` `+c.insert); err != nil {
				t.Fatal(err)
			}
			n := env.CountStatements(t, d, func(counted *db.DB) {
				if err := c.purge(storetest.New(t, counted), storetest.Now); err != nil {
					t.Error(err)
				}
			})
			if left := count(t, d, `SELECT COUNT(*) FROM `+c.table); n != c.statements || left != 0 {
				t.Errorf("%s: %d statements, want %d; %d rows are left", c.table, n, c.statements, left)
			}
		}
	})
}

func TestSignIns_PurgedLongAfterTheirEnd(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, living := storetest.Registered(t, s, "maria@example.com")
		for range 3 {
			in := signsIn(t, s, u, storetest.Now)
			endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.SID = in.SID }))
			if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO sign_in_clients (sid, client_id, first_at, last_at) VALUES (?, 'shop', 1, 1)`), in.SID); err != nil {
				t.Fatal(err)
			}
		}
		abandoned := signsIn(t, s, u, storetest.Now)
		if err := s.TouchSignIn(t.Context(), living.SID, at.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.PurgeSignIns(t.Context(), storetest.Now); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_ins"); n != 5 {
			t.Errorf("%d sign-ins left too early", n)
		}
		if err := s.PurgeSignIns(t.Context(), at.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_ins WHERE sid = ?", living.SID); n != 1 || count(t, d, "SELECT COUNT(*) FROM sign_ins") != 1 {
			t.Error("not only the living one is left")
		}
		if n := count(t, d, "SELECT COUNT(*) FROM sign_in_clients"); n != 0 {
			t.Errorf("%d clients left, of %s", n, abandoned.SID)
		}
	})
}
