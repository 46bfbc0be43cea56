package fact_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/events"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func event(typ string, data map[string]any) events.Event {
	return events.Event{ID: "e1", Type: typ, Service: "portal", At: now.Add(-time.Minute), Subject: "demo-alice", Data: data}
}

func line(change func(m map[string]any)) map[string]any {
	m := map[string]any{"product": "brass-padlock", "name": "Brass Padlock", "quantity": 2.0, "cents": 3700.0}
	change(m)
	return map[string]any{"total_cents": 3700.0, "items": []any{m}}
}

func TestOf_ReadsEachType(t *testing.T) {
	for name, c := range map[string]struct {
		event        events.Event
		app, variant string
		cents        int64
		sales        int
	}{
		"sign-in at the portal":  {event(events.SignIn, map[string]any{"client_id": "portal", "method": "password"}), "portal", fact.Password, 0, 0},
		"sign-in of an app":      {event(events.SignIn, map[string]any{"client_id": "shop", "method": "sso"}), "shop", fact.SSO, 0, 0},
		"sign-in without client": {event(events.SignIn, map[string]any{"method": "sso"}), "portal", fact.SSO, 0, 0},
		"sign-out everywhere":    {event(events.SignOut, map[string]any{"client_id": "forum", "scope": "everywhere"}), "forum", fact.Everywhere, 0, 0},
		"registered":             {event(events.Registered, nil), "portal", "", 0, 0},
		"order":                  {event(events.OrderPlaced, line(func(map[string]any) {})), "portal", "", 3700, 1},
		"order, numbered goods":  {event(events.OrderPlaced, line(func(m map[string]any) { m["product"] = 7.0 })), "portal", "", 3700, 1},
		"order cancelled":        {event(events.OrderCancelled, map[string]any{"total_cents": 3700.0, "how": "cancelled"}), "portal", fact.Cancelled, -3700, 0},
		"thread":                 {event(events.ThreadCreated, map[string]any{"thread_id": "t"}), "portal", "", 0, 0},
		"vote":                   {event(events.VoteCast, map[string]any{"value": -1.0}), "portal", fact.TakenBack, 0, 0},
		"vote, JSON number":      {event(events.VoteCast, map[string]any{"value": json.Number("1")}), "portal", fact.Given, 0, 0},
	} {
		f, reject := fact.FromEvent(c.event, now)
		if reject != nil {
			t.Errorf("%s: %v", name, reject)
			continue
		}
		if f.App != c.app || f.Variant != c.variant || f.Cents != c.cents || len(f.Sales) != c.sales {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestOf_RefusesWhatCantBeCounted(t *testing.T) {
	with := func(change func(e *events.Event)) events.Event {
		e := event(events.Registered, nil)
		change(&e)
		return e
	}
	for name, c := range map[string]struct {
		event  events.Event
		reason fact.Reason
	}{
		"unknown type":          {event("cat_petted", nil), fact.Unknown},
		"NUL in the subject":    {with(func(e *events.Event) { e.Subject = "a\x00b" }), fact.Malformed},
		"subject not UTF-8":     {with(func(e *events.Event) { e.Subject = "\xff" }), fact.Malformed},
		"enormous subject":      {with(func(e *events.Event) { e.Subject = strings.Repeat("x", 1<<20) }), fact.Malformed},
		"no id":                 {with(func(e *events.Event) { e.ID = "" }), fact.Malformed},
		"HTML as service":       {with(func(e *events.Event) { e.Service = "<b>" }), fact.Malformed},
		"no time":               {with(func(e *events.Event) { e.At = time.Time{} }), fact.Untimely},
		"tomorrow":              {with(func(e *events.Event) { e.At = now.Add(24 * time.Hour) }), fact.Untimely},
		"data that is no JSON":  {with(func(e *events.Event) { e.Data = map[string]any{"x": math.NaN()} }), fact.Malformed},
		"enormous data":         {with(func(e *events.Event) { e.Data = map[string]any{"x": strings.Repeat("x", 1<<20)} }), fact.Malformed},
		"no method":             {event(events.SignIn, nil), fact.Malformed},
		"method of wrong type":  {event(events.SignIn, map[string]any{"method": 1.0}), fact.Malformed},
		"client of wrong type":  {event(events.SignIn, map[string]any{"method": "sso", "client_id": []any{}}), fact.Malformed},
		"vote of nothing":       {event(events.VoteCast, map[string]any{"value": 0.0}), fact.Malformed},
		"vote of two":           {event(events.VoteCast, map[string]any{"value": 2.0}), fact.Malformed},
		"half a vote":           {event(events.VoteCast, map[string]any{"value": 0.5}), fact.Malformed},
		"no items":              {event(events.OrderPlaced, map[string]any{"total_cents": 1.0, "items": []any{}}), fact.Malformed},
		"items of wrong type":   {event(events.OrderPlaced, map[string]any{"total_cents": 1.0, "items": []any{"x"}}), fact.Malformed},
		"negative total":        {event(events.OrderPlaced, map[string]any{"total_cents": -1.0, "items": []any{}}), fact.Malformed},
		"total beyond all sums": {event(events.OrderPlaced, map[string]any{"total_cents": 1e18, "items": []any{}}), fact.Malformed},
		"cancelled somehow":     {event(events.OrderCancelled, map[string]any{"total_cents": 1.0}), fact.Malformed},
		"negative cancellation": {event(events.OrderCancelled, map[string]any{"total_cents": -1.0, "how": "returned"}), fact.Malformed},
		"no product":            {event(events.OrderPlaced, line(func(m map[string]any) { m["product"] = "" })), fact.Malformed},
		"no name":               {event(events.OrderPlaced, line(func(m map[string]any) { m["name"] = " " })), fact.Malformed},
		"no quantity":           {event(events.OrderPlaced, line(func(m map[string]any) { m["quantity"] = 0.0 })), fact.Malformed},
		"infinite cents":        {event(events.OrderPlaced, line(func(m map[string]any) { m["cents"] = math.Inf(1) })), fact.Malformed},
	} {
		_, reject := fact.FromEvent(c.event, now)
		if reject == nil || reject.Reason != c.reason {
			t.Errorf("%s: %v, want %s", name, reject, c.reason)
			continue
		}
		if k := fact.RejectEvent(c.event, reject); k.ID == "" || !storable(k.ID) || !storable(k.Event) || !storable(k.Detail) || len(k.Event) > 9<<10 {
			t.Errorf("%s: can't be kept: %+v", name, k)
		}
	}
}

func TestKeepEntry_HasTheSameIDEachTime(t *testing.T) {
	m := events.Malformed{EntryID: "1-1", Fields: map[string]any{"event": "{\x00\xff"}}
	a, b := fact.RejectEntry(m), fact.RejectEntry(m)
	if a.ID != b.ID || !storable(a.Event) {
		t.Errorf("%+v, then %+v", a, b)
	}
}

func storable(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

func FuzzOf(f *testing.F) {
	f.Add(`{"id":"a","type":"order_placed","service":"shop","at":"2026-11-23T09:00:00Z","sub":"x","data":{"total_cents":1,"items":[{"product":"p","name":"n","quantity":1,"cents":1}]}}`)
	f.Add(`{"id":"a","type":"sign_in","service":"portal","at":"2026-11-23T09:00:00Z","data":{"method":"sso","client_id":"shop"}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		var e events.Event
		if json.Unmarshal([]byte(raw), &e) != nil {
			return
		}
		got, reject := fact.FromEvent(e, now)
		if reject != nil {
			if k := fact.RejectEvent(e, reject); !storable(k.ID + k.Event + k.Detail) {
				t.Fatalf("%+v can't be stored", k)
			}
			return
		}
		texts := got.ID + got.Type + got.Variant + got.App + got.Service + got.Subject + got.Data
		for _, s := range got.Sales {
			texts += s.Product + s.Name
		}
		if !storable(texts) {
			t.Fatalf("%+v can't be stored", got)
		}
	})
}
