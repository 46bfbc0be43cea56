package lab_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/tests/env"
)

// inside runs try in a lab process.
func inside(t *testing.T, m *lab.Manager, addr, what, at string) string {
	t.Helper()
	s, err := m.Do(t.Context(), addr, "a", "try", lab.Args{"what": what, "at": at}, "")
	if err != nil {
		t.Fatal(err)
	}
	return fact(s, "tried")
}

// hasLandlock reports whether the kernel can keep a process from what the Landlock of this ABI version knows.
func hasLandlock(t *testing.T, abi int) bool {
	t.Helper()
	have, err := ll.LandlockGetABIVersion()
	if err != nil || have < abi {
		t.Logf("this kernel has Landlock ABI %d (%v), %d is needed: not tried", have, err, abi)
		return false
	}
	return true
}

// peer is another process of the user that lab processes run as, like an estate that was not started as root.
func peer(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("sleep", "600")
	cmd.Dir, cmd.Env = "/", []string{"GATEHOUSE_KEY=secret of the estate"}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func TestConfine_NothingOfTheEstateIsInReach(t *testing.T) {
	m, _ := manager(t, nil)
	addr := start(t, m, "a")
	dir := folder(t)
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("secret of the estate"), 0o600); err != nil {
		t.Fatal(err)
	}
	tries := []struct{ name, what, at string }{
		{"the estate's Redis", "redis", env.MiniRedis(t).(*redis.Client).Options().Addr},
	}
	if os.Geteuid() == 0 || hasLandlock(t, 1) {
		tries = append(tries, []struct{ name, what, at string }{
			{"the key file", "read", key},
			{"a file beside the key", "write", filepath.Join(dir, "new")},
			{"the estate's environment", "read", fmt.Sprintf("/proc/%d/environ", os.Getpid())},
		}...)
	}
	if os.Geteuid() == 0 || hasLandlock(t, 6) {
		tries = append(tries, struct{ name, what, at string }{"a signal to the estate", "signal", strconv.Itoa(os.Getpid())})
	}
	for _, try := range tries {
		if got := inside(t, m, addr, try.what, try.at); got == "done" {
			t.Errorf("%s: an experiment has reached it", try.name)
		} else {
			t.Logf("%s: %s", try.name, got)
		}
	}
	if got := inside(t, m, addr, "own server", ""); got != "done" {
		t.Errorf("a server of its own: %s", got)
	}
	if got := inside(t, m, addr, "write", "notes"); got != "done" {
		t.Errorf("a file of its own: %s", got)
	}
}

// An estate that is not root's has the user that its experiments have: there, Landlock alone keeps them apart.
func TestConfine_SameUser(t *testing.T) {
	if !hasLandlock(t, 1) {
		return
	}
	m, _ := manager(t, nil)
	addr, other := start(t, m, "a"), strconv.Itoa(peer(t))
	key := filepath.Join(folder(t), "key")
	if err := os.WriteFile(key, []byte("secret of the estate"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, what := range map[string][2]string{
		"key file": {"read", key}, "environment": {"read", "/proc/" + other + "/environ"}, "other files": {"read", "/etc/passwd"},
		"another folder": {"write", filepath.Join(os.TempDir(), "gatehouse-lab-test")},
	} {
		if got := inside(t, m, addr, what[0], what[1]); !strings.Contains(got, "permission denied") {
			t.Errorf("%s: %s, want permission denied", name, got)
		}
	}
	if hasLandlock(t, 6) {
		if got := inside(t, m, addr, "signal", other); got != syscall.EPERM.Error() {
			t.Errorf("signal: %s", got)
		}
	}
}

// A port that anybody on the machine may connect to, as that of a Redis without a password.
func TestConfine_NetworkOfItsOwn(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	if !namespaces(t) {
		return
	}
	m, _ := manager(t, nil)
	if got := inside(t, m, start(t, m, "a"), "dial", ln.Addr().String()); !strings.Contains(got, "refused") {
		t.Errorf("a server of the machine: %s", got)
	}

	// The run that is given PostgreSQL must reach it.
	m, _ = manager(t, func(o *lab.ManagerOptions) { o.Postgres = "postgres://somebody@" + ln.Addr().String() + "/estate" })
	addr, err := m.Start(t.Context(), lab.Start{ID: "a", Experiment: "large"})
	if err != nil {
		t.Fatal(err)
	}
	if got := inside(t, m, addr, "dial", ln.Addr().String()); got != "done" {
		t.Errorf("PostgreSQL's address: %s", got)
	}
}

// namespaces reports whether this system lets us start a process with a network of its own.
func namespaces(t *testing.T) bool {
	t.Helper()
	cmd := exec.Command("true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if uid := os.Geteuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{12} // CAP_NET_ADMIN
	}
	if err := cmd.Run(); err != nil {
		t.Logf("this system refuses network namespaces (%v): not tried", err)
		return false
	}
	return true
}

// What an operator can see of each thread of a lab process.
func TestConfine_EveryThread(t *testing.T) {
	m, _ := manager(t, nil)
	addr := start(t, m, "a")
	pid := labProcess(t)
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) < 2 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	for _, thread := range threads {
		raw, err := os.ReadFile(thread)
		if err != nil {
			continue // it has ended
		}
		status := map[string]string{}
		for line := range strings.Lines(string(raw)) {
			name, value, _ := strings.Cut(line, ":")
			status[name] = strings.Join(strings.Fields(value), " ")
		}
		want := map[string]string{"NoNewPrivs": "1", "CapPrm": none, "CapEff": none, "CapInh": none, "CapAmb": none}
		if os.Geteuid() == 0 {
			want["CapBnd"], want["Uid"], want["Gid"], want["Groups"] = none, "65534 65534 65534 65534", "65534 65534 65534 65534", ""
		}
		for name, value := range want {
			if status[name] != value {
				t.Errorf("%s: %s is %q, want %q", thread, name, status[name], value)
			}
		}
	}
	if got := inside(t, m, addr, "own server", ""); got != "done" {
		t.Error(got)
	}
}

const none = "0000000000000000"

// labProcess is the process ID of the only child of this process.
func labProcess(t *testing.T) int {
	t.Helper()
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", os.Getpid()))
	var children []string
	for _, list := range lists {
		raw, _ := os.ReadFile(list)
		children = append(children, strings.Fields(string(raw))...)
	}
	if len(children) != 1 {
		t.Fatalf("%d child processes: %v", len(children), children)
	}
	pid, err := strconv.Atoi(children[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
