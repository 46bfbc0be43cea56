//go:build unix

package faults_test

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse.example/tests/env"
	"gatehouse.example/tests/estate"
)

// What is wrong with how `gatehouse up` is started is told in one sentence, with exit code 1, and nothing is left
// running.
func TestUp_SaysWhatIsWrong(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := free.Addr().String()
	free.Close()
	file := filepath.Join(t.TempDir(), "a-file")
	write(t, file, "not a folder")
	badKey, badDatabase, badLog := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, filepath.Join(badKey, "gatehouse.key"), "not a key\n")
	write(t, filepath.Join(badDatabase, "portal.db"), strings.Repeat("not a database\n", 1000))
	if err := os.MkdirAll(filepath.Join(badLog, "logs", "up.log"), 0o700); err != nil {
		t.Fatal(err)
	}
	postgres, err := url.Parse(env.PostgresURL(t))
	if err != nil {
		t.Fatal(err)
	}
	postgres.User = url.UserPassword(postgres.User.Username(), "a-wrong-pass-word")

	for name, c := range map[string]struct {
		args []string
		says []string // all of them
		not  string   // what must not be shown
	}{
		"the port is in use":               {args: []string{"--addr", taken.Addr().String()}, says: []string{taken.Addr().String(), "in use", "--addr"}},
		"no such port":                     {args: []string{"--addr", "127.0.0.1:99999"}, says: []string{"127.0.0.1:99999"}},
		"no address":                       {args: []string{"--addr", "8080"}, says: []string{"--addr", "host:port"}},
		"the domain is a URL":              {args: []string{"--domain", "http://example.com/"}, says: []string{"--domain", "http://example.com/"}},
		"the domain is an address":         {args: []string{"--domain", "127.0.0.1"}, says: []string{"--domain", "127.0.0.1"}},
		"the domain has an empty label":    {args: []string{"--domain", "a..b"}, says: []string{"--domain", "a..b"}},
		"the data folder is a file":        {args: []string{"--data", file}, says: []string{"data folder", file, "not a directory"}},
		"the data folder is below a file":  {args: []string{"--data", filepath.Join(file, "data")}, says: []string{"data folder", file, "not a directory"}},
		"the data folder can't be made":    {args: []string{"--data", "/proc/gatehouse-data"}, says: []string{"data folder", "/proc/gatehouse-data"}},
		"the key is none":                  {args: []string{"--data", badKey}, says: []string{"gatehouse.key"}},
		"the database is none":             {args: []string{"--data", badDatabase}, says: []string{"portal.db"}},
		"the log can't be written":         {args: []string{"--data", badLog}, says: []string{"log"}},
		"the Redis URL is none":            {args: []string{"--redis-url", "http://127.0.0.1:6379"}, says: []string{"Redis URL"}},
		"Redis does not answer":            {args: []string{"--redis-url", "redis://:a-wrong-pass-word@" + nobody}, says: []string{"Redis", nobody}, not: "a-wrong-pass-word"},
		"the Redis password is wrong":      {args: []string{"--redis-url", strings.Replace(env.RedisURL(t), "redis://:", "redis://:a-wrong-pass-word", 1)}, says: []string{"Redis"}, not: "a-wrong-pass-word"},
		"the database URL is none":         {args: []string{"--database-url", "mysql://127.0.0.1/x"}, says: []string{"sqlite:", "postgres:"}},
		"PostgreSQL does not answer":       {args: []string{"--database-url", "postgres://x:a-wrong-pass-word@" + nobody + "/x"}, says: []string{"PostgreSQL", nobody}, not: "a-wrong-pass-word"},
		"the PostgreSQL password is wrong": {args: []string{"--database-url", postgres.String()}, says: []string{"PostgreSQL"}, not: "a-wrong-pass-word"},
		"the number of replicas is none":   {args: []string{"--replicas", "many"}, says: []string{"--replicas", "many"}},
		"there is no such service":         {args: []string{"--replicas", "school=2"}, says: []string{"--replicas", "school"}},
		"the idle time is too short":       {args: []string{"--session-idle", "1s"}, says: []string{"--session-idle", "1m"}},
		"there is no such flag":            {args: []string{"--colour"}, says: []string{"--colour"}},
		"there is no such file of clients": {args: []string{"--clients", file + ".json"}, says: []string{file + ".json"}},
	} {
		t.Run(name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			// What the case gives comes last, and so wins.
			args := append([]string{"up", "--addr", "127.0.0.1:0", "--data", data}, c.args...)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, estate.Binary(t), args...)
			cmd.Env = append(os.Environ(), "GATEHOUSE_BINARY=")
			var out, complaint strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &complaint
			err := cmd.Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("ended with %v, want exit code 1", err)
			}
			said := strings.TrimSuffix(complaint.String(), "\n")
			if !strings.HasPrefix(said, "gatehouse: ") || strings.Contains(said, "\n") || len(said) > 400 {
				t.Errorf("said %q, want one sentence", complaint.String())
			}
			for _, s := range c.says {
				if !strings.Contains(said, s) {
					t.Errorf("said %q, without %q", said, s)
				}
			}
			if c.not != "" && strings.Contains(out.String()+complaint.String(), c.not) {
				t.Errorf("%q is in what it said: %s%s", c.not, &out, &complaint)
			}
			if left := pids(data); len(left) > 0 {
				t.Errorf("left running: %v", left)
			}
			t.Log(said)
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// running is a `gatehouse up` whose own process id we know.
type running struct {
	data  string
	up    int
	cmd   *exec.Cmd
	said  func() string
	ended chan error
}

