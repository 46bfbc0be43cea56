package storetest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse.example/db"
	"gatehouse.example/portal/store"
	"gatehouse.example/portal/store/storetest"
)

var month = storetest.Now.Add(-30 * 24 * time.Hour)

// signedIn stores a sign-in that was seen last so long after Now, at that replica of the portal.
func signedIn(t *testing.T, s *store.Store, u store.User, sid, replica string, seen time.Duration) {
	t.Helper()
	in := storetest.SignIn(u)
	in.SID, in.Replica, in.LastSeenAt = sid, replica, storetest.Now.Add(seen)
	if err := s.SignIn(t.Context(), in, u.PasswordHash); err != nil {
		t.Fatal(err)
	}
}

// opens lets a sign-in open an app at a replica, so long after Now.
func opens(t *testing.T, s *store.Store, sid, client, replica string, at time.Duration) {
	t.Helper()
	g, err := s.SignInIdentity(t.Context(), sid, client, storetest.Now)
	if err != nil {
		t.Fatal(err)
	}
	g.Replica = replica
	if _, err := s.RecordClientSignIn(t.Context(), g, client, nil, storetest.Now.Add(at)); err != nil {
		t.Fatal(err)
	}
}

func end(t *testing.T, s *store.Store, sid string) {
	t.Helper()
	if _, err := s.EndSignIns(t.Context(), store.EndRequest{
		SID: sid, Reason: "sign_out", Client: "portal", Scope: "session", Now: storetest.Now, RetryFrom: storetest.Now,
	}); err != nil {
		t.Fatal(err)
	}
}

func sids(page []store.ActiveSignIn) []string {
	var got []string
	for _, in := range page {
		got = append(got, in.SID)
	}
	return got
}

func TestActiveSignIns_ByAppAndByReplica(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		u, first := storetest.Registered(t, s, "maria@example.com")
		end(t, s, first.SID)
		signedIn(t, s, u, "a", "portal-1", time.Minute)
		signedIn(t, s, u, "b", "portal-2", 2*time.Minute)
		signedIn(t, s, u, "c", "portal-2", 3*time.Minute)
		signedIn(t, s, u, "gone", "portal-3", 4*time.Minute)
		signedIn(t, s, u, "old", "portal-1", -31*24*time.Hour)
		opens(t, s, "c", "shop", "shop-1", time.Hour)
		opens(t, s, "a", "shop", "shop-2", 2*time.Hour)
		opens(t, s, "b", "shop", "", 3*time.Hour)
		opens(t, s, "a", "forum", "forum-1", 4*time.Hour)
		opens(t, s, "gone", "shop", "shop-9", 5*time.Hour)
		end(t, s, "gone")
		for name, test := range map[string]struct {
			q    store.ActiveSignInQuery
			want []string
		}{
			"all, the last seen first": {store.ActiveSignInQuery{}, []string{"a", "b", "c"}},
			"at a replica":             {store.ActiveSignInQuery{Replica: "portal-2"}, []string{"b", "c"}},
			"at one where nobody is":   {store.ActiveSignInQuery{Replica: "portal-3"}, nil},
			"of an app, its last":      {store.ActiveSignInQuery{Client: "shop"}, []string{"b", "a", "c"}},
			"of an app's replica":      {store.ActiveSignInQuery{Client: "shop", Replica: "shop-2"}, []string{"a"}},
			"of one without a name":    {store.ActiveSignInQuery{Client: "shop", Unnamed: true}, []string{"b"}},
			"of another app's replica": {store.ActiveSignInQuery{Client: "forum", Replica: "shop-2"}, nil},
			"of no app":                {store.ActiveSignInQuery{Client: "' OR '1'='1"}, nil},
		} {
			test.q.Since, test.q.Limit = month, 10
			page, more, err := s.ActiveSignIns(t.Context(), test.q)
			if err != nil || more || !slices.Equal(sids(page), test.want) {
				t.Errorf("%s: %q, more %v, %v; want %q", name, sids(page), more, err, test.want)
			}
		}
		page, _, err := s.ActiveSignIns(t.Context(), store.ActiveSignInQuery{Since: month, Limit: 1})
		if err != nil || len(page) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		got := page[0]
		if got.Name != u.Name || got.Email != u.Email || got.Replica != "portal-1" || !got.At.Equal(got.LastSeenAt) || len(got.ClientSignIns) != 2 ||
			got.ClientSignIns[0].ClientID != "shop" || got.ClientSignIns[0].Replica != "shop-2" || !got.ClientSignIns[0].First.Equal(storetest.Now.Add(2*time.Hour)) {
			t.Errorf("%+v", got)
		}
	})
}

