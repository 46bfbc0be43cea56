package lookup_test

import (
	"testing"
	"time"

	"gatehouse.example/apps/academy/experiments/lookup"
)

func TestClient_CountsWhatItAsks(t *testing.T) {
	server, err := lookup.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	one, other := connect(t, server), connect(t, server)
	for want := range int64(3) {
		if got := one.Commands(); got != want {
			t.Errorf("%d commands were counted; want %d", got, want)
		}
		if over, err := one.Denied(t.Context(), "card"); over || err != nil {
			t.Error(over, err)
		}
	}
	if err := other.Set(t.Context(), "academy:denied:card", 1, time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	if over, err := one.Denied(t.Context(), "card"); !over || err != nil {
		t.Errorf("a card that was denied: %v, %v", over, err)
	}
	if got := one.Commands(); got != 4 {
		t.Errorf("%d commands; want 4", got)
	}
	if got := other.Commands(); got != 1 {
		t.Errorf("the other client: %d commands; want 1", got)
	}
	server.Close()
	if _, err := one.Denied(t.Context(), "card"); err == nil {
		t.Error("a Redis that is away said that nothing is denied")
	}
}

func connect(t *testing.T, s *lookup.Server) *lookup.Client {
	t.Helper()
	c := s.Connect()
	t.Cleanup(func() { _ = c.Close() })
	return c
}
