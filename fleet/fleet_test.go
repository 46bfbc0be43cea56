package fleet_test

import (
	"net"
	"testing"

	"gatehouse/fleet"
)

func TestAnnounce_WithoutASupervisorDoesNothing(t *testing.T) {
	t.Setenv(fleet.EnvReadyFD, "")
	if err := fleet.Announce("127.0.0.1:1", ""); err != nil {
		t.Error(err)
	}
}

func TestAnnounce_RefusesWhatIsNoPipe(t *testing.T) {
	for _, value := range []string{"x", "-1", "0", "2", "99999"} {
		t.Setenv(fleet.EnvReadyFD, value)
		if err := fleet.Announce("127.0.0.1:1", ""); err == nil {
			t.Errorf("%q: no error", value)
		}
	}
}

func TestParentGone_WithoutASupervisorNever(t *testing.T) {
	t.Setenv(fleet.EnvParentFD, "")
	select {
	case <-fleet.ParentGone():
		t.Error("gone")
	default:
	}
}

func TestDialLocalhost_Names(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for _, c := range []struct{ domain, host string }{
		{"localhost", "localhost"}, {"localhost", "shop.localhost"}, {"localhost", "SHOP.LocalHost."}, {"localhost", "a.b.localhost"},
		{"Gatehouse.localhost", "gatehouse.localhost"}, {"gatehouse.localhost", "portal.gatehouse.localhost"},
		{"localhost", "127.0.0.1"}, {"example.com", "127.0.0.1"},
	} {
		conn, err := fleet.DialLocalhost(c.domain)(t.Context(), "tcp", net.JoinHostPort(c.host, port))
		if err != nil {
			t.Errorf("%s in %s: %v", c.host, c.domain, err)
			continue
		}
		conn.Close()
	}
	if _, err := fleet.DialLocalhost("localhost")(t.Context(), "tcp", "no port"); err == nil {
		t.Error("dialled an address without a port")
	}
}
