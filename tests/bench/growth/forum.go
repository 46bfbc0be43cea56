//go:build unix

package main

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/forum"
	"gatehouse.example/db"
	"gatehouse.example/web"
)

var forumSuite = suite{
	service: "forum", rows: "threads", small: 100, large: 250_000, seed: seedForum, start: startForum,
	requests: []request{
		{name: "home", path: "/"},
		{name: "home, a page in the middle", path: "/?page=6000"},
		{name: "home, last page", path: "/?page=1000000"},
		{name: "home, most voted", path: "/?sort=votes"},
		{name: "board, active", path: "/b/products?sort=active"},
		{name: "unanswered", path: "/?sort=unanswered"},
		{name: "unanswered of a board", path: "/b/products?sort=unanswered"},
		{name: "search, a rare beginning", path: "/search?q=unique77"},
		{name: "search, a word of all threads", path: "/search?q=house"},
		{name: "search, the beginning of a word", path: "/search?q=wor"},
		{name: "search, common words that no thread shares", path: "/search?q=oak+pine"},
		{name: "search, most voted", path: "/search?q=house&sort=votes"},
		{name: "search, nothing", path: "/search?q=nowhere"},
		{name: "search, eight at once", path: "/search?q=house+word7", atOnce: true},
	},
}

func startForum(ctx context.Context, d *db.DB, rdb redis.UniversalClient) (http.Handler, error) {
	estate, err := web.ParseEstate("http://localhost:8080")
	if err != nil {
		return nil, err
	}
	app, err := forum.New(ctx, forum.Deps{DB: d, Redis: rdb, Estate: estate, Replica: "forum-1", Logger: slog.New(slog.DiscardHandler), ClientSecret: "secret", Keys: sessionKeys})
	if err != nil {
		return nil, err
	}
	return app.Handler(), nil
}

// seedForum inserts n threads, two of three with a reply. All contain "house", every second one "oak" and the others
// "pine", every thousandth the same numbered word, and each a unique word.
func seedForum(ctx context.Context, d *db.DB, n int) error {
	const words = `'the house of ' || CASE WHEN i % 2 = 0 THEN 'oak' ELSE 'pine' END || ' word' || CAST(i % 1000 AS TEXT) || ' unique' || CAST(i AS TEXT)`
	statements := []string{
		`INSERT INTO boards (slug, name, description, icon, position, staff_only) VALUES ('products', 'Products', '', 'package', 1, FALSE), ('house', 'House', '', 'megaphone', 2, TRUE)`,
		`%n INSERT INTO threads (id, board, title, search, author_sub, author_name, product_slug, product_name, product_path,
			votes, reply_count, last_number, created_at, active_at, pinned_at, locked_at, removed_at)
			SELECT 't' || CAST(i AS TEXT), CASE WHEN i % 10 = 0 THEN 'house' ELSE 'products' END, ` + words + `, ` + words + `, 'u', 'U', '', '', '',
			i % 97, CASE WHEN i % 3 = 0 THEN 0 ELSE 1 END, CASE WHEN i % 3 = 0 THEN 1 ELSE 2 END, 1700000000000 + i * 1000, 1700000000000 + i * 1000 + i % 7 * 100000, 0, 0, 0 FROM n`,
		`%n INSERT INTO posts (id, thread_id, number, author_sub, author_name, source, search, votes, version, form_key, created_at, edited_at, removed_at, removed_by, removed_reason)
			SELECT 'p' || CAST(i AS TEXT), 't' || CAST(i AS TEXT), 1, 'u' || CAST(i AS TEXT), 'U', ` + words + `, ` + words + `, i % 97, 1, 'k', 1700000000000 + i * 1000, 0, 0, '', '' FROM n`,
		`%n INSERT INTO posts (id, thread_id, number, author_sub, author_name, source, search, votes, version, form_key, created_at, edited_at, removed_at, removed_by, removed_reason)
			SELECT 'r' || CAST(i AS TEXT), 't' || CAST(i AS TEXT), 2, 'u' || CAST(i AS TEXT), 'U', 'An answer', 'an answer', 0, 1, 'r', 1700000000000 + i * 1000, 0, 0, '', '' FROM n WHERE i % 3 <> 0`,
		`%n INSERT INTO search_documents (id, words) SELECT 't' || CAST(i AS TEXT), ` + words + ` || ' an answer' FROM n`,
		`UPDATE boards SET threads = (SELECT COUNT(*) FROM threads WHERE board = slug)`,
	}
	if d.Dialect == db.SQLite {
		statements = append(statements, `%n INSERT INTO search_vocabulary (word) SELECT 'unique' || CAST(i AS TEXT) FROM n UNION SELECT 'word' || CAST(i % 1000 AS TEXT) FROM n`,
			`INSERT INTO search_vocabulary (word) VALUES ('the'), ('house'), ('of'), ('oak'), ('pine'), ('an'), ('answer')`)
	}
	return fill(ctx, d, n, statements...)
}
