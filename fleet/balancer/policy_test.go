package balancer_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse.example/fleet/balancer"
)

// A page and the stream that it opens take turns of their own, so that a reload meets the next backend.
func TestRoundRobin_StreamsDoNotTakeThePagesTurn(t *testing.T) {
	policy := balancer.NewRoundRobin()
	backends := []*balancer.Backend{new(balancer.Backend), new(balancer.Backend)}
	page := httptest.NewRequest(http.MethodGet, "/", nil)
	stream := httptest.NewRequest(http.MethodGet, "/auth/live", nil)
	stream.Header.Set("Accept", "text/event-stream")
	for reload := range 6 {
		want := backends[reload%2]
		if policy.Pick(page, backends) != want {
			t.Errorf("reload %d meets the other backend", reload)
		}
		if policy.Pick(stream, backends) != want {
			t.Errorf("stream %d meets the other backend", reload)
		}
	}
}
