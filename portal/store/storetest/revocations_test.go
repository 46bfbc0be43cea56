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

func TestRevocations_PendingPublishedAndPurged(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		if high, err := s.HighestRevocation(ctx, at); err != nil || high != 0 {
			t.Errorf("highest of none: %d, %v", high, err)
		}
		var seqs []int64
		for i := range 5 {
			out := endSignIns(t, s, endRequest(func(e *store.EndRequest) {
				e.ID, e.Token, e.Until = fmt.Sprintf("ending-%d", i), fmt.Sprintf("token-%d", i), at.Add(time.Duration(i+1)*time.Minute)
			}))
			seqs = append(seqs, out.Revocations[0].Seq)
		}
		pending := func(now time.Time, limit int) (found []int64) {
			rows, err := s.PendingRevocations(ctx, now, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				found = append(found, r.Seq)
			}
			return found
		}
		if got := pending(at, 3); !reflect.DeepEqual(got, seqs[:3]) {
			t.Errorf("the first pending %v", got)
		}
		if got := pending(at.Add(2*time.Minute), 9); !reflect.DeepEqual(got, seqs[2:]) {
			t.Errorf("pending after two minutes: %v", got)
		}
		if err := s.MarkRevocationsPublished(ctx, []int64{seqs[1], seqs[3], 999_999}, at); err != nil {
			t.Fatal(err)
		}
		if err := s.MarkRevocationsPublished(ctx, nil, at); err != nil {
			t.Fatal(err)
		}
		if got := pending(at, 9); !reflect.DeepEqual(got, []int64{seqs[0], seqs[2], seqs[4]}) {
			t.Errorf("pending %v", got)
		}
		if high, err := s.HighestRevocation(ctx, at); err != nil || high != seqs[3] {
			t.Errorf("highest %d, %v; want %d", high, err, seqs[3])
		}
		if high, err := s.HighestRevocation(ctx, at.Add(4*time.Minute)); err != nil || high != 0 {
			t.Errorf("highest when they matter no more: %d, %v", high, err)
		}
		for _, c := range []struct {
			after     int64
			published bool
			limit     int
			want      []int64
		}{{0, false, 9, seqs}, {seqs[0], false, 2, seqs[1:3]}, {0, true, 9, []int64{seqs[1], seqs[3]}}, {seqs[4], false, 9, nil}} {
			rows, err := s.ActiveRevocations(ctx, c.after, at, c.published, c.limit)
			var got []int64
			for _, r := range rows {
				got = append(got, r.Seq)
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("living after %d: %v, %v; want %v", c.after, got, err, c.want)
			}
		}
		const day = 24 * time.Hour // for which they stay
		if err := s.PurgeRevocations(ctx, at.Add(day+3*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, d, "SELECT COUNT(*) FROM revocations"); n != 2 {
			t.Errorf("%d left", n)
		}
		// Numbers are not used twice, though the last ones were deleted.
		if err := s.PurgeRevocations(ctx, at.Add(day+time.Hour)); err != nil {
			t.Fatal(err)
		}
		out := endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.Token, e.Until = "token-9", at.Add(time.Hour) }))
		if out.Revocations[0].Seq <= seqs[4] {
			t.Errorf("number %d comes after %d", out.Revocations[0].Seq, seqs[4])
		}
	})
}

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

func TestDenylist_FilteredAndByPage(t *testing.T) {
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

func TestDenylist_NamesWhomItIsAbout(t *testing.T) {
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
			if e.By != otto.ID || e.ByName != otto.Name || e.Reason != "banned" || e.Note != "spam" || e.Client != "portal" || e.ReceiptID != "an ending" ||
				!e.At.Equal(storetest.Now) || !e.Until.Equal(storetest.Now.Add(time.Hour)) || !e.PublishedAt.IsZero() || !e.Before.IsZero() {
				t.Errorf("%+v", e)
			}
		}
	})
}
