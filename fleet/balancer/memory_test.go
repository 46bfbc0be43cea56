package balancer_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// envTabs makes this test binary the backend and the browsers of open tabs instead, so that the test's own process has
// the balancer's memory only.
const envTabs = "BALANCER_TEST_TABS"

func TestMain(m *testing.M) {
	if os.Getenv(envTabs) != "" {
		if err := tabs(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// tabs serves streams of events and writes its address to out. Then it reads a number of tabs and the balancer's
// address from in, opens the tabs, writes a line when each has received its first event, and keeps them open until in
// ends.
func tabs(in io.Reader, out io.Writer) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(ln, events(nil)) }()
	fmt.Fprintln(out, ln.Addr())
	var n int
	var addr string
	if _, err := fmt.Fscanln(in, &n, &addr); err != nil {
		return err
	}
	for range n {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		fmt.Fprint(conn, "GET /auth/live HTTP/1.1\r\nHost: shop.localhost:8080\r\nAccept: text/event-stream\r\n"+
			"Accept-Language: en\r\nAccept-Encoding: gzip, deflate, br\r\nCache-Control: no-cache\r\nReferer: http://shop.localhost:8080/products\r\n"+
			"Cookie: shop_session=ABCDEFGHIJKLMNOPQRSTUVWXYZ; theme=dark\r\n"+
			"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n\r\n")
		for r := bufio.NewReader(conn); ; {
			line, err := r.ReadString('\n')
			if err != nil {
				return fmt.Errorf("no event: %q, %w", line, err)
			}
			if strings.HasPrefix(line, "data: ") {
				break
			}
		}
	}
	fmt.Fprintln(out, "open")
	_, _ = io.Copy(io.Discard, in)
	return nil
}

// openTabs opens n tabs at e from another process, and returns a function that closes them.
func (e *estate) openTabs(t testing.TB, n int) (closeTabs func()) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envTabs+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	addr, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Add("shop", "shop-1", strings.TrimSpace(addr)); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, n, e.addr)
	if line, err := lines.ReadString('\n'); err != nil || line != "open\n" {
		t.Fatalf("opening tabs: %q, %v", line, err)
	}
	return func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// memory returns how many bytes of the heap and of stacks this process uses.
func memory() uint64 {
	for range 3 { // a sync.Pool is empty after two
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// tabMemory returns how many bytes of this process's memory one of n open tabs takes.
func tabMemory(t testing.TB, n int) int {
	t.Helper()
	e := newEstate(t, nil)
	before := memory()
	closeTabs := e.openTabs(t, n)
	defer closeTabs()
	return int(memory()-before) / n
}

func TestStream_TakesLittleMemory(t *testing.T) {
	if bytes := tabMemory(t, 500); bytes > 24<<10 {
		t.Errorf("an open tab takes %d bytes", bytes)
	}
}