// startUp starts `gatehouse up`; its replicas need not be there yet. Whatever the test does to it, it is gone at the
// end.
func startUp(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{data: t.TempDir(), ended: make(chan error, 1)}
	file := filepath.Join(t.TempDir(), "pid")
	// The shell becomes the program, which so has the process id that the shell wrote down.
	argv := append([]string{"/bin/sh", "-c", `echo $$ >"$0.part" && mv "$0.part" "$0" && exec "$@"`, file,
		estate.Binary(t), "up", "--addr", "127.0.0.1:0", "--data", r.data}, args...)
	cmd, end, err := env.Watched("KILL", argv...)
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.cmd = cmd
	r.said = func() string {
		raw, _ := os.ReadFile(out.Name())
		return string(raw)
	}
	go func() { r.ended <- cmd.Wait() }()
	t.Cleanup(func() {
		end()
		out.Close()
	})
	eventually(t, "gatehouse up has a process id", func() bool {
		r.up = readPID(file)
		return r.up != 0
	})
	return r
}

// ready waits for it to be ready, and returns the process ids of its replicas.
func (r *running) ready(t *testing.T) map[string]int {
	t.Helper()
	eventually(t, "gatehouse up is ready", func() bool { return strings.Contains(r.said(), "Gatehouse is ready") })
	found := pids(r.data)
	if len(found) != len(replicas) {
		t.Fatalf("%d replicas run: %v", len(found), found)
	}
	return found
}

func (r *running) signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatalf("sending %s to %d: %v\n%s", s, pid, err, r.said())
	}
}

// exit waits for gatehouse up to end and returns its exit code.
func (r *running) exit(t *testing.T) int {
	t.Helper()
	select {
	case err := <-r.ended:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(time.Minute):
		t.Fatalf("gatehouse up has not ended after a minute:\n%s", r.said())
		return 0
	}
}

// noneLeft checks that no process is left of those.
func noneLeft(t *testing.T, pids map[string]int) {
	t.Helper()
	for name, pid := range pids {
		if !gone(pid) {
			t.Errorf("%s (pid %d) is left", name, pid)
		}
	}
}

func TestUp_CtrlCStopsEverything(t *testing.T) {
	r := startUp(t)
	all := r.ready(t)
	r.signal(t, r.up, syscall.SIGINT)
	if code := r.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	noneLeft(t, all)
	if !strings.HasSuffix(r.said(), "Stopped.\n") {
		t.Errorf("said:\n%s", r.said())
	}
}

// A replica that hangs does not hear SIGTERM. It is killed once its grace is over.
func TestUp_CtrlCStopsAReplicaThatHangs(t *testing.T) {
	r := startUp(t, "--grace", "1s")
	all := r.ready(t)
	for _, name := range []string{"shop-1", "portal-2", "analytics-1"} {
		r.signal(t, all[name], syscall.SIGSTOP)
	}
	r.signal(t, r.up, syscall.SIGINT)
	if code := r.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	noneLeft(t, all)
}

func TestUp_CtrlCWhileStarting(t *testing.T) {
	r := startUp(t)
	var begun map[string]int
	eventually(t, "the first replica starts", func() bool {
		begun = pids(r.data)
		return len(begun) > 0 || strings.Contains(r.said(), "Gatehouse is ready")
	})
	r.signal(t, r.up, syscall.SIGINT)
	if code := r.exit(t); code != 0 {
		t.Errorf("exit code %d:\n%s", code, r.said())
	}
	noneLeft(t, begun)
	noneLeft(t, pids(r.data))
}

// Nobody can stop the replicas when gatehouse up is killed: they notice, and stop by themselves.
func TestUp_KilledLeavesNoReplica(t *testing.T) {
	r := startUp(t)
	all := r.ready(t)
	r.signal(t, r.up, syscall.SIGKILL)
	r.exit(t)
	eventually(t, "every replica has ended", func() bool {
		for _, pid := range all {
			if !gone(pid) {
				return false
			}
		}
		return true
	})
	// The folder is as good as before.
	again := startUp(t, "--data", r.data)
	again.data = r.data
	left := again.ready(t)
	again.signal(t, again.up, syscall.SIGTERM)
	if code := again.exit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	noneLeft(t, left)
}
