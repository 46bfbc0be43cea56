package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse.example/apps/academy/experiments/emails/store"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

// each runs the test on both kinds of database.
func each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	open := func(t *testing.T, s *store.Store, err error) *store.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	t.Run("sqlite", func(t *testing.T) {
		s, err := store.OpenSQLite(t.Context(), t.TempDir())
		test(t, open(t, s, err))
	})
	t.Run("postgres", func(t *testing.T) {
		s, err := store.OpenPostgres(t.Context(), env.PostgresURL(t))
		test(t, open(t, s, err))
	})
}

func grown(t *testing.T, s *store.Store, rows int) {
	t.Helper()
	for from := 1; from <= rows; from += store.Batch {
		if err := s.Grow(t.Context(), from, min(from+store.Batch-1, rows)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestGrow_MakesTheEmailsThatEmailTells(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		const rows = store.Batch + 10
		grown(t, s, rows)
		if n, err := s.Count(t.Context()); err != nil || n != rows {
			t.Fatalf("%d users, %v", n, err)
		}
		for _, n := range []int{1, 9, 10, 123, rows} {
			found, _, err := s.Find(t.Context(), store.Exact, store.Email(n))
			if err != nil || len(found) != 1 || found[0].ID != int64(n) {
				t.Errorf("%s: %+v, %v", store.Email(n), found, err)
			}
		}
		if n, err := s.Bytes(t.Context()); err != nil || n < 100*rows {
			t.Errorf("the table has %d bytes, %v", n, err)
		}
	})
}

func TestEmail_OfManyUsers(t *testing.T) {
	for n, want := range map[int]string{7: "user000007@example.com", 10: "User000010@example.com", 4_999_999: "user4999999@example.com"} {
		if got := store.Email(n); got != want {
			t.Errorf("Email(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestGrow_RefusesWhatIsNoBatch(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		for _, c := range [][2]int{{0, 1}, {2, 1}, {1, store.Batch + 1}} {
			if err := s.Grow(t.Context(), c[0], c[1]); err == nil {
				t.Errorf("users %v were made", c)
			}
		}
	})
}

// scans and seeks are the words of both databases.
func scans(plan string) bool {
	return strings.Contains(plan, "SCAN users") || strings.Contains(plan, "Seq Scan on users")
}

func seeks(plan, index string) bool {
	return strings.Contains(plan, "USING INDEX "+index) || strings.Contains(plan, "Scan using "+index) || strings.Contains(plan, "Scan on "+index)
}

func TestFits_NotMoreThanThereIsRoomFor(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		grown(t, s, 1000)
		for users, want := range map[int]bool{1000: true, 1_000_000_000_000: false} {
			if fits, err := s.Fits(t.Context(), users); err != nil || fits != want {
				t.Errorf("%d users fit: %v, %v", users, fits, err)
			}
		}
	})
}

