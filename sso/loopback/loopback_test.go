package loopback_test

import (
	"net"
	"testing"

	"gatehouse.example/sso/loopback"
)

func TestDial_Names(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for _, c := range []struct{ domain, host string }{
		{"localhost", "localhost"}, {"localhost", "shop.localhost"}, {"localhost", "SHOP.LocalHost."}, {"localhost", "a.b.localhost"},
		{"Gatehouse.localhost", "gatehouse.localhost"}, {"gatehouse.localhost", "portal.gatehouse.localhost"},
		{"localhost", "127.0.0.1"}, {"example.com", "127.0.0.1"},
	} {
		conn, err := loopback.Dial(c.domain)(t.Context(), "tcp", net.JoinHostPort(c.host, port))
		if err != nil {
			t.Errorf("%s in %s: %v", c.host, c.domain, err)
			continue
		}
		_ = conn.Close()
	}
	if _, err := loopback.Dial("localhost")(t.Context(), "tcp", "no port"); err == nil {
		t.Error("dialled an address without a port")
	}
}
