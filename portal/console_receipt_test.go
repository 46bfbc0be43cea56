package portal_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse.example/portal/backchannel"
	"gatehouse.example/portal/revoke"
	"gatehouse.example/portal/store"
	"gatehouse.example/sso/denylist"
)

// stored writes a receipt as an act leaves it.
func (h *house) stored(ending string, done revoke.Receipt) {
	h.t.Helper()
	done.ID = ending
	text, err := json.Marshal(done)
	if err == nil {
		r := store.Receipt{ID: ending, UserID: "demo-alice", Reason: revoke.Banned, CreatedAt: h.clock.now()}
		err = h.records().ChangeReceipt(h.t.Context(), r, func(string) (string, error) { return string(text), nil })
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func confirmations(n int) (all []denylist.Confirmation) {
	for i := range n {
		all = append(all, denylist.Confirmation{
			Replica: fmt.Sprintf("shop-%d", i+1), Service: "shop", Confirmed: true, Took: time.Duration(5+i%20) * time.Millisecond,
		})
	}
	return all
}

func TestReceipt_NamesWhoIsMissing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAdmin()
		r := denylist.Confirmations{All: append(confirmations(8),
			denylist.Confirmation{Replica: "forum-1", Service: "forum", WrongUntil: h.clock.now().Add(time.Hour)},
			denylist.Confirmation{Replica: "forum-2", Service: "forum", WrongUntil: h.clock.now().Add(-time.Second)},
			denylist.Confirmation{Replica: "forum-3", Service: "forum", Refusing: true},
		)}
		h.stored("MISSING", revoke.Receipt{Denylist: r, Confirmed: true, Ended: 3})
		page := h.get(b, "/admin/receipts/MISSING").must(t, http.StatusOK, "8 of 11 servers confirmed", "3 servers didn&#39;t confirm", "shop-8 confirmed after 12 ms",
			"may accept requests until", "may have accepted requests until", "was already refusing all signed-in requests", r.All[8].WrongUntil.UTC().Format("15:04:05.000 UTC"))
		if n := strings.Count(page.content(), "data-took="); n != 8 {
			t.Errorf("%d servers turn red; want 8", n)
		}
		if strings.Contains(page.content(), "receipt-dense") {
			t.Error("eleven servers are drawn as squares")
		}
	})
}

// A server that was killed under way and started again answers as a new process; the old one is not another server.
func TestReceipt_TellsAServerFromItsProcessBefore(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r := denylist.Confirmations{All: append(confirmations(2), denylist.Confirmation{Replica: "shop-1", Service: "shop", WrongUntil: h.clock.now()})}
		h.stored("RESTARTED", revoke.Receipt{Denylist: r, Confirmed: true})
		page := h.get(h.asAdmin(), "/admin/receipts/RESTARTED").must(t, http.StatusOK, "2 of 3 servers confirmed", "shop-1 (before its restart)")
		if strings.Contains(page.content(), "shop-2, before") {
			t.Error("a server that runs is said to be an old one")
		}
	})
}

func TestReceipt_OfFiveHundred(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.stored("MANY", revoke.Receipt{Denylist: denylist.Confirmations{All: confirmations(500)}, Confirmed: true})
		page := h.get(h.asAdmin(), "/admin/receipts/MANY").must(t, http.StatusOK, "Every server confirmed", "receipt-dense", "Show as table", `data-replay="100"`)
		if n := strings.Count(page.content(), "data-took="); n != 500 {
			t.Errorf("%d servers turn red; want 500", n)
		}
		if n := strings.Count(page.content(), `<td data-label="Milliseconds"`); n != 500 {
			t.Errorf("the table has %d servers; want 500", n)
		}
	})
}

// A receipt that is not settled asks again, and what it asks for becomes whole.
func TestReceipt_SettlesWhileOneLooks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		b := h.asAdmin()
		h.stored("WAITING", revoke.Receipt{Ended: 1})
		h.get(b, "/admin/receipts/WAITING").must(t, http.StatusOK, "Saved, but not confirmed yet", `hx-get="/admin/receipts/WAITING"`, "every 1s")
		h.stored("WAITING", revoke.Receipt{Ended: 1, Confirmed: true, Denylist: denylist.Confirmations{All: confirmations(2)}})
		part := h.fragment(b, "/admin/receipts/WAITING").must(t, http.StatusOK)
		if !strings.Contains(part.body, "Every server confirmed") || strings.Contains(part.body, "hx-get") || strings.Contains(part.body, "<html") {
			t.Errorf("the settled receipt is %s", part.body)
		}
		// An app that does not answer is retried, and told later.
		h.apps.behave("/one", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		h.asAlice()
		receipt := h.post(b, alice+"/end", nil)
		h.follow(b, receipt).must(t, http.StatusOK, "Retrying", "?part=apps", "App One")
		h.apps.behave("/one", nil)
		if _, err := h.db.ExecContext(t.Context(), `UPDATE backchannel_outbox SET delivered_at = 1, took_ms = 7 WHERE delivered_at IS NULL`); err != nil {
			t.Fatal(err)
		}
		part = h.fragment(b, receipt.to.Path+"?part=apps").must(t, http.StatusOK)
		if !strings.Contains(part.body, "Delivered") || !strings.Contains(part.body, "7 ms") || strings.Contains(part.body, "hx-get") || strings.Contains(part.body, `id="receipt"`) {
			t.Errorf("the part about apps is %s", part.body)
		}
		// Days later the outbox has forgotten, and the receipt has not.
		h.stored("OLD", revoke.Receipt{Confirmed: true, Clients: []backchannel.Result{
			{ClientID: "one", Name: "App One", Delivered: true, Took: 12 * time.Millisecond}, {ClientID: "two", Name: "App Two", GivenUp: true, Err: "it answered 500"},
		}})
		h.get(b, "/admin/receipts/OLD").must(t, http.StatusOK, "12 ms", "Failed", "it answered 500")
		for _, odd := range []string{"NONE", "%00", "a%20b", strings.Repeat("A", 300)} {
			h.get(b, "/admin/receipts/"+odd).must(t, http.StatusNotFound)
		}
	})
}