func TestFits_InWhatPostgresHasForAll(t *testing.T) {
	url := env.PostgresURL(t)
	var open [2]*store.Store
	for i := range open {
		s, err := store.OpenPostgres(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		open[i] = s
	}
	most := 1
	for fits := true; fits; most *= 2 {
		var err error
		if fits, err = open[0].Fits(t.Context(), most); err != nil {
			t.Fatal(err)
		}
	}
	low, high := most/4, most/2 // it fits, it does not
	for high-low > 1 {
		fits, err := open[0].Fits(t.Context(), (low+high)/2)
		if err != nil {
			t.Fatal(err)
		}
		if fits {
			low = (low + high) / 2
		} else {
			high = (low + high) / 2
		}
	}
	grown(t, open[0], 5000)
	if fits, err := open[0].Fits(t.Context(), low); err != nil || !fits {
		t.Errorf("one's own table goes, but counts: %v", err)
	}
	grown(t, open[1], 5000)
	if fits, err := open[0].Fits(t.Context(), low); err != nil || fits {
		t.Errorf("another run's table does not count: %v", err)
	}
}

func TestPlan_FollowsTheIndexes(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		const rows = 10_000
		grown(t, s, rows)
		exact, folded := store.Email(rows/2), strings.ToLower(store.Email(rows/2))
		plan := func(how store.Lookup, email string) string {
			t.Helper()
			p, err := s.Plan(t.Context(), how, email)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		if p := plan(store.Exact, exact); !scans(p) {
			t.Errorf("without an index: %s", p)
		}
		took, size, err := s.MakeIndex(t.Context(), store.Plain)
		if err != nil || took <= 0 || size < 10*rows {
			t.Fatalf("the index: %s, %d bytes, %v", took, size, err)
		}
		if p := plan(store.Exact, exact); !seeks(p, "users_email") {
			t.Errorf("with the index: %s", p)
		}
		if p := plan(store.Folded, folded); !scans(p) {
			t.Errorf("LOWER with the plain index: %s", p)
		}
		if _, _, err := s.MakeIndex(t.Context(), store.Lower); err != nil {
			t.Fatal(err)
		}
		if p := plan(store.Folded, folded); !seeks(p, "users_email_lower") {
			t.Errorf("LOWER with its index: %s", p)
		}
		if err := s.DropIndex(t.Context(), store.Plain); err != nil {
			t.Fatal(err)
		}
		if p := plan(store.Exact, exact); !scans(p) {
			t.Errorf("after the index was dropped: %s", p)
		}
	})
}

func TestRegister_OneEmailInTwoCases(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		grown(t, s, 100)
		if err := s.Register(ctx, "USER000007@example.com", "Twice"); err != nil {
			t.Fatal(err)
		}
		if found, _, err := s.Find(ctx, store.Folded, "user000007@example.com"); err != nil || len(found) != 2 {
			t.Errorf("%+v, %v", found, err)
		}
		if _, _, err := s.MakeIndex(ctx, store.Unique); !db.IsUnique(err) {
			t.Errorf("a unique index over two alike: %v", err)
		}
		if n, err := s.RemoveAfter(ctx, 100); err != nil || n != 1 {
			t.Fatalf("%d removed, %v", n, err)
		}
		if _, _, err := s.MakeIndex(ctx, store.Unique); err != nil {
			t.Fatal(err)
		}
		if err := s.Register(ctx, "USER000007@example.com", "Twice"); !db.IsUnique(err) {
			t.Errorf("the same email in another case: %v", err)
		}
	})
}

func TestGrow_StopsWhenItIsCancelled(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Grow(ctx, 1, 10); err == nil {
			t.Error("users were made after the end")
		}
		grown(t, s, 10) // and it can be used all the same
		if n, err := s.Count(t.Context()); err != nil || n != 10 {
			t.Errorf("%d users, %v", n, err)
		}
	})
}

func TestClose_LeavesNothing(t *testing.T) {
	dir := t.TempDir()
	s, err := store.OpenSQLite(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	grown(t, s, 10)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Error("the folder is not ours to remove")
	}
}

// What a killed run left is dropped by the next one; what lives is not.
func TestOpenPostgres_TidiesUpAfterTheDead(t *testing.T) {
	url := env.PostgresURL(t)
	ctx := t.Context()
	living, err := store.OpenPostgres(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	grown(t, living, 10)
	const dead = "academy_lab_emails_dead"
	d, err := db.Open(ctx, url, dead) // makes the schema, and holds no lock
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	schemas := func() (n int) {
		t.Helper()
		if err := d.GetContext(ctx, &n, `SELECT COUNT(*) FROM pg_namespace WHERE nspname LIKE 'academy%'`); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := schemas(); n != 2 {
		t.Fatalf("%d schemas", n)
	}
	next, err := store.OpenPostgres(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	if n := schemas(); n != 2 {
		t.Errorf("%d schemas, want those of the two that live", n)
	}
	if n, err := living.Count(ctx); err != nil || n != 10 {
		t.Errorf("the living one has %d users, %v", n, err)
	}
	for _, s := range []*store.Store{living, next} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := schemas(); n != 0 {
		t.Errorf("%d schemas are left", n)
	}
}
