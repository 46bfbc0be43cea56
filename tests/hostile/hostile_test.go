//go:build unix

package hostile_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gatehouse.example/tests/env"
	"gatehouse.example/tests/estate"
)

func TestEndpoints_BadInput(t *testing.T) {
	t.Run("embedded", func(t *testing.T) { assault(t, estate.Options{}, false) })
	t.Run("servers", func(t *testing.T) {
		assault(t, estate.Options{RedisURL: env.RedisURL(t), DatabaseURL: env.PostgresURL(t)}, true)
	})
}

// assault tries every endpoint of an estate, and then looks at what the estate has made of it. With data only, it tries
// just the values that databases have opinions about.
func assault(t *testing.T, o estate.Options, dataOnly bool) {
	h := open(t, o)
	for _, service := range services {
		t.Run(service, func(t *testing.T) {
			all := h.parameters(t, service, dataOnly)
			if !dataOnly {
				all = append(all, h.envelopes(t, service)...)
			}
			h.all(t, all)
		})
	}
	h.keepToThemselves(t)
	h.signedInStill(t)
	h.checkLogs(t)
	h.checkMetrics(t)
}

// all sends the attacks, some at once, and reports what was wrong with the answers, the first few in full.
func (h *house) all(t *testing.T, attacks []attack) {
	next := make(chan attack)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for a := range next {
				res, body := h.do(t, a.req)
				if faults := h.faultsOf(a.req, res, body); len(faults) > 0 {
					t.Errorf("%s: %s (request id %s)", a.name, strings.Join(faults, "; "), res.Header.Get("X-Request-Id"))
				}
			}
		})
	}
	for _, a := range attacks {
		next <- a
	}
	close(next)
	wg.Wait()
	t.Logf("%d bad requests", len(attacks))
}

// transport follows no redirect and keeps no cookies.
var transport = estate.Browser().Transport

func (h *house) do(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := transport.RoundTrip(req)
	if err != nil { // the server may hang up on what it does not want to read
		return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{}}, ""
	}
	defer res.Body.Close()
	var body bytes.Buffer
	_, _ = body.ReadFrom(io.LimitReader(res.Body, 4<<20))
	return res, body.String()
}
