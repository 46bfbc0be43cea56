package lab_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"gatehouse.example/apps/academy/lab"
)

const mib = 1 << 20

// startSize starts an experiment that takes size MiB more than an ordinary one.
func startSize(t *testing.T, m *lab.Manager, id, account, network string, size int) (addr string, err error) {
	t.Helper()
	return m.Start(t.Context(), lab.Start{ID: id, Experiment: "growing", Account: account, Network: network, Setup: lab.Args{"size": strconv.Itoa(size)}})
}

// awaitRoom waits until there is room for so many ordinary experiments; the deadline only ends a test that hangs.
func awaitRoom(t *testing.T, m *lab.Manager, want int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, left := m.Room(); left == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the room of an ended run was not given back")
		}
	}
}

func TestRoom_IsReservedByTheSetup(t *testing.T) {
	m, _ := manager(t, func(o *lab.ManagerOptions) { o.Memory = 1000 * mib })
	for size, want := range map[int]int{0: 19, 96: 17} {
		id := fmt.Sprintf("size-%d", size)
		addr, err := startSize(t, m, id, id, id, size)
		if err != nil {
			t.Fatal(err)
		}
		if _, left := m.Room(); left != want {
			t.Errorf("size %d leaves room for %d, want %d", size, left, want)
		}
		if err := m.End(t.Context(), addr, id, "Done."); err != nil {
			t.Fatal(err)
		}
		awaitRoom(t, m, 20)
	}
}

// Four accounts that cost nothing, each of which takes as much as it gets, leave room for others.
func TestRoom_FourAccountsDontTakeAll(t *testing.T) {
	for name, network := range map[string]func(account int) string{
		"of one network": func(int) string { return "192.0.2.1" }, "of four networks": func(n int) string { return fmt.Sprintf("192.0.2.%d", n) },
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := manager(t, func(o *lab.ManagerOptions) { o.Memory = 4 * 384 * mib })
			refused := 0
			for n := range 4 {
				for run := range 2 {
					_, err := startSize(t, m, fmt.Sprintf("run-%d-%d", n, run), fmt.Sprint("account-", n), network(n), 384-48)
					if errors.Is(err, lab.ErrShare) {
						refused++
					} else if err != nil && !errors.Is(err, lab.ErrFull) {
						t.Fatal(err)
					}
				}
			}
			if refused == 0 {
				t.Error("nobody was told that they have their share")
			}
			if _, err := startSize(t, m, "other", "other", "198.51.100.1", 48); err != nil {
				t.Errorf("nothing was left for somebody else: %v", err)
			}
		})
	}
}

// A small estate has room for one ordinary experiment of each account, however it shares.
func TestRoom_AnOrdinaryOneIsAShare(t *testing.T) {
	m, _ := manager(t, nil)
	start(t, m, "a")
	if _, err := m.Start(t.Context(), lab.Start{ID: "a2", Experiment: "counter", Account: "a", Network: "a"}); !errors.Is(err, lab.ErrShare) {
		t.Errorf("a second one of the same account in the room of three: %v", err)
	}
	start(t, m, "b")
	start(t, m, "c")
}

func TestRoom_DiskIsBoundedInTotal(t *testing.T) {
	m, _ := manager(t, func(o *lab.ManagerOptions) { o.Memory, o.Disk = 4000*mib, 1000*mib })
	if _, err := startSize(t, m, "first", "first", "first", 400); err != nil {
		t.Fatal(err)
	}
	if _, err := startSize(t, m, "first-2", "first", "first", 400); !errors.Is(err, lab.ErrShare) {
		t.Errorf("more than half of the disk for one account: %v", err)
	}
	if _, err := startSize(t, m, "second", "second", "second", 600); !errors.Is(err, lab.ErrFull) {
		t.Errorf("more disk than there is: %v", err)
	}
	if _, err := startSize(t, m, "third", "third", "third", 200); err != nil {
		t.Errorf("a third of what is left: %v", err)
	}
}

// A control that makes the set-up larger needs room, too.
func TestRoom_GrowsWithTheSetup(t *testing.T) {
	m, _ := manager(t, func(o *lab.ManagerOptions) { o.Memory = 1000 * mib })
	addr, err := startSize(t, m, "a", "a", "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	resize := func(size string) error {
		_, err := m.Do(t.Context(), addr, "a", "resize", lab.Args{"size": size}, "")
		return err
	}
	for _, step := range []struct {
		size string
		left int // ordinary ones
	}{{"96", 17}, {"96", 17}, {"300", 13}, {"10", 13}} {
		if err := resize(step.size); err != nil {
			t.Fatal(err)
		}
		if _, left := m.Room(); left != step.left {
			t.Errorf("after %s there is room for %d, want %d", step.size, left, step.left)
		}
	}
	wantRefusal(t, "more than half of all", resize("500"))
	s, err := m.State(t.Context(), addr, "a", 0)
	if err != nil || s.Setup["size"] != "10" {
		t.Errorf("what was refused was carried out: size %s, %v", s.Setup["size"], err)
	}
	if err := m.End(t.Context(), addr, "a", "Done."); err != nil {
		t.Fatal(err)
	}
	awaitRoom(t, m, 20) // all of it is given back
}
