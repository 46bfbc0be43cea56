package rp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse.example/tests/env"
)

func TestSignIn_NoCodeGoesWhereTheTokenEndpointRedirects(t *testing.T) {
	p := newProvider(t)
	asked := false
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer elsewhere.Close()
	p.elsewhere = elsewhere.URL
	a := newApp(t, p, env.MiniRedis(t))
	if got := newBrowser(t).get(a.URL + "/orders"); got.status != http.StatusServiceUnavailable || asked {
		t.Errorf("answered %d; the code was sent on: %t", got.status, asked)
	}
}
