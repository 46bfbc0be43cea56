//go:build unix

package flows_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/tests/env"
	"gatehouse.example/tests/estate"
)

// behindNginx is Gatehouse as docker-compose.yml runs it, without the containers: Debian's nginx with deploy/nginx.conf
// as it is, in front of two replicas of portal, shop and forum and one of analytics and academy, on a real Redis and
// PostgreSQL.
type behindNginx struct {
	base     string
	replicas map[string]*replica // by name: "shop-2"
	nginx    *syncBuffer         // what nginx said
}

// replica is one process of one service.
type replica struct {
	addr string
	pid  int // of the process group
	said *syncBuffer
}

func startBehindNginx(t *testing.T) *behindNginx {
	t.Helper()
	port, release := reservePort(t)
	b := &behindNginx{base: fmt.Sprintf("http://localhost:%d", port), replicas: map[string]*replica{}}
	settings := []string{
		"GATEHOUSE_URL=" + b.base, "GATEHOUSE_DEMO=true",
		"GATEHOUSE_TRUSTED_PROXIES=127.0.0.0/8", // what the network of nginx is in docker-compose.yml
		"GATEHOUSE_DIAL_LOOPBACK=true",          // there is no DNS here that knows portal.localhost
		"REDIS_URL=" + env.RedisURL(t), "DATABASE_URL=" + env.PostgresURL(t),
	}
	for _, line := range strings.Fields(output(t, "../../deploy/make-env")) {
		if strings.HasPrefix(line, "GATEHOUSE_") && !strings.HasPrefix(line, "GATEHOUSE_DEMO") {
			settings = append(settings, line)
		}
	}
	binary := estate.Binary(t)
	migrate := exec.CommandContext(t.Context(), binary, "migrate")
	migrate.Env = append(os.Environ(), settings...)
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("gatehouse migrate: %v: %s", err, out)
	}
	for _, name := range []string{"portal-1", "portal-2", "shop-1", "shop-2", "forum-1", "forum-2", "analytics-1", "academy-1"} {
		b.replicas[name] = startReplica(t, binary, name, settings)
	}
	for name, r := range b.replicas {
		awaitHTTP(t, name, r.said, "http://"+r.addr+"/readyz")
	}
	release()
	b.startNginx(t, port)
	return b
}

func startReplica(t *testing.T, binary, name string, settings []string) *replica {
	t.Helper()
	service, _, _ := strings.Cut(name, "-")
	r := &replica{addr: fmt.Sprintf("127.0.0.1:%d", freePort(t)), said: &syncBuffer{}}
	cmd, end, err := env.Watched("TERM", binary, service)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), settings...)
	secrets := "GATEHOUSE_CLIENT_SECRETS="
	for _, s := range settings { // as Compose does: an app gets its own secret, the portal all of them
		variable, secret, _ := strings.Cut(s, "=")
		app, isSecret := strings.CutSuffix(strings.ToLower(strings.TrimPrefix(variable, "GATEHOUSE_")), "_secret")
		if isSecret {
			secrets += app + "=" + secret + ";"
		}
		if app == service {
			cmd.Env = append(cmd.Env, "GATEHOUSE_CLIENT_SECRET="+secret)
		}
	}
	cmd.Env = append(cmd.Env, secrets, "GATEHOUSE_ADDR="+r.addr, "GATEHOUSE_REPLICA="+name)
	cmd.Stdout, cmd.Stderr = r.said, r.said
	run(t, name, cmd, end, r.said)
	r.pid = cmd.Process.Pid
	return r
}

// run starts cmd and ends it with the test.
func run(t *testing.T, name string, cmd *exec.Cmd, end func(), said *syncBuffer) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end()
		_ = cmd.Wait() // a killed replica does not end well, and should not
		if t.Failed() {
			t.Logf("%s said at last:\n%s", name, said.tail())
		}
	})
}

var upstream = regexp.MustCompile(`server ([a-z]+-\d):8000 resolve`)

// startNginx writes the two files that differ from one installation to the next and runs nginx with them.
func (b *behindNginx) startNginx(t *testing.T, port int) {
	t.Helper()
	dir := t.TempDir()
	conf, err := os.ReadFile("../../deploy/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	site, err := os.ReadFile("../../deploy/site.conf")
	if err != nil {
		t.Fatal(err)
	}
	addressed := upstream.ReplaceAllFunc(site, func(m []byte) []byte {
		return []byte("server " + b.replicas[string(upstream.FindSubmatch(m)[1])].addr)
	})
	addressed = regexp.MustCompile(`(?m)^resolver .*$`).ReplaceAll(addressed, nil)
	for name, text := range map[string][]byte{
		"nginx.conf": conf, "site.conf": addressed, "listen.conf": fmt.Appendf(nil, "listen 127.0.0.1:%d;\n", port),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // not on everybody's PATH
		if _, err := os.Stat(program); err != nil {
			t.Fatal("this test needs nginx: apt-get install nginx, or brew install nginx")
		}
	}
	said := &syncBuffer{}
	b.nginx = said
	cmd, end, err := env.Watched("QUIT", program, "-p", dir+"/", "-c", filepath.Join(dir, "nginx.conf"), "-g", "daemon off;")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = said, said
	run(t, "nginx", cmd, end, said)
	awaitHTTP(t, "nginx", said, fmt.Sprintf("http://127.0.0.1:%d/", port))
}

func (b *behindNginx) url(service string) string {
	return strings.Replace(b.base, "://", "://"+service+".", 1)
}

// awaitHTTP returns once url answers with anything but a 5xx.
func awaitHTTP(t *testing.T, name string, said *syncBuffer, url string) {
	t.Helper()
	client := &http.Client{Timeout: time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		answer, err := client.Get(url)
		if err != nil {
			continue
		}
		answer.Body.Close()
		if answer.StatusCode < 500 {
			return
		}
	}
	t.Fatalf("%s is not ready after 30 s:\n%s", name, said)
}

func text(t *testing.T, answer *http.Response) string {
	t.Helper()
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func output(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program).Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return string(out)
}

func freePort(t *testing.T) int {
	t.Helper()
	port, release := reservePort(t)
	release()
	return port
}

// reservePort returns a loopback port, and keeps it from all other programs until release is called.
func reservePort(t *testing.T) (port int, release func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	release = func() { _ = l.Close() }
	t.Cleanup(release)
	return l.Addr().(*net.TCPAddr).Port, release
}

// syncBuffer keeps what a program says while others look.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// tail is the last few lines.
func (b *syncBuffer) tail() string {
	lines := strings.Split(b.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n")
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
