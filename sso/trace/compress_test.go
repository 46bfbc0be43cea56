package trace

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestCompress_HopsTakeLessThanAQuarter(t *testing.T) {
	step, err := json.Marshal(Step{
		Kind: Authorize, At: time.Date(2026, 11, 29, 15, 4, 5, 678, time.UTC), Took: 1234567, From: Browser, To: Provider, Replica: "portal-2", Method: "GET",
		Address: "http://portal.localhost:8080/oauth/authorize", Status: 302,
		Sent: []Value{
			{InQuery, "client_id", "forum"}, {InQuery, "redirect_uri", "http://forum.localhost:8080/auth/callback"}, {InQuery, "response_type", "code"},
			{InQuery, "scope", "openid profile email roles"}, {InQuery, "state", "K7QXW3…"}, {InQuery, "nonce", "P2DH5J…"}, {InQuery, "code_challenge", "Qm9x1z…"},
			{InQuery, "code_challenge_method", "S256"}, {InCookie, "portal_session", "(not recorded)"},
		},
		Answer: []Value{{InLocation, "code", "f8Hs2k…"}, {InLocation, "state", "K7QXW3…"}, {InLocation, "iss", "http://portal.localhost:8080"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var c compressor
	for range 3 { // the writer is used again
		small := c.compress(step)
		if len(small)*4 > len(step) {
			t.Errorf("%d bytes of %d", len(small), len(step))
		}
		if got := decompress(string(small)); !bytes.Equal(got, step) {
			t.Errorf("came back as %q", got)
		}
	}
}

func TestDecompress_SomethingElse(t *testing.T) {
	var c compressor
	for name, stored := range map[string]string{
		"JSON": `{"k":"page"}`, "nothing": "", "cut off": string(c.compress([]byte(`{"k":"authorize"}`))[:5]),
		"more than a step": string(c.compress([]byte(strings.Repeat("x", maxStep+1)))),
	} {
		if got := decompress(stored); got != nil {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
}
