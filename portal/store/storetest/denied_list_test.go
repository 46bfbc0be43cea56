package storetest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/db"
	"gatehouse/portal/store"
	"gatehouse/portal/store/storetest"
)

// deny adds an entry to the denylist and returns its number.
func deny(t *testing.T, d *db.DB, kind, value, reason, by string, until time.Duration, published bool) int64 {
	t.Helper()
	now := db.Millis(storetest.Now)
	var at *int64
	if published {
		at = &now
	}
	var seq int64
	if err := d.GetContext(t.Context(), &seq, d.Rebind(`INSERT INTO revocations (ending, kind, value, reason, note, by_user, client_id, at, until_at, published_at)
		VALUES ('an ending', ?, ?, ?, 'spam', ?, 'portal', ?, ?, ?) RETURNING seq`), kind, value, reason, by, now, db.Millis(storetest.Now.Add(until)), at); err != nil {
		t.Fatal(err)
	}
	return seq
}

func seqs(page []store.DenylistEntry) []int64 {
	var got []int64
	for _, e := range page {
		got = append(got, e.Seq)
	}
	return got
}

func TestDenyList_FilteredAndByPage(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		maria, in := storetest.Registered(t, s, "maria@example.com")
		otto, _ := storetest.Registered(t, s, "otto@example.com")
		end(t, s, in.SID)
		if _, err := d.ExecContext(t.Context(), `DELETE FROM revocations`); err != nil { // those of the ending above
			t.Fatal(err)
		}
		person := deny(t, d, "sub", maria.ID, "banned", otto.ID, time.Hour, true)
		signIn := deny(t, d, "sid", in.SID, "sign_out", "", time.Hour, true)
		token := deny(t, d, "jti", "family", "token_revoked", "", time.Hour, false)
		deny(t, d, "sid", "over", "sign_out", "", 0, true)
		nobody := deny(t, d, "sub", "nobody", "banned", otto.ID, time.Hour, true)
		for name, test := range map[string]struct {
			q    store.DenylistQuery
			want []int64
			more bool
		}{
			"all, the latest first":       {store.DenylistQuery{}, []int64{nobody, token, signIn, person}, false},
			"the first two":               {store.DenylistQuery{Limit: 2}, []int64{nobody, token}, true},
			"the next two":                {store.DenylistQuery{Limit: 2, After: token}, []int64{signIn, person}, false},
			"back again":                  {store.DenylistQuery{Limit: 1, Before: person}, []int64{signIn}, true},
			"back to the first":           {store.DenylistQuery{Limit: 3, Before: signIn}, []int64{nobody, token}, false},
			"people":                      {store.DenylistQuery{Kind: "sub"}, []int64{nobody, person}, false},
			"banned":                      {store.DenylistQuery{Reason: "banned"}, []int64{nobody, person}, false},
			"sign-ins that were banned":   {store.DenylistQuery{Kind: "sid", Reason: "banned"}, nil, false},
			"waiting":                     {store.DenylistQuery{Waiting: true}, []int64{token}, false},
			"a token":                     {store.DenylistQuery{Values: []string{"family.unique", "family"}}, []int64{token}, false},
			"a person and their sign-ins": {store.DenylistQuery{People: []string{maria.ID}}, []int64{signIn, person}, false},
			"either":                      {store.DenylistQuery{Values: []string{"nobody"}, People: []string{maria.ID}}, []int64{nobody, signIn, person}, false},
			"nothing of the kind":         {store.DenylistQuery{Values: []string{"' OR '1'='1"}}, nil, false},
		} {
			q := test.q
			if q.Now = storetest.Now; q.Limit == 0 {
				q.Limit = 10
			}
			page, more, err := s.Denylist(t.Context(), q)
			if err != nil || more != test.more || !slices.Equal(seqs(page), test.want) {
				t.Errorf("%s: %v, more %v, %v; want %v", name, seqs(page), more, err, test.want)
			}
		}
	})
}

func TestDenyList_NamesWhomItIsAbout(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		maria, in := storetest.Registered(t, s, "maria@example.com")
		otto, _ := storetest.Registered(t, s, "otto@example.com")
		if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO refresh_tokens (hash, family, user_id, sid, client_id, scope, created_at, expires_at)
			VALUES ('h1', 'family', ?, ?, 'shop', '', 1, 1), ('h2', 'family', ?, ?, 'shop', '', 1, 1)`), maria.ID, in.SID, maria.ID, in.SID); err != nil {
			t.Fatal(err)
		}
		for _, about := range []struct{ kind, value, person string }{
			{"sub", maria.ID, maria.ID}, {"sid", in.SID, maria.ID}, {"jti", "family", maria.ID},
			{"sub", "nobody", ""}, {"sid", "nothing", ""}, {"jti", "none", ""},
		} {
			seq := deny(t, d, about.kind, about.value, "banned", otto.ID, time.Hour, false)
			page, _, err := s.Denylist(t.Context(), store.DenylistQuery{Now: storetest.Now, Limit: 1})
			if err != nil || len(page) != 1 {
				t.Fatalf("%+v, %v", page, err)
			}
			e := page[0]
			if e.Seq != seq || e.Kind != about.kind || e.Value != about.value || e.PersonID != about.person || (e.Email == "maria@example.com") != (about.person != "") {
				t.Errorf("%s %s: %+v", about.kind, about.value, e)
			}
			if e.ByID != otto.ID || e.By != otto.Name || e.Reason != "banned" || e.Note != "spam" || e.Client != "portal" || e.ReceiptID != "an ending" ||
				!e.At.Equal(storetest.Now) || !e.Until.Equal(storetest.Now.Add(time.Hour)) || !e.Published.IsZero() || !e.Before.IsZero() {
				t.Errorf("%+v", e)
			}
		}
	})
}

func TestTallies_StopAtTheirLimit(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		if got, err := s.Counts(t.Context(), storetest.Now, 10); err != nil || got != (store.Counts{}) {
			t.Fatalf("an empty house: %+v, %v", got, err)
		}
		for _, email := range []string{"a@example.com", "b@example.com", "c@example.com"} {
			storetest.Registered(t, s, email)
		}
		deny(t, d, "sub", "one", "banned", "", time.Hour, true)
		deny(t, d, "sub", "two", "banned", "", time.Hour, false)
		deny(t, d, "sub", "over", "banned", "", 0, false)
		for i, given := range []any{nil, nil, int64(1)} {
			if _, err := d.ExecContext(t.Context(), d.Rebind(`INSERT INTO backchannel_outbox (id, client_id, sid, user_id, created_at, next_attempt_at, given_up_at)
				VALUES (?, 'shop', 's', 'u', 1, 1, ?)`), fmt.Sprint(i), given); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := d.ExecContext(t.Context(), `INSERT INTO backchannel_outbox (id, client_id, sid, user_id, created_at, next_attempt_at, delivered_at)
			VALUES ('heard', 'shop', 's', 'u', 1, 1, 1)`); err != nil {
			t.Fatal(err)
		}
		got, err := s.Counts(t.Context(), storetest.Now, 2)
		if want := (store.Counts{People: 2, Denied: 2, Waiting: 1, Notices: 2, GivenUp: 1}); err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	})
}
