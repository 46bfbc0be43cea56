package lab_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse.example/apps/academy/lab"
)

func TestManager_RunsAProcess(t *testing.T) {
	m, ended := manager(t, nil)
	addr := start(t, m, "a")
	s, err := m.Do(t.Context(), addr, "a", "add", lab.Args{"n": "4"}, "k")
	if err != nil || fact(s, "sum") != "4" {
		t.Fatalf("sum %q, %v", fact(s, "sum"), err)
	}
	if _, err := m.State(t.Context(), addr, "a", s.Version); !errors.Is(err, lab.ErrSame) {
		t.Errorf("nothing had changed: %v", err)
	}
	if s, err := m.State(t.Context(), addr, "a", s.Version-1); err != nil || fact(s, "sum") != "4" {
		t.Errorf("an older version: %v", err)
	}
	if s, err = m.Step(t.Context(), addr, "a", "one", -1, ""); err != nil || s.Step != 1 {
		t.Errorf("step %d, %v", s.Step, err)
	}
	_, err = m.Do(t.Context(), addr, "a", "add", lab.Args{"n": "9"}, "")
	wantRefusal(t, "out of range", err)
	if err := m.End(t.Context(), addr, "a", "You ended it."); err != nil {
		t.Fatal(err)
	}
	if got := await(t, ended); got != "a: You ended it. (4 events)" {
		t.Errorf("ended with %q", got)
	}
	if _, err := m.State(t.Context(), addr, "a", 0); !errors.Is(err, lab.ErrGone) {
		t.Errorf("after the end: %v", err)
	}
	if err := m.End(t.Context(), addr, "a", "Again."); err != nil {
		t.Errorf("ended twice: %v", err)
	}
}

func TestManager_BadSetupStartsNothing(t *testing.T) {
	m, _ := manager(t, nil)
	_, err := m.Start(t.Context(), lab.Start{ID: "a", Experiment: "counter", Setup: lab.Args{"from": "99"}})
	wantRefusal(t, "out of range", err)
	_, err = m.Start(t.Context(), lab.Start{ID: "a", Experiment: "chess"})
	wantRefusal(t, "unknown", err)
	if _, err = m.Start(t.Context(), lab.Start{ID: "a", Experiment: "counter", Setup: lab.Args{"kind": "loud"}}); err == nil || !strings.Contains(err.Error(), "too loud") {
		t.Errorf("an experiment that does not open: %v", err)
	}
	if running, left := m.Room(); running != 0 || left != 3 {
		t.Errorf("%d run, room for %d; want 0 and 3", running, left)
	}
}

func TestManager_RunsAreApart(t *testing.T) {
	m, ended := manager(t, nil)
	a, b := start(t, m, "a"), start(t, m, "b")
	if _, err := m.State(t.Context(), a, "b", 0); !errors.Is(err, lab.ErrGone) {
		t.Errorf("the secret of one run opened another: %v", err)
	}
	_, _ = m.Do(t.Context(), a, "a", "exit", nil, "")
	if got := await(t, ended); !strings.HasPrefix(got, "a: The experiment crashed.") {
		t.Errorf("the crash was told as %q", got)
	}
	if _, err := m.Do(t.Context(), b, "b", "add", nil, ""); err != nil {
		t.Errorf("the crash of one hurt another: %v", err)
	}
}

func TestManager_NoRoom(t *testing.T) {
	m, ended := manager(t, nil)
	addr := start(t, m, "a")
	start(t, m, "b")
	start(t, m, "c")
	if _, err := m.Start(t.Context(), lab.Start{ID: "d", Experiment: "counter", Account: "d", Network: "d"}); !errors.Is(err, lab.ErrFull) {
		t.Fatalf("a fourth in the room of three: %v", err)
	}
	if err := m.End(t.Context(), addr, "a", "Done."); err != nil {
		t.Fatal(err)
	}
	await(t, ended)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, left := m.Room(); left == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the room of an ended run was not given back")
		}
	}
	start(t, m, "d")
}

func TestManager_DiskHasACeiling(t *testing.T) {
	m, ended := manager(t, nil)
	addr := start(t, m, "a")
	_, _ = m.Do(t.Context(), addr, "a", "fill", nil, "")
	if got := await(t, ended); !strings.Contains(got, "exceeded its disk limit") {
		t.Errorf("the end was told as %q", got)
	}
}

func TestManager_MemoryHasACeiling(t *testing.T) {
	m, ended := manager(t, nil)
	addr := start(t, m, "a")
	_, _ = m.Do(t.Context(), addr, "a", "hog", nil, "")
	if got := await(t, ended); !strings.Contains(got, "exceeded its memory limit") {
		t.Errorf("the end was told as %q", got)
	}
}

func TestManager_OneThatHangsEndsAllTheSame(t *testing.T) {
	m, ended := manager(t, nil)
	addr := start(t, m, "a")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, _ = m.Do(ctx, addr, "a", "hang", nil, "")
	if err := m.End(t.Context(), addr, "a", "You ended it."); err != nil {
		t.Error(err)
	}
	if got := await(t, ended); got != "a: You ended it. (0 events)" {
		t.Errorf("ended with %q", got)
	}
}

