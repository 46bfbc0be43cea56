package store_test

import (
	"fmt"
	"testing"

	"gatehouse.example/db"
	"gatehouse.example/portal/store/storetest"
)

const million = 1_000_000

// Person n of the crowd has one of a hundred first names and one of a hundred family names.
var (
	firstNames  = syllables("a", "be", "ci", "do", "fu", "ga", "he", "ki", "lo", "mu")
	familyNames = syllables("var", "ten", "sol", "rim", "pol", "nor", "mak", "lin", "jor", "hav")
)

func syllables(parts ...string) []string {
	var all []string
	for _, a := range parts {
		for _, b := range parts {
			all = append(all, a+b)
		}
	}
	return all
}

func nameOf(n int) (first, family string) { return firstNames[n%100], familyNames[n/100%100] }

// crowd writes a million people and their words: one in a thousand is banned, the bans of twenty have ended, four in
// all are administrators.
func crowd(t *testing.T, d *db.DB) {
	t.Helper()
	run := func(query string, args ...any) {
		t.Helper()
		if _, err := d.ExecContext(t.Context(), d.Rebind(query), args...); err != nil {
			t.Fatal(err)
		}
	}
	number := `lpad((n)::text, 7, '0')`
	if d.Dialect == db.SQLite {
		number = `printf('%07d', n)`
		d.SetMaxOpenConns(1)
		run(`PRAGMA synchronous = OFF`)
		run(`PRAGMA cache_size = -200000`)
	}
	run(`CREATE TABLE crowd_names (i INTEGER PRIMARY KEY, first TEXT NOT NULL, family TEXT NOT NULL)`)
	for i := range 100 {
		run(`INSERT INTO crowd_names VALUES (?, ?, ?)`, i, firstNames[i], familyNames[i])
	}
	run(`CREATE TABLE crowd (n INTEGER PRIMARY KEY, id TEXT NOT NULL, email TEXT NOT NULL)`)
	run(fmt.Sprintf(`INSERT INTO crowd WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < %d)
		SELECT n, 'id-' || %s, 'p' || %s || '@crowd.crowd' FROM s`, million-1, number, number))
	now := db.Millis(storetest.Now)
	run(fmt.Sprintf(`INSERT INTO users (id, email, email_normalised, name, password_hash, roles, created_at, updated_at, password_changed_at, disabled_at, banned_until, indexed)
		SELECT id, email, email, a.first || ' ' || b.family, 'hash', CASE n %% 250000 WHEN 1 THEN '["customer","admin"]' ELSE '["customer"]' END,
		%d + n, %d, %d, CASE WHEN n %% 1000 = 7 OR n %% 50 = 3 THEN %d END, CASE WHEN n %% 50 = 3 THEN 1 END, TRUE
		FROM crowd JOIN crowd_names a ON a.i = n %% 100 JOIN crowd_names b ON b.i = n / 100 %% 100 ORDER BY n`, now, now, now, now))
	// Many rows at once: the indexes after them.
	run(`DROP INDEX user_words_of_user`)
	if d.Dialect == db.Postgres {
		run(`ALTER TABLE user_words DROP CONSTRAINT user_words_pkey, DROP CONSTRAINT user_words_user_id_fkey`)
	}
	for _, words := range []string{
		`a.first, id FROM crowd JOIN crowd_names a ON a.i = n % 100`,
		`b.family, id FROM crowd JOIN crowd_names b ON b.i = n / 100 % 100`,
		`'crowd', id FROM crowd`,
		`substr(email, 1, 8), id FROM crowd`,
		`email, id FROM crowd`,
	} {
		run(`INSERT INTO user_words (word, user_id) SELECT ` + words + ` ORDER BY 1, 2`)
	}
	run(`CREATE INDEX user_words_of_user ON user_words (user_id, word)`)
	if d.Dialect == db.Postgres {
		run(`ALTER TABLE user_words ADD PRIMARY KEY (word, user_id)`)
		run(`ANALYZE users`) // as PostgreSQL does by itself, sooner or later
		run(`ANALYZE user_words`)
	}
}
