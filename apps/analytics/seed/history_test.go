package seed_test

import (
	"reflect"
	"testing"
	"time"

	"gatehouse.example/apps/analytics/seed"
	"gatehouse.example/events"
)

var until = time.Date(2026, 11, 23, 10, 17, 3, 0, time.UTC)

func TestHistory_IsTheSameEachTime(t *testing.T) {
	if a, b := seed.History(until), seed.History(until); !reflect.DeepEqual(a, b) {
		t.Error("two histories with the same end differ")
	}
}

func TestHistory_IsPlausible(t *testing.T) {
	facts := seed.History(until)
	ids, types, night, evening := map[string]bool{}, map[string]int{}, 0, 0
	week, lastWeek := 0, 0
	for _, f := range facts {
		if ids[f.ID] {
			t.Fatalf("the id %s is there twice", f.ID)
		}
		ids[f.ID] = true
		types[f.Type]++
		if !f.At.Before(until) || f.At.Before(until.AddDate(0, 0, -seed.Days-1)) {
			t.Errorf("%s happened at %s", f.ID, f.At)
		}
		switch h := f.At.Hour(); {
		case h >= 2 && h < 5:
			night++
		case h >= 18 && h < 21:
			evening++
		}
		switch age := until.Sub(f.At); {
		case age < 7*24*time.Hour:
			lastWeek++
		case age > 23*24*time.Hour && age <= 30*24*time.Hour:
			week++
		}
	}
	for _, typ := range []string{events.SignIn, events.SignOut, events.Registered, events.CartStarted, events.OrderPlaced, events.ThreadCreated, events.PostCreated, events.VoteCast} {
		if types[typ] == 0 {
			t.Errorf("no %s", typ)
		}
	}
	if evening < 5*night {
		t.Errorf("%d in the evenings, %d in the nights: no rhythm of a day", evening, night)
	}
	if lastWeek <= week {
		t.Errorf("%d in the last week, %d in the first: no growth", lastWeek, week)
	}
	if len(facts) > 40_000 {
		t.Errorf("%d events take too long to write", len(facts))
	}
	t.Logf("%d events: %v", len(facts), types)
}