func TestManager_IdleOnesEnd(t *testing.T) {
	for name, change := range map[string]func(*lab.ManagerOptions){
		"without activity":        func(o *lab.ManagerOptions) { o.Idle = 50 * time.Millisecond },
		"its page was closed for": func(o *lab.ManagerOptions) { o.Unwatched = 50 * time.Millisecond },
	} {
		m, ended := manager(t, change)
		start(t, m, "a")
		if got := await(t, ended); !strings.Contains(got, name) {
			t.Errorf("want %q, got %q", name, got)
		}
	}
}

func TestManager_LeavesNoFolders(t *testing.T) {
	var dir string
	m, ended := manager(t, func(o *lab.ManagerOptions) { dir = o.Dir })
	addr := start(t, m, "a")
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d folders for one run", len(files))
	}
	if err := m.End(t.Context(), addr, "a", "Done."); err != nil {
		t.Fatal(err)
	}
	await(t, ended)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if files, _ := os.ReadDir(dir); len(files) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the folder of an ended run is still there")
		}
	}
}

// A run that is gone may have left its port to any other server of the machine.
func TestManager_AnotherServerAtTheAddressIsNoRun(t *testing.T) {
	m, _ := manager(t, nil)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirection was followed") }))
	t.Cleanup(elsewhere.Close)
	for name, answer := range map[string]http.HandlerFunc{
		"200": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"version":3}`)) },
		"204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"303": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/state", http.StatusTemporaryRedirect)
		},
		"404": http.NotFound,
		"500": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
	} {
		other := httptest.NewServer(answer)
		addr := other.Listener.Addr().String()
		if _, err := m.State(t.Context(), addr, "a", 0); !errors.Is(err, lab.ErrGone) {
			t.Errorf("%s: state: %v", name, err)
		}
		if _, err := m.Do(t.Context(), addr, "a", "add", nil, ""); !errors.Is(err, lab.ErrGone) {
			t.Errorf("%s: do: %v", name, err)
		}
		if err := m.End(t.Context(), addr, "a", "Done."); err != nil {
			t.Errorf("%s: end: %v", name, err)
		}
		other.Close()
	}
}

// A network that fails for a moment says nothing about the run.
func TestManager_AConnectionThatBreaksIsNoEnd(t *testing.T) {
	m, _ := manager(t, nil)
	broken := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	addr := broken.Listener.Addr().String()
	if _, err := m.State(t.Context(), addr, "a", 0); err == nil || errors.Is(err, lab.ErrGone) {
		t.Errorf("state: %v", err)
	}
	if err := m.End(t.Context(), addr, "a", "Done."); err == nil {
		t.Error("the end of a run that was not reached was reported as done")
	}
	broken.Close()
	if _, err := m.State(t.Context(), addr, "a", 0); !errors.Is(err, lab.ErrGone) {
		t.Errorf("nothing listens: %v", err)
	}
}

// When a machine kills an academy together with its lab processes, nobody removes their folders.
func TestManager_SweepsWhatTheDeadLeft(t *testing.T) {
	var dir string
	m, _ := manager(t, func(o *lab.ManagerOptions) { dir = o.Dir })
	start(t, m, "a")
	alive, err := os.ReadDir(dir)
	if err != nil || len(alive) != 1 {
		t.Fatalf("%d folders for one run, %v", len(alive), err)
	}
	dead, fresh, other := filepath.Join(dir, "gatehouse-lab-dead"), filepath.Join(dir, "gatehouse-lab-fresh"), filepath.Join(dir, "other")
	for _, path := range []string{dead, fresh, other} {
		if err := os.MkdirAll(filepath.Join(path, "deep"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour)
	for _, path := range []string{dead, other, filepath.Join(dir, alive[0].Name())} {
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	manager(t, func(o *lab.ManagerOptions) { o.Dir = dir })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(dead); errors.Is(err, os.ErrNotExist) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the folder of a dead run is still there")
		}
	}
	for _, path := range []string{fresh, other, filepath.Join(dir, alive[0].Name())} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("removed, too: %v", err)
		}
	}
}

func TestManager_TellsOfPostgresOnlyWhoNeedsIt(t *testing.T) {
	const address = "postgres://somebody:secret@127.0.0.1:1/estate"
	m, _ := manager(t, func(o *lab.ManagerOptions) { o.Postgres = address })
	for name, want := range map[string]string{"counter": "", "large": address} {
		addr, err := m.Start(t.Context(), lab.Start{ID: name, Experiment: name, Account: name, Network: name})
		if err != nil {
			t.Fatal(err)
		}
		if s, err := m.State(t.Context(), addr, name, 0); err != nil || fact(s, "postgres") != want {
			t.Errorf("%s knows %q, %v", name, fact(s, "postgres"), err)
		}
	}
}
