package store_test

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gatehouse.example/apps/shop/goods"
	"gatehouse.example/apps/shop/store"
	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

func TestSearch_FindsSimilarWords(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		find := func(q store.Query) store.Listing {
			t.Helper()
			q.Similar, q.Page, q.PerPage = true, 1, 50
			l, err := s.Search(t.Context(), q)
			if err != nil {
				t.Fatalf("%q: %v", q.Text, err)
			}
			return l
		}
		for text, want := range map[string]string{
			"lamp": "", "lam": "", "lampe": "lamp", "lmap": "lamp", "LMAPS": "lamps", "lanp": "lamp", "lantren": "lantern", "Brass padlcok": "brass padlock", "hingse": "hinge",
			"keybord": "key", "lampenschirm": "lamp", "lamp qqqqqqqq": "lamp", "qqqqqqqq": "", "zz": "", "zzzz": "", "%": "", "": "",
		} {
			l := find(store.Query{Text: text})
			if l.Similar != want || want != "" && (l.Total == 0 || l.Total != find(store.Query{Text: want}).Total) {
				t.Errorf("%q: %q, %v", text, l.Similar, slugs(l))
			}
		}
		if l := find(store.Query{Text: "lampe", Category: "garden"}); l.Similar != "lamp" || l.All == 0 {
			t.Errorf("in another category: %q, %d of %d", l.Similar, l.Total, l.All)
		}
		if l := find(store.Query{Text: "lamp", MaxCents: 1}); l.Similar != "" || l.Total != 0 {
			t.Errorf("too dear: %q, %v", l.Similar, slugs(l))
		}
		if l, err := s.Search(t.Context(), store.Query{Text: "lampe", Page: 1, PerPage: 50}); err != nil || l.Total != 0 {
			t.Errorf("unasked: %v, %v", slugs(l), err)
		}
		// A new product's words are similar to mistyped ones, too.
		_, err := d.ExecContext(t.Context(), `INSERT INTO products (slug, category, name, name_lower, price_cents, stock, short, description, specs, featured, added_at, search)
			VALUES ('keyboard', 'stationery', 'Keyboard', 'keyboard', 1, 1, '', '', '[]', 1, 1, 'keyboard with 104 keys')`)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CleanUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if l := find(store.Query{Text: "keybord"}); l.Similar != "keyboard" || len(l.Products) != 1 {
			t.Errorf("keybord: %q, %v", l.Similar, slugs(l))
		}
	})
}

func TestDifferences_AreADistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "abc", 3}, {"lamp", "lamp", 0}, {"lmap", "lamp", 1}, {"lampe", "lamp", 1}, {"keybord", "keyboard", 1}, {"öl", "ol", 1}, {"ab", "ba", 1}, {"kitten", "sitting", 3}} {
		if n := store.Differences(c.a, c.b); n != c.want {
			t.Errorf("%s, %s: %d, want %d", c.a, c.b, n, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.RuneFrom([]rune("abö")), 0, 8, -1)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		n, longer := store.Differences(a, b), max(len([]rune(a)), len([]rune(b)))
		if n != store.Differences(b, a) || n > longer || (n == 0) != (a == b) {
			t.Errorf("%q, %q: %d", a, b, n)
		}
	})
}

