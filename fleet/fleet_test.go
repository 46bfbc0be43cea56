package fleet_test

import (
	"testing"

	"gatehouse.example/fleet"
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
