package storetest_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

// No statement changes or removes a row of the audit.
func TestAudit_IsFinal(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		want := store.Audit{
			At: storetest.Now, ActorID: "id", Actor: "admin@example.com", Action: "person.banned", TargetKind: "user", TargetID: "user-x",
			Target: "x@example.com", IP: "203.0.113.7", RequestID: "REQ", Detail: map[string]any{"reason": "spam"},
		}
		if err := s.Apply(t.Context(), store.Audited(want)); err != nil {
			t.Fatal(err)
		}
		statements := []string{
			`UPDATE audit SET action = 'nothing'`, `UPDATE audit SET detail = '{}' WHERE seq = 1`, `DELETE FROM audit`, `DELETE FROM audit WHERE seq = 1`,
		}
		if d.Dialect == db.Postgres {
			statements = append(statements, `TRUNCATE audit`)
		} else {
			statements = append(statements, `REPLACE INTO audit (seq, at, actor_id, actor, action) VALUES (1, 1, '', '', 'nothing')`)
		}
		for _, statement := range statements {
			if _, err := d.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("%s was carried out", statement)
			}
		}
		rows, more, err := s.AuditRows(t.Context(), store.AuditQuery{Limit: 10})
		if err != nil || more || len(rows) != 1 {
			t.Fatalf("%v, %v, %v", rows, more, err)
		}
		want.Seq = rows[0].Seq
		if !reflect.DeepEqual(rows[0], want) {
			t.Errorf("%+v; want %+v", rows[0], want)
		}
	})
}

func TestAudit_FiltersAndPages(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		for i := range 30 {
			row := store.Audit{
				At: storetest.Now.Add(time.Duration(i) * time.Hour), ActorID: fmt.Sprintf("admin-%d", i%2), Action: fmt.Sprintf("action-%d", i%3),
				TargetKind: "user", TargetID: fmt.Sprintf("user-%d", i%5),
			}
			if err := s.Apply(t.Context(), store.Audited(row)); err != nil {
				t.Fatal(err)
			}
		}
		for name, c := range map[string]struct {
			q    store.AuditQuery
			want func(i int) bool
		}{
			"all":     {store.AuditQuery{}, func(int) bool { return true }},
			"actor":   {store.AuditQuery{ActorID: "admin-1"}, func(i int) bool { return i%2 == 1 }},
			"action":  {store.AuditQuery{Action: "action-2"}, func(i int) bool { return i%3 == 2 }},
			"target":  {store.AuditQuery{TargetID: "user-3"}, func(i int) bool { return i%5 == 3 }},
			"kind":    {store.AuditQuery{TargetKind: "client"}, func(int) bool { return false }},
			"days":    {store.AuditQuery{From: storetest.Now.Add(5 * time.Hour), To: storetest.Now.Add(20 * time.Hour)}, func(i int) bool { return i >= 5 && i < 20 }},
			"several": {store.AuditQuery{ActorID: "admin-0", Action: "action-0", TargetKind: "user", TargetID: "user-0"}, func(i int) bool { return i%30 == 0 }},
		} {
			var want, got []time.Time
			for i := 29; i >= 0; i-- {
				if c.want(i) {
					want = append(want, storetest.Now.Add(time.Duration(i)*time.Hour))
				}
			}
			c.q.Limit = 4
			var pages [][]store.Audit
			for {
				page, more, err := s.AuditRows(t.Context(), c.q)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range page {
					got = append(got, r.At)
				}
				pages = append(pages, page)
				if !more {
					break
				}
				c.q.Older = page[len(page)-1].Seq
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v; want %v", name, got, want)
			}
			if len(pages) > 2 { // and back
				c.q.Older, c.q.Newer = 0, pages[2][0].Seq
				if back, more, err := s.AuditRows(t.Context(), c.q); err != nil || !more || !reflect.DeepEqual(back, pages[1]) {
					t.Errorf("%s, back: %v, %v, %v; want %v", name, back, more, err, pages[1])
				}
			}
		}
	})
}

func TestFailedSignIns_CountsByAddress(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		fail := func(ip, email, action string, ago time.Duration) {
			t.Helper()
			row := store.Audit{At: storetest.Now.Add(-ago), Action: action, TargetKind: "email", Target: email, IP: ip}
			if err := s.Apply(t.Context(), store.Audited(row)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5 {
			fail("203.0.113.7", fmt.Sprintf("%d@example.com", i%2), store.SignInFailed, time.Duration(i+1)*time.Hour)
		}
		fail("203.0.113.8", "a@example.com", store.SignInFailed, time.Minute)
		fail("203.0.113.9", "a@example.com", store.SignInFailed, 25*time.Hour)
		fail("203.0.113.9", "a@example.com", store.PasswordChanged, time.Hour)
		want := []store.FailedAddress{
			{IP: "203.0.113.7", Failures: 5, Accounts: 2, Last: storetest.Now.Add(-time.Hour)},
			{IP: "203.0.113.8", Failures: 1, Accounts: 1, Last: storetest.Now.Add(-time.Minute)},
		}
		since := storetest.Now.Add(-24 * time.Hour)
		if got, more, err := s.FailedSignIns(t.Context(), since, 2); err != nil || more || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v, %v; want %+v", got, more, err, want)
		}
		if got, more, err := s.FailedSignIns(t.Context(), since, 1); err != nil || !more || !reflect.DeepEqual(got, want[:1]) {
			t.Errorf("the first of two: %+v, %v, %v", got, more, err)
		}
	})
}