func TestSearch_FiltersByPriceAndStock(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		all, err := s.Search(t.Context(), store.Query{Page: 1, PerPage: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []store.Query{
			{MinCents: 5000}, {MaxCents: 1450}, {MinCents: 1900, MaxCents: 3900}, {InStock: true}, {MinCents: 4000, InStock: true, Category: "garden"}, {MaxCents: 100},
			{Text: "brass", MaxCents: 3900}, {Text: "garden", InStock: true, Sort: store.PriceDown},
		} {
			words, err := s.Search(t.Context(), store.Query{Text: q.Text, Page: 1, PerPage: 100})
			if err != nil {
				t.Fatal(err)
			}
			want, inAll := map[string]bool{}, 0
			for _, p := range words.Products {
				if p.PriceCents < q.MinCents || q.MaxCents > 0 && p.PriceCents > q.MaxCents || q.InStock && p.Stock == 0 {
					continue
				}
				inAll++
				if q.Category == "" || q.Category == p.Category {
					want[p.Slug] = true
				}
			}
			q.PerPage = 3
			got := map[string]bool{}
			for page := 1; page <= max(1, (len(want)+2)/3); page++ {
				q.Page = page
				l, err := s.Search(t.Context(), q)
				if err != nil || l.Total != len(want) || l.All != inAll || l.Page != page {
					t.Fatalf("%+v: %d of %d, want %d of %d, %v", q, l.Total, l.All, len(want), inAll, err)
				}
				for _, p := range l.Products {
					got[p.Slug] = want[p.Slug]
				}
			}
			for slug, ok := range got {
				if !ok {
					t.Errorf("%+v finds %s", q, slug)
				}
			}
			if len(got) != len(want) || len(want) == len(all.Products) {
				t.Errorf("%+v: %d, want %d", q, len(got), len(want))
			}
		}
	})
}

// Filters that select very many products, or only some of very many that have the words.
func TestSearch_FiltersMany(t *testing.T) {
	grown(t, 1_200, func(t *testing.T, s *store.Store, d *db.DB) {
		for _, q := range []store.Query{{MinCents: 101}, {MinCents: 101, Text: "brass"}, {MinCents: 101, InStock: true}} {
			q.Sort, q.Page, q.PerPage = store.PriceUp, 1, 12
			l, err := s.Search(t.Context(), q)
			if err != nil || !l.Many || l.Total != 120 || l.Products[0].Slug != "p101" {
				t.Errorf("%+v: %d, %v, %v", q, l.Total, slugs(l), err)
			}
		}
		l, err := s.Search(t.Context(), store.Query{Text: "brass", MinCents: 900, MaxCents: 910, Sort: store.PriceUp, Page: 1, PerPage: 12})
		if err != nil || l.Total != 11 || l.Products[0].Slug != "p900" {
			t.Errorf("few of many: %d, %v, %v", l.Total, slugs(l), err)
		}
	})
}

// A role that may not create extensions has a shop, too: with the index of trigrams if the extension is there.
func TestMigrate_ByARoleWithFewRights(t *testing.T) {
	for _, there := range []bool{false, true} {
		address, err := url.Parse(env.PostgresURL(t))
		if err != nil {
			t.Fatal(err)
		}
		admin, err := db.Open(t.Context(), address.String(), "portal")
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		role := "shop_of_" + strings.TrimPrefix(address.Path, "/")
		statements := []string{`CREATE ROLE "` + role + `" LOGIN PASSWORD 'secret'`, `CREATE SCHEMA shop AUTHORIZATION "` + role + `"`}
		if there {
			statements = append(statements, `CREATE EXTENSION pg_trgm WITH SCHEMA public`)
		}
		for _, statement := range statements {
			if _, err := admin.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		address.User = url.UserPassword(role, "secret")
		d, err := db.Open(t.Context(), address.String(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		var indexed bool
		if err := d.GetContext(t.Context(), &indexed, `SELECT to_regclass('search_vocabulary_trigrams') IS NOT NULL`); err != nil || indexed != there {
			t.Errorf("indexed: %v, want %v, %v", indexed, there, err)
		}
		s, err := store.New(d)
		if err != nil {
			t.Fatal(err)
		}
		c, err := goods.Load()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SeedCatalogue(t.Context(), c, now); err != nil {
			t.Fatal(err)
		}
		if l, err := s.Search(t.Context(), store.Query{Text: "lmap", Similar: true, Page: 1, PerPage: 5}); err != nil || l.Similar != "lamp" {
			t.Errorf("lmap: %q, %v", l.Similar, err)
		}
	}
}
