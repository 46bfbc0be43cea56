//go:build unix

package faults_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/tests/estate"
)

// pause is between two requests of one worker: a steady load, not as much as the machine can bear.
const pause = 10 * time.Millisecond

// person is somebody who is signed in at every app in a browser of their own.
type person struct {
	name    string
	browser *http.Client
	estate  *estate.Estate
}

// signedIn signs somebody in by the form once, and opens every app that they may see.
func signedIn(t *testing.T, e *estate.Estate, name string) *person {
	t.Helper()
	p := &person{name: name, browser: e.Browser(), estate: e}
	answer := estate.SignIn(t, p.browser, e.URL("shop")+"/orders", name+"@example.com", estate.Password)
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Request.URL.Path != "/orders" {
		t.Fatalf("%s came to %s with %s after signing in", name, answer.Request.URL, answer.Status)
	}
	for service, path := range private {
		if service == "analytics" && !analyst(name) {
			continue
		}
		answer, err := p.browser.Get(e.URL(service) + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK || answer.Request.URL.Path != path {
			t.Fatalf("%s came to %s with %s", name, answer.Request.URL, answer.Status)
		}
	}
	// From now on a redirect is an answer like any other: one to the sign-in page is a false sign-out.
	p.browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return p
}

// private is a page of each service that only signed-in people see.
var private = map[string]string{"portal": "/profile", "shop": "/orders", "forum": "/mine", "analytics": "/", "academy": "/seen"}

func analyst(name string) bool { return name == "carol" || name == "admin" }

// result is what became of one request.
type result struct {
	who, method, url string
	began            time.Time
	status           int // 0 when there was no answer
	err              error
	header           http.Header
	page             string
}

func (r result) String() string {
	return fmt.Sprintf("%s: %s %s: %d %v (%s, %s)", r.who, r.method, r.url, r.status, r.err, r.header.Get("X-Served-By"), r.header.Get("Location"))
}

func (p *person) get(service, path string) result {
	return p.send(http.MethodGet, service, path, nil)
}

// send makes one request and reads its answer to the end. A form is sent as a page of the service would.
func (p *person) send(method, service, path string, form url.Values) result {
	r := result{who: p.name, method: method, url: p.estate.URL(service) + path, began: time.Now(), header: http.Header{}}
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	request, err := http.NewRequest(method, r.url, body)
	if err != nil {
		r.err = err
		return r
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	answer, err := p.browser.Do(request)
	if err != nil {
		r.err = err
		return r
	}
	defer answer.Body.Close()
	r.status, r.header = answer.StatusCode, answer.Header
	page, err := io.ReadAll(answer.Body)
	r.page, r.err = string(page), err
	return r
}

// load is a steady load. Every request's result goes to judge, one at a time.
type load struct {
	judge func(result)
	mu    sync.Mutex
	stop  chan struct{}
	all   sync.WaitGroup
	count atomic.Int64
}

func newLoad(judge func(result)) *load { return &load{judge: judge, stop: make(chan struct{})} }

// worker makes requests one after the other until the load ends.
func (l *load) worker(request func(n int) result) {
	l.all.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-l.stop:
				return
			case <-time.After(pause):
			}
			r := request(n)
			l.count.Add(1)
			l.mu.Lock()
			l.judge(r)
			l.mu.Unlock()
		}
	})
}

// end stops the load and waits for the requests under way.
func (l *load) end() {
	close(l.stop)
	l.all.Wait()
}

// more returns once n more requests have been made.
func (l *load) more(t *testing.T, n int64) {
	t.Helper()
	until := l.count.Load() + n
	eventually(t, "the load goes on", func() bool { return l.count.Load() >= until })
}

// eventually polls until what holds. The deadline is generous: it only ends a test that hangs.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so after a minute: %s", what)
		}
	}
}
