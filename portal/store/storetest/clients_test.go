package storetest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
	"gatehouse.example/tests/env"
)

func idsOf(all []store.Client) string {
	ids := make([]string, len(all))
	for i, c := range all {
		ids[i] = c.ID
	}
	return strings.Join(ids, " ")
}

func TestClientPage_BothWaysAndSearch(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		s := storetest.New(t, d)
		for i := range 7 {
			c := store.Client{ID: fmt.Sprintf("app%d", i), Name: fmt.Sprintf("Name %d of 100%%", i), AuthMethod: "none", CreatedAt: storetest.Now}
			if i == 6 {
				c.Name = "Über_all"
			}
			if err := s.Apply(t.Context(), store.AddClient(c)); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range []struct {
			q    store.ClientQuery
			want string
			more bool
		}{
			{store.ClientQuery{Limit: 3}, "app0 app1 app2", true},
			{store.ClientQuery{Limit: 3, After: "app2"}, "app3 app4 app5", true},
			{store.ClientQuery{Limit: 3, After: "app5"}, "app6", false},
			{store.ClientQuery{Limit: 3, Before: "app6"}, "app3 app4 app5", true},
			{store.ClientQuery{Limit: 3, Before: "app3"}, "app0 app1 app2", false},
			{store.ClientQuery{Limit: 7}, "app0 app1 app2 app3 app4 app5 app6", false},
			{store.ClientQuery{Limit: 9, Search: "APP5"}, "app5", false},
			{store.ClientQuery{Limit: 9, Search: "name 3"}, "app3", false},
			{store.ClientQuery{Limit: 9, Search: "Über"}, "app6", false},
			{store.ClientQuery{Limit: 9, Search: "_"}, "app6", false},
			{store.ClientQuery{Limit: 2, Search: "%"}, "app0 app1", true},
			{store.ClientQuery{Limit: 2, Search: "%", After: "app1"}, "app2 app3", true},
			{store.ClientQuery{Limit: 9, Search: "~"}, "", false},
			{store.ClientQuery{Limit: 9, Search: "' OR 1=1 --"}, "", false},
		} {
			page, more, err := s.ClientPage(t.Context(), test.q)
			if err != nil || idsOf(page) != test.want || more != test.more {
				t.Errorf("%+v: %q, %v, %v", test.q, idsOf(page), more, err)
			}
		}
	})
}

func TestClientChanges_EachRefusal(t *testing.T) {
	env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
		s := storetest.New(t, d)
		ctx := t.Context()
		declared := store.Client{ID: "declared", Name: "D", AuthMethod: "none"}
		if n, err := s.DeclareClients(ctx, []store.Client{declared}, storetest.Now); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		if n, err := s.DeclareClients(ctx, []store.Client{declared}, storetest.Now); n != 0 || err != nil {
			t.Errorf("declared alike: %d, %v", n, err)
		}
		made := store.Client{ID: "made", Name: "M", AuthMethod: "none", Scopes: []string{"openid"}, Version: 1, CreatedAt: storetest.Now}
		for _, test := range []struct {
			what   string
			change store.Change
			want   error
		}{
			{"add", store.AddClient(made), nil},
			{"add again", store.AddClient(made), store.ErrClientTaken},
			{"add what is declared", store.AddClient(declared), store.ErrClientTaken},
			{"edit", store.EditClient(made), nil},
			{"edit again", store.EditClient(made), store.ErrClientChanged},
			{"edit what is declared", store.EditClient(store.Client{ID: "declared", Version: 1}), store.ErrClientDeclared},
			{"edit nothing", store.EditClient(store.Client{ID: "nothing", Version: 1}), store.ErrNotFound},
			{"enable what is enabled", store.EnableClient("made"), store.ErrClientChanged},
			{"disable", store.DisableClient("made", storetest.Now), nil},
			{"disable again", store.DisableClient("made", storetest.Now), store.ErrClientChanged},
			{"disable what is declared", store.DisableClient("declared", storetest.Now), nil},
			{"disable it again", store.DisableClient("declared", storetest.Now), store.ErrClientChanged},
			{"disable nothing", store.DisableClient("nothing", storetest.Now), store.ErrNotFound},
			{"enable", store.EnableClient("made"), nil},
		} {
			if err := s.Apply(ctx, test.change); !errors.Is(err, test.want) {
				t.Errorf("%s: %v", test.what, err)
			}
		}
		c, err := s.Client(ctx, "made")
		if err != nil || c.Version != 4 || !c.DisabledAt.IsZero() || c.Declared || !slices.Equal(c.Scopes, []string{"openid"}) {
			t.Errorf("%+v, %v", c, err)
		}
		if _, err := s.Client(ctx, "nothing"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("nothing: %v", err)
		}
		if n, err := s.DeclareClients(ctx, nil, storetest.Now); n != 1 || err != nil {
			t.Errorf("nothing is declared any more: %d, %v", n, err)
		}
		if c, err := s.Client(ctx, "declared"); err != nil || c.Declared || c.DisabledAt.IsZero() {
			t.Errorf("%+v, %v", c, err)
		}
	})
}
