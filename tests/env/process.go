//go:build unix

package env

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// watch is the shell program around every server. It starts the server as its own child, so that the process id that it
// later signals can't belong to another process, and waits for the pipe on its standard input to close: that happens
// when Stop is called and also when the test process panics or is killed. Then it stops the server and removes its
// folder. $0 is the folder (or nothing), $1 the signal, the rest the server's command line.
const watch = `dir=$0; sig=$1; shift
exec 3<&0
"$@" </dev/null 3<&- & server=$!
{ cat <&3; kill -s "$sig" $server; sleep 20; kill -s KILL $server; } >/dev/null 2>&1 & watcher=$!
wait $server; code=$?
kill $watcher 2>/dev/null
[ -z "$dir" ] || { cd / && rm -rf "$dir"; }
exit $code`

// Watched returns a command that runs argv and sends it the signal stop (TERM, say) when the test process has ended in
// any way, or when end is called. The caller sets its environment and outputs, starts it and waits for it. It leads a
// process group of its own: a SIGKILL to that group kills argv at once, and Ctrl-C in a terminal ends the tests, whose
// end ends argv.
func Watched(stop string, argv ...string) (cmd *exec.Cmd, end func(), err error) {
	return watched("", stop, argv)
}

func watched(dir, stop string, argv []string) (*exec.Cmd, func(), error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", watch, dir, stop}, argv...)...)
	cmd.Stdin = read
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd, func() { write.Close(); read.Close() }, nil
}

// process is a server that this test process started.
type process struct {
	gone chan struct{} // closed once the server has ended and its folder has been removed
	end  func()        // makes the watching shell stop the server
	log  string        // path of the server's output, in its folder
}

// spawn starts argv in dir under the watching shell, as account if it is not nil. stop is the name of the signal that
// ends the server at once.
func spawn(dir, stop string, account *syscall.Credential, argv []string) (*process, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd, end, err := watched(dir, stop, argv)
	if err != nil {
		return nil, err
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr.Credential = account
	if err := cmd.Start(); err != nil {
		end()
		return nil, err
	}
	p := &process{gone: make(chan struct{}), end: end, log: log.Name()}
	go func() {
		_ = cmd.Wait()
		close(p.gone)
	}()
	return p, nil
}

// stop stops the server and waits until it has ended.
func (p *process) stop() {
	p.end()
	<-p.gone
}

// await polls ready until it returns nil. It returns an error with the server's output if the server ends or is not
// ready after 30 seconds.
func (p *process) await(ready func() error) error {
	deadline := time.After(30 * time.Second)
	for {
		words, _ := os.ReadFile(p.log)
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.gone:
			return fmt.Errorf("it ended at once: %s", strings.TrimSpace(string(words)))
		case <-deadline:
			p.stop()
			return fmt.Errorf("not ready after 30 s (%w): %s", err, strings.TrimSpace(string(words)))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// find returns the path of a server's program: on PATH, or where Debian installs PgBouncer and PostgreSQL, the newest
// first.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	if path, err := exec.LookPath("/usr/sbin/" + program); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + program)
	if len(found) == 0 {
		return "", fmt.Errorf("%s is not installed; Debian and Ubuntu: apt-get install redis-server postgresql pgbouncer; "+
			"macOS: brew install redis postgresql pgbouncer", program)
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return found[0], nil
}

// version returns the 15 of /usr/lib/postgresql/15/bin/postgres.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

// folder creates a temporary folder that only account can access.
func folder(pattern string, account *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", pattern)
	if err != nil || account == nil {
		return dir, err
	}
	return dir, os.Chown(dir, int(account.Uid), int(account.Gid))
}

// unprivileged returns an account to run PostgreSQL as, which refuses to run as root, or nil if we are not root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("PostgreSQL does not run as root, and there is no user postgres: %w", err)
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// freePort returns a loopback port that is free at this moment. The caller must retry with another one if another
// process takes it first.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// secret returns a random password.
func secret() string {
	b := make([]byte, 16)
	rand.Read(b)
	return hex.EncodeToString(b)
}
