package balancer_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"gatehouse.example/fleet/balancer"
)

func TestNew_RefusesNonsense(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	hosts := map[string]string{"h": "p"}
	for name, opts := range map[string]balancer.Options{
		"no logger":         {Hosts: hosts},
		"no hosts":          {Logger: log},
		"relative redirect": {Hosts: hosts, Logger: log, Redirects: map[string]string{"x": "/there"}},
		"other scheme":      {Hosts: hosts, Logger: log, Redirects: map[string]string{"x": "javascript://a"}},
	} {
		if _, err := balancer.New(opts); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestRouting_ByHost(t *testing.T) {
	e := newEstate(t, nil)
	e.backend(t, "shop", "shop-1", says("shop"))
	e.backend(t, "forum", "forum-1", says("forum"))
	for host, want := range map[string]string{
		"shop.localhost": "shop", "shop.localhost:8080": "shop", "SHOP.LocalHost:8080": "shop", "forum.localhost": "forum",
	} {
		if _, body := e.get(t, host, "/"); body != want {
			t.Errorf("%s: %q, want %q", host, body, want)
		}
	}
	for _, host := range []string{"other.localhost", "shop.localhost.evil.example", "[::1]:8080", "127.0.0.1"} {
		res, body := e.get(t, host, "/")
		if res.StatusCode != http.StatusMisdirectedRequest || !strings.Contains(body, "no app at “") {
			t.Errorf("%s: %s", host, res.Status)
		}
	}
	if err := e.Add("nowhere", "x", "127.0.0.1:1"); err == nil {
		t.Error("added to a pool that does not exist")
	}
	if err := e.Add("shop", "x", "127.0.0.1"); err == nil {
		t.Error("added an address without a port")
	}
}

func TestRouting_Redirects(t *testing.T) {
	e := newEstate(t, nil)
	for path, want := range map[string]string{
		"/":          "http://portal.localhost:8080/",
		"/a%2Fb?c=d": "http://portal.localhost:8080/a%2Fb?c=d",
		"//evil.tld": "http://portal.localhost:8080//evil.tld",
	} {
		res, _ := e.get(t, "localhost:8080", path)
		if got := res.Header.Get("Location"); got != want || res.StatusCode != http.StatusTemporaryRedirect {
			t.Errorf("%s: %s to %s, want %s", path, res.Status, got, want)
		}
	}
}

func TestRouting_RoundRobin(t *testing.T) {
	e := newEstate(t, nil)
	for _, name := range []string{"shop-1", "shop-2", "shop-3"} {
		e.backend(t, "shop", name, says(name))
	}
	seen := map[string]int{}
	for range 9 {
		_, body := e.get(t, "shop.localhost", "/")
		seen[body]++
	}
	for name, n := range seen {
		if n != 3 || len(seen) != 3 {
			t.Errorf("%s served %d of 9: %v", name, n, seen)
		}
	}
}

func TestHeaders_NothingSpoofed(t *testing.T) {
	e := newEstate(t, nil)
	got := make(chan *http.Request, 1)
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) { got <- r })
	req := e.request(t, http.MethodGet, "Shop.localhost:8080", "/p?a=1;b=%zz", nil)
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
		"X-Forwarded", "Forwarded", "X-Real-Ip", "X-Request-Id", "Proxy-Authorization", "X-Hop"} {
		req.Header[name] = []string{"spoofed", "6.6.6.6"}
	}
	req.Header.Set("Connection", "X-Hop")
	req.Header.Set("Cookie", "shop_session=1")
	e.do(t, req)
	r := <-got
	for name, want := range map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "Shop.localhost:8080", "X-Forwarded-Proto": "http", "Cookie": "shop_session=1",
	} {
		if v := r.Header.Values(name); len(v) != 1 || v[0] != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	for _, name := range []string{"X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded", "Forwarded", "X-Real-Ip", "X-Request-Id", "Proxy-Authorization", "X-Hop", "Accept-Encoding-Added"} {
		if r.Header.Get(name) != "" {
			t.Errorf("%s reached the backend: %q", name, r.Header.Values(name))
		}
	}
	if r.Host != "Shop.localhost:8080" || r.URL.RawQuery != "a=1;b=%zz" {
		t.Errorf("host %q, query %q", r.Host, r.URL.RawQuery)
	}
}

func TestStreaming_NotBuffered(t *testing.T) {
	large := strings.Repeat("later", 400_000) // more than is received whole to outlive a dying replica
	for name, later := range map[string]string{"chunked": "later", "large": large} {
		t.Run(name, func(t *testing.T) {
			e := newEstate(t, nil)
			goOn := make(chan struct{})
			e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
				if later == large {
					w.Header().Set("Content-Length", fmt.Sprint(len("first")+len(large)))
				}
				_, _ = io.WriteString(w, "first")
				_ = http.NewResponseController(w).Flush()
				<-goOn // the second is written only after the first has arrived
				_, _ = io.WriteString(w, later)
			})
			res, err := e.client.Do(e.request(t, http.MethodGet, "shop.localhost", "/", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			var five [5]byte
			if _, err := io.ReadFull(res.Body, five[:]); err != nil || string(five[:]) != "first" {
				t.Fatal(string(five[:]), err)
			}
			close(goOn)
			if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != later {
				t.Fatal(len(rest), err)
			}
		})
	}
}

func TestStreaming_ClientGoes(t *testing.T) {
	e := newEstate(t, nil)
	noticed := make(chan struct{})
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(noticed)
	})
	res, err := e.client.Do(e.request(t, http.MethodGet, "shop.localhost", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	<-noticed
}

func TestUpgrade_Works(t *testing.T) {
	e := newEstate(t, nil)
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString("you said " + line)
		_ = rw.Flush()
	})
	req := e.request(t, http.MethodGet, "shop.localhost", "/", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	res, err := e.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(res.Status)
	}
	_, _ = io.WriteString(res.Body.(io.Writer), "hello\n")
	if line, _ := bufio.NewReader(res.Body).ReadString('\n'); line != "you said hello\n" {
		t.Fatalf("%q", line)
	}
}

func TestUnavailable_Forms(t *testing.T) {
	e := newEstate(t, nil)
	ask := func(path string, header ...string) (*http.Response, string) {
		req := e.request(t, http.MethodGet, "shop.localhost", path, nil)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		res, body := e.do(t, req)
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") != "2" {
			t.Errorf("%s %v: %s, Retry-After %q", path, header, res.Status, res.Header.Get("Retry-After"))
		}
		return res, body
	}
	res, body := ask("/", "Accept", "text/html,application/json;q=0.1")
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Errorf("the style sheet does not pass the page's own policy %q", policy)
	}
	if strings.Contains(body, "style=") || !strings.Contains(body, "Back in a moment") {
		t.Error(body)
	}
	if _, body := ask("/", "HX-Request", "true"); strings.Contains(body, "<html") || !strings.Contains(body, `role="alert"`) {
		t.Error("for htmx:", body)
	}
	for _, form := range [][]string{{"/", "Accept", "application/json"}, {"/api/badges"}} {
		res, body := ask(form[0], form[1:]...)
		var v map[string]string
		if err := json.Unmarshal([]byte(body), &v); err != nil || v["error"] != "unavailable" || res.Header.Get("Content-Type") != "application/json" {
			t.Error(form, body, err)
		}
	}
}
