package storetest_test

import (
	"errors"
	"slices"
	"testing"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

// found are the emails of those whom a text finds, sorted.
func found(t *testing.T, s *store.Store, text string) []string {
	t.Helper()
	page, err := s.SearchPeople(t.Context(), store.PeopleQuery{Text: text, Now: storetest.Now, Limit: 50})
	if err != nil {
		t.Fatalf("search %q: %v", text, err)
	}
	emails := []string{}
	for _, u := range page.Users {
		emails = append(emails, u.Email)
	}
	slices.Sort(emails)
	return emails
}

func named(t *testing.T, s *store.Store, email, name string) store.User {
	t.Helper()
	u := storetest.User(email)
	u.Name = name
	if err := s.Register(t.Context(), u, storetest.SignIn(u)); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSearchPeople_FoldsWhatIsTyped(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		named(t, s, "zoe.muller@example.com", "Zoë Müller-Łukasz")
		named(t, s, "o.neil@mail.test", "Sinéad O’Neil")
		named(t, s, "strasse@example.com", "Jörg STRAẞE")
		named(t, s, "ivan@example.com", "Иван Żółw")
		for _, c := range []struct {
			text string
			want []string
		}{
			{"zoe", []string{"zoe.muller@example.com"}},
			{"ZOË mul", []string{"zoe.muller@example.com"}},
			{"lukasz", []string{"zoe.muller@example.com"}},
			{"müller łuk", []string{"zoe.muller@example.com"}},
			{"muller-lukasz", []string{"zoe.muller@example.com"}},
			{"o'neil", []string{"o.neil@mail.test"}},
			{"strass", []string{"strasse@example.com"}},
			{"straße", []string{"strasse@example.com"}},
			{"иВА", []string{"ivan@example.com"}},
			{"zolw", []string{"ivan@example.com"}},
			{"O.Neil@Mail", []string{"o.neil@mail.test"}},
			{"example", []string{"ivan@example.com", "strasse@example.com", "zoe.muller@example.com"}},
			{"example neil", []string{}},
			{"oe", []string{}},                                      // the middle of a word is not looked for
			{"% _ * \\ '", []string{}},                              // nothing is a pattern
			{"\U0010FFFF", []string{}},                              // behind every word
			{"user-ivan@example.com", []string{"ivan@example.com"}}, // an id
			{"  ", []string{"ivan@example.com", "o.neil@mail.test", "strasse@example.com", "zoe.muller@example.com"}},
		} {
			if got := found(t, s, c.text); !slices.Equal(got, c.want) {
				t.Errorf("%q finds %q; want %q", c.text, got, c.want)
			}
		}
	})
}

func TestSearchPeople_FollowsTheAccount(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u := named(t, s, "maria@example.com", "Maria Keller")
		expect := func(text string, want ...string) {
			t.Helper()
			if want == nil {
				want = []string{}
			}
			if got := found(t, s, text); !slices.Equal(got, want) {
				t.Errorf("%q finds %q; want %q", text, got, want)
			}
		}
		if err := s.SetName(t.Context(), u.ID, "Maria Brunner", storetest.Now); err != nil {
			t.Fatal(err)
		}
		expect("keller")
		expect("brunner", "maria@example.com")
		if err := s.SetEmail(t.Context(), u.ID, u.PasswordHash, "m.b@other.test", "m.b@other.test", storetest.Now); err != nil {
			t.Fatal(err)
		}
		expect("maria@example")
		expect("m.b@other", "m.b@other.test")
		if err := s.SetEmail(t.Context(), u.ID, "another hash", "x@y.test", "x@y.test", storetest.Now); !errors.Is(err, store.ErrStale) {
			t.Errorf("an email with another password: %v", err)
		}
		expect("x@y")
		other := named(t, s, "taken@example.com", "Otto Other")
		if err := s.SetEmail(t.Context(), other.ID, other.PasswordHash, "m.b@other.test", "m.b@other.test", storetest.Now); !errors.Is(err, store.ErrEmailTaken) {
			t.Errorf("an email that is taken: %v", err)
		}
		expect("otto", "taken@example.com")
		if err := s.Apply(t.Context(), store.DeleteUser(u.ID, "", storetest.Now)); err != nil {
			t.Fatal(err)
		}
		expect("brunner")
		if n := count(t, d, `SELECT COUNT(*) FROM user_words WHERE user_id = ?`, u.ID); n != 0 {
			t.Errorf("%d words of a deleted account stay", n)
		}
		page, err := s.SearchPeople(t.Context(), store.PeopleQuery{State: store.StateDeleted, Now: storetest.Now, Limit: 5})
		if err != nil || len(page.Users) != 1 || page.Users[0].ID != u.ID {
			t.Errorf("deleted accounts: %v, %v", page.Users, err)
		}
	})
}

// Whoever was there before the database kept words is found after the upkeep at start.
func TestIndexPeople_FindsThoseOfBefore(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		var people []store.User
		for i := range 450 { // more than are indexed at once
			u := storetest.User("old" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "@example.com")
			u.Name = "Ancient Person"
			people = append(people, u)
		}
		if err := s.SeedUsers(t.Context(), people); err != nil {
			t.Fatal(err)
		}
		before := count(t, d, `SELECT COUNT(*) FROM user_words`)
		for _, statement := range []string{`DELETE FROM user_words`, `UPDATE users SET indexed = FALSE`} {
			if _, err := d.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if got := found(t, s, "ancient"); len(got) != 0 {
			t.Errorf("found without words: %q", got)
		}
		if n, err := s.IndexUsers(t.Context()); err != nil || n != 450 {
			t.Errorf("indexed %d, %v; want 450", n, err)
		}
		if n := count(t, d, `SELECT COUNT(*) FROM user_words`); n != before {
			t.Errorf("%d words; want %d", n, before)
		}
		if n, err := s.IndexUsers(t.Context()); err != nil || n != 0 {
			t.Errorf("indexed %d again, %v", n, err)
		}
	})
}
