//go:build unix

package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
	"gatehouse.example/portal"
	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/session"
	"gatehouse.example/web"
)

// sessionKeys seal the sessions of every service that is measured.
var sessionKeys = [][]byte{make([]byte, 32)}

func init() { suites = append(suites, auditSuite, peopleSuite, signInsSuite) }

var portalPages = visitor{service: "portal", record: session.Record{
	Subject: "admin", SID: "sid-admin", Name: "Ada", Email: "ada@example.com", Roles: []string{"customer", "admin"},
}}

var (
	auditSuite = suite{
		service: "portal", rows: "rows of the audit", small: 100, large: 2_000_000, seed: seedAudit, start: startPortal,
		requests: []request{
			portalPages.gets("audit", "/admin/audit"),
			portalPages.gets("audit, a kind", "/admin/audit?kind=client"),
			portalPages.gets("audit, a day", "/admin/audit?from=2024-01-10&to=2024-01-10"),
			portalPages.gets("audit, an actor and a kind", "/admin/audit?actor=admin-7&kind=client"),
			portalPages.gets("audit, an actor and an action that was never theirs", "/admin/audit?actor=admin-7&action=person.banned"),
		},
	}
	peopleSuite = suite{
		service: "portal", rows: "people", small: 100, large: 1_000_000, seed: seedPeople, start: startPortal,
		requests: []request{
			portalPages.gets("people", "/admin/people"),
			portalPages.gets("people, a word of all", "/admin/people?q=house"),
			portalPages.gets("people, two common words that nobody shares", "/admin/people?q=oak+pine"),
			portalPages.gets("people, a rare state", "/admin/people?state=banned"),
			portalPages.gets("people, a rare state and a word that none of them has", "/admin/people?state=banned&q=pine"),
		},
	}
	signInsSuite = suite{
		service: "portal", rows: "living sign-ins of one person, five times as many ended", small: 2, large: 20_000, seed: seedSignIns, start: startPortal,
		requests: []request{
			portalPages.gets("home", "/"),
			portalPages.gets("sessions", "/sessions"),
			portalPages.gets("sessions, a later page", "/sessions?page=90"),
			portalPages.gets("the person in the console", "/admin/people/admin"),
			portalPages.gets("end all of the person", "/admin/people/admin/end"),
		},
	}
)

// visitor sends requests with the session of a signed-in user.
type visitor struct {
	service string
	record  session.Record
	cookies *[]*http.Cookie
}

func (v *visitor) gets(name, path string) request {
	if v.cookies == nil {
		v.cookies = &[]*http.Cookie{}
	}
	cookies := v.cookies
	return request{name: name, path: path, prepare: func(r *http.Request) {
		r.Header.Set("Accept", "text/html")
		for _, c := range *cookies {
			r.AddCookie(c)
		}
	}}
}

// signIn starts the session of the visitor's requests.
func (v *visitor) signIn(ctx context.Context, rdb redis.UniversalClient) error {
	sessions, err := session.New(rdb, session.Options{Service: v.service, Keys: sessionKeys})
	if err != nil {
		return err
	}
	v.record.AuthTime = time.Now()
	rec := httptest.NewRecorder()
	if _, err := sessions.Start(ctx, rec, httptest.NewRequest(http.MethodGet, "http://"+v.service+".localhost:8080/", nil), v.record); err != nil {
		return err
	}
	*v.cookies = rec.Result().Cookies()
	return nil
}

func startPortal(ctx context.Context, d *db.DB, rdb redis.UniversalClient) (http.Handler, error) {
	estate, err := web.ParseEstate("http://localhost:8080")
	if err != nil {
		return nil, err
	}
	quiet := slog.New(slog.DiscardHandler)
	denied, err := denylist.NewMirror(denylist.Options{Redis: rdb, Service: "portal", Replica: "portal-1", Logger: quiet})
	if err != nil {
		return nil, err
	}
	app, err := portal.New(ctx, portal.Deps{
		DB: d, Redis: rdb, Estate: estate, Replica: "portal-1", Logger: quiet, HTTPClient: http.DefaultClient, Key: make([]byte, 32), Denied: denied,
	})
	if err != nil {
		return nil, err
	}
	return app.Handler(), portalPages.signIn(ctx, rdb)
}

