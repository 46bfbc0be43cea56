package storetest_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

func each(t *testing.T, test func(t *testing.T, s *store.Store, d *db.DB)) {
	t.Helper()
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) { test(t, storetest.New(t, d), d) })
}

func count(t *testing.T, d *db.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := d.GetContext(t.Context(), &n, d.Rebind(query), args...); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestUsers_ComeBackAsTheyWere(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		u, _ := storetest.Registered(t, s, "maria@example.com")
		for name, read := range map[string]func() (store.User, error){
			"by id":    func() (store.User, error) { return s.UserByID(t.Context(), u.ID) },
			"by email": func() (store.User, error) { return s.UserByEmail(t.Context(), u.EmailNormalised) },
		} {
			if got, err := read(); err != nil || !reflect.DeepEqual(got, u) {
				t.Errorf("%s: %+v, %v; want %+v", name, got, err, u)
			}
		}
		for _, unknown := range []string{"", "otto@example.com", "' OR '1'='1", "%", "<b>"} {
			if _, err := s.UserByEmail(t.Context(), unknown); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("email %q: %v", unknown, err)
			}
			if _, err := s.UserByID(t.Context(), unknown); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("id %q: %v", unknown, err)
			}
		}
	})
}

func TestUsers_DisabledComesBack(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		u := storetest.User("maria@example.com")
		u.DisabledAt = storetest.Now.Add(time.Hour)
		if err := s.SeedUsers(t.Context(), []store.User{u}); err != nil {
			t.Fatal(err)
		}
		got, err := s.UserByID(t.Context(), u.ID)
		if err != nil || !got.Disabled(storetest.Now) || !got.DisabledAt.Equal(u.DisabledAt) {
			t.Fatalf("%+v, %v", got, err)
		}
		if err := s.SignIn(t.Context(), storetest.SignIn(u), u.PasswordHash); !errors.Is(err, store.ErrStale) {
			t.Fatalf("a disabled person signs in: %v", err)
		}
	})
}

func TestUsers_OneEmailIsOneAccount(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		var made, taken atomic.Int64
		var wg sync.WaitGroup
		for i := range 12 {
			wg.Go(func() {
				u := storetest.User("maria@example.com")
				u.ID = fmt.Sprintf("user-%d", i)
				switch err := s.Register(t.Context(), u, storetest.SignIn(u)); {
				case err == nil:
					made.Add(1)
				case errors.Is(err, store.ErrEmailTaken):
					taken.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 || taken.Load() != 11 {
			t.Errorf("made %d, taken %d", made.Load(), taken.Load())
		}
		for _, table := range []string{"users", "sign_ins"} {
			if n := count(t, d, "SELECT COUNT(*) FROM "+table); n != 1 {
				t.Errorf("%d rows in %s", n, table)
			}
		}
		if n := count(t, d, "SELECT COUNT(*) FROM event_outbox WHERE type IN ('registered', 'sign_in')"); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}

func TestUsers_SeedLeavesThoseThatAreThere(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		there, _ := storetest.Registered(t, s, "maria@example.com")
		again := there
		again.Name, again.PasswordHash = "Somebody else", "another"
		clash := storetest.User("maria@example.com")
		clash.ID = "another-id"
		other := storetest.User("otto@example.com")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if err := s.SeedUsers(t.Context(), []store.User{again, clash, other}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := count(t, d, "SELECT COUNT(*) FROM users"); n != 2 {
			t.Errorf("%d users", n)
		}
		if got, err := s.UserByID(t.Context(), there.ID); err != nil || !reflect.DeepEqual(got, there) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestUsers_Changes(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		ctx := t.Context()
		u, _ := storetest.Registered(t, s, "maria@example.com")
		storetest.Registered(t, s, "otto@example.com")
		later := storetest.Now.Add(time.Hour)
		gone, _ := storetest.Registered(t, s, "gone@example.com")
		if err := s.Apply(ctx, store.DeleteUser(gone.ID, "", later)); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			name string
			err  error
			want error
		}{
			{"name", s.SetName(ctx, u.ID, "Maria <b> 'Keller'", later), nil},
			{"name of nobody", s.SetName(ctx, "nobody", "x", later), store.ErrNotFound},
			{"name of a deleted account", s.SetName(ctx, gone.ID, "Maria Keller", later), store.ErrNotFound},
			{"email that is taken", s.SetEmail(ctx, u.ID, u.PasswordHash, "Otto@example.com", "otto@example.com", later), store.ErrEmailTaken},
			{"email with an old hash", s.SetEmail(ctx, u.ID, "old", "m@example.com", "m@example.com", later), store.ErrStale},
			{"email", s.SetEmail(ctx, u.ID, u.PasswordHash, "M@Example.com", "m@example.com", later), nil},
			{"email, the same again", s.SetEmail(ctx, u.ID, u.PasswordHash, "m@Example.com", "m@example.com", later), nil},
			{"password with an old hash", s.Apply(ctx, store.ChangePassword(u.ID, "old", "new", later)), store.ErrStale},
			{"password", s.Apply(ctx, store.ChangePassword(u.ID, u.PasswordHash, "new", later)), nil},
			{"password twice", s.Apply(ctx, store.ChangePassword(u.ID, u.PasswordHash, "newer", later)), store.ErrStale},
			{"rehash of an old one", s.Rehash(ctx, u.ID, u.PasswordHash, "newest"), store.ErrStale},
		} {
			if !errors.Is(step.err, step.want) {
				t.Errorf("%s: %v, want %v", step.name, step.err, step.want)
			}
		}
		got, err := s.UserByEmail(ctx, "m@example.com")
		if err != nil {
			t.Fatal(err)
		}
		if got.Name != "Maria <b> 'Keller'" || got.Email != "m@Example.com" || got.PasswordHash != "new" ||
			!got.PasswordChangedAt.Equal(later) || !got.UpdatedAt.Equal(later) {
			t.Errorf("%+v", got)
		}
		if err := s.Rehash(ctx, u.ID, "new", "new, stronger"); err != nil {
			t.Fatal(err)
		}
		if again, err := s.UserByID(ctx, u.ID); err != nil || again.PasswordHash != "new, stronger" || !again.PasswordChangedAt.Equal(later) {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

// The statement of docs/operating.md, by which an operator gives roles, does so on both databases.
func TestUsers_RolesGivenByTheDocumentedStatement(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```sql\n(UPDATE portal\\.users.*?)```").FindSubmatch(doc)
	if found == nil {
		t.Fatal("docs/operating.md shows no statement for roles")
	}
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, _ := storetest.Registered(t, s, "maria@example.com")
		statement := string(found[1])
		if d.Dialect == db.SQLite {
			statement = strings.Replace(statement, "portal.users", "users", 1)
		}
		if _, err := d.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if got, err := s.UserByID(t.Context(), u.ID); err != nil || !slices.Equal(got.Roles, []string{"customer", "admin"}) {
			t.Errorf("roles %v, %v", got.Roles, err)
		}
	})
}