func TestActiveSignIns_PagesForthAndBack(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, _ *db.DB) {
		u, first := storetest.Registered(t, s, "maria@example.com")
		end(t, s, first.SID)
		var all []string
		for i := range 7 {
			sid := fmt.Sprintf("sid-%d", i)
			signedIn(t, s, u, sid, "portal-1", time.Duration(i/2)*time.Minute) // two of each moment
			opens(t, s, sid, "shop", "shop-1", time.Duration(i/2)*time.Hour)
			all = append([]string{sid}, all...)
		}
		for _, client := range []string{"", "shop"} {
			var got []string
			q := store.ActiveSignInQuery{Client: client, Since: month, Limit: 3}
			for more := true; more; {
				page, next, err := s.ActiveSignIns(t.Context(), q)
				if err != nil || len(got) > len(all) {
					t.Fatal(got, err)
				}
				got, more = append(got, sids(page)...), next
				last := page[len(page)-1]
				q.After = store.Cursor{At: last.At, ID: last.SID}
			}
			if !slices.Equal(got, all) {
				t.Errorf("app %q: %q, want %q", client, got, all)
			}
			q.Before, q.After = q.After, store.Cursor{}
			page, more, err := s.ActiveSignIns(t.Context(), q)
			if err != nil || !more || !slices.Equal(sids(page), all[3:6]) {
				t.Errorf("app %q, back: %q, more %v, %v", client, sids(page), more, err)
			}
		}
	})
}

func TestSignIns_UnacknowledgedUntilAcknowledged(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store, d *db.DB) {
		ctx := t.Context()
		u, own := storetest.Registered(t, s, "maria@example.com")
		stolen, ended := signsIn(t, s, u, storetest.Now), signsIn(t, s, u, storetest.Now)
		endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.SID, e.Reason = own.SID, "sign_out" }))
		endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.SID, e.Reason = stolen.SID, "token_replay" }))
		endSignIns(t, s, endRequest(func(e *store.EndRequest) { e.SID, e.Reason, e.Now = ended.SID, "ended_by_admin", at.Add(time.Minute) }))
		reasons := []string{"token_replay", "ended_by_admin"}
		got, err := s.UnacknowledgedSignIns(ctx, u.ID, reasons, storetest.Now, 9)
		if err != nil || len(got) != 2 || got[0].SID != ended.SID || got[1].SID != stolen.SID || got[1].EndReason != "token_replay" {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := s.UnacknowledgedSignIns(ctx, u.ID, reasons, at.Add(time.Second), 9); err != nil || len(got) != 1 {
			t.Errorf("since later: %+v, %v", got, err)
		}
		if err := s.Acknowledge(ctx, u.ID, at); err != nil {
			t.Fatal(err)
		}
		if got, err := s.UnacknowledgedSignIns(ctx, u.ID, reasons, storetest.Now, 9); err != nil || len(got) != 1 || got[0].SID != ended.SID {
			t.Errorf("after telling of the first: %+v, %v", got, err)
		}
		if got, err := s.UnacknowledgedSignIns(ctx, "nobody", reasons, storetest.Now, 9); err != nil || len(got) != 0 {
			t.Errorf("nobody: %+v, %v", got, err)
		}
	})
}