// administrator returns the SQL statements that insert the user who sends the requests, and their sign-in.
func administrator() []string {
	now := time.Now().UnixMilli()
	return []string{
		fmt.Sprintf(`INSERT INTO users (id, email, email_normalised, name, password_hash, roles, created_at, updated_at, password_changed_at, indexed)
			VALUES ('admin', 'ada@example.com', 'ada@example.com', 'Ada', '', '["customer","admin"]', %d, 1, 1, TRUE)`, now),
		fmt.Sprintf(`INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at) VALUES ('sid-admin', 'admin', %d, %d)`, now, now),
	}
}

// seedAudit inserts n rows, one minute apart, by a hundred administrators. Every second row is about a user, one in
// 5,000 about a client, and administrator 7 never banned a user.
func seedAudit(ctx context.Context, d *db.DB, n int) error {
	return fill(ctx, d, n, append(administrator(), `INSERT INTO audit (at, actor_id, actor, action, target_kind, target_id, target) %n
		SELECT 1704067200000 + CAST(i AS BIGINT) * 60000, 'admin-' || CAST(i % 100 AS TEXT), 'ada@example.com',
		CASE WHEN i % 2 = 0 THEN 'person.banned' ELSE 'key.generated' END,
		CASE WHEN i % 5000 = 7 THEN 'client' WHEN i % 2 = 0 THEN 'user' ELSE 'key' END, 'target-' || CAST(i % 1000 AS TEXT), 'x' FROM n`)...)
}

// seedPeople inserts n users who all have the word "house", every second one "oak" and the others "pine"; of those with
// "oak", one in ten is banned.
func seedPeople(ctx context.Context, d *db.DB, n int) error {
	const id = `'u' || CAST(i AS TEXT)`
	return fill(ctx, d, n, append(administrator(),
		`INSERT INTO users (id, email, email_normalised, name, password_hash, roles, created_at, updated_at, password_changed_at, disabled_at, indexed) %n
			SELECT `+id+`, `+id+`, `+id+`, 'House', '', '["customer"]', 1600000000000 + CAST(i AS BIGINT) * 1000, 1, 1, CASE WHEN i % 20 = 0 THEN 1 END, TRUE FROM n`,
		`INSERT INTO user_words (word, user_id) %n SELECT 'house', `+id+` FROM n`,
		`INSERT INTO user_words (word, user_id) %n SELECT CASE WHEN i % 2 = 0 THEN 'oak' ELSE 'pine' END, `+id+` FROM n`,
	)...)
}

// seedSignIns inserts n active sign-ins of the administrator and five times as many ended ones, a fifth for each
// reason.
func seedSignIns(ctx context.Context, d *db.DB, n int) error {
	now := time.Now().UnixMilli()
	statements := append(administrator(), fmt.Sprintf(`INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at) %%n
		SELECT 'living-' || CAST(i AS TEXT), 'admin', %d, %d - CAST(i AS BIGINT) * 1000 FROM n`, now, now))
	for k, reason := range []string{"sign_out", "replaced", "password_changed", "everywhere", "banned"} {
		statements = append(statements, fmt.Sprintf(`INSERT INTO sign_ins (sid, user_id, created_at, last_seen_at, ended_at, end_reason) %%n
			SELECT 'ended-%d-' || CAST(i AS TEXT), 'admin', 1, 1, %d - CAST(i AS BIGINT) * 1000, '%s' FROM n`, k, now, reason))
	}
	return fill(ctx, d, n, statements...)
}
