package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const demoPassword = "gatehouse-demo"

// services lists the estate's services, each with a user who may see its first page.
var services = []struct{ name, email, page string }{
	{"portal", "alice@example.com", "/"},
	{"shop", "alice@example.com", "/"},
	{"forum", "alice@example.com", "/"},
	{"analytics", "carol@example.com", "/"},
	{"academy", "alice@example.com", "/"},
}

// replicas runs one replica of each service, without a balancer, on real databases in a folder of its own.
type replicas struct {
	secrets map[string]string // of clients, by service
	binary  string
	folder  string
	port    string // of the portal, and so of the estate's addresses
	env     []string
	running map[string]*process
}

// prepare returns the configuration of the replicas. It starts none.
func prepare(binary, folder, redisURL string) (*replicas, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		return nil, err
	}
	secrets := map[string]string{}
	list := ""
	for _, service := range []string{"shop", "forum", "analytics", "academy"} {
		secrets[service] = random()
		list += service + "=" + secrets[service] + ";"
	}
	return &replicas{binary: binary, folder: folder, port: port, secrets: secrets, running: map[string]*process{}, env: []string{
		"GATEHOUSE_URL=http://localhost:" + port, "REDIS_URL=" + redisURL, "DATABASE_URL=sqlite:" + folder,
		"GATEHOUSE_TRUSTED_PROXIES=127.0.0.0/8", "GATEHOUSE_DIAL_LOOPBACK=true", "GATEHOUSE_DEMO=true", "GATEHOUSE_METRICS_ADDR=127.0.0.1:0",
		"GATEHOUSE_SIGN_INS_PER_ACCOUNT=1000000000", "GATEHOUSE_SIGN_INS_PER_ADDRESS=1000000000",
		"GATEHOUSE_KEY=" + random(), "GATEHOUSE_CLIENT_SECRETS=" + list,
	}}, nil
}

func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// start starts a replica of service on the given cores.
func (r *replicas) start(c cores, set unix.CPUSet, service string) (*process, error) {
	env := append([]string{"GATEHOUSE_REPLICA=" + service + "-1", "GATEHOUSE_CLIENT_SECRET=" + r.secrets[service]}, r.env...)
	if service == "portal" {
		env = append(env, "GATEHOUSE_ADDR=127.0.0.1:"+r.port)
	}
	return c.launch(set, filepath.Join(r.folder, service+".log"), env, r.binary, service)
}

// startAll starts the replicas that are to be measured, on the server's core.
func (r *replicas) startAll(c cores) error {
	for _, s := range services {
		p, err := r.start(c, c.server, s.name)
		if err != nil {
			return err
		}
		r.running[s.name] = p
	}
	return nil
}

// awaitDemo waits until analytics has written its demonstration history, which it does after it is ready.
func (r *replicas) awaitDemo() error {
	for range 600 {
		said, err := os.ReadFile(filepath.Join(r.folder, "analytics.log"))
		if err != nil || strings.Contains(string(said), "demo history written") {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("analytics has no demonstration history after 30 s")
}

func (r *replicas) stop() {
	for _, p := range r.running {
		p.stop()
	}
}

// host returns a service's host and port as browsers see them.
func (r *replicas) host(service string) string { return service + ".localhost:" + r.port }

// browser returns an HTTP client that keeps cookies, and finds each replica by its service's host name.
func (r *replicas) browser() *http.Client {
	jar, _ := cookiejar.New(nil) // can't fail without options
	return &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			for name, p := range r.running {
				if addr == r.host(name) {
					addr = p.addr
				}
			}
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		},
	}}
}

// signIn signs a user in and returns the cookies that the browser then sends to service.
func (r *replicas) signIn(service, email string) (string, error) {
	browser := r.browser()
	defer browser.CloseIdleConnections()
	page := "http://" + r.host(service) + "/auth/sign-in?return_to=/"
	if service == "portal" {
		page = "http://" + r.host(service) + "/sign-in"
	}
	form, err := finish(browser.Get(page))
	if err != nil {
		return "", err
	}
	values := url.Values{"email": {email}, "password": {demoPassword}, "return_to": {form.Query().Get("return_to")}}
	if _, err := finish(browser.PostForm(form.String(), values)); err != nil {
		return "", err
	}
	var pairs []string
	for _, k := range browser.Jar.Cookies(&url.URL{Scheme: "http", Host: r.host(service), Path: "/"}) {
		if strings.HasSuffix(k.Name, "_session") {
			pairs = append(pairs, k.String())
		}
	}
	if len(pairs) == 0 {
		return "", fmt.Errorf("%s is not signed in at %s", email, service)
	}
	return strings.Join(pairs, "; "), nil
}

// finish reads a response that must be 200 and returns its URL.
func finish(res *http.Response, err error) (*url.URL, error) {
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	words, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answered %s: %.300s", res.Request.URL.Redacted(), res.Status, words)
	}
	return res.Request.URL, err
}

// redirect returns a step that signs in a user whom the portal knows already: the browser is redirected there and back,
// and the app gets the tokens. cookie is the portal's.
func (r *replicas) redirect(cookie string) step {
	verifier := random()
	sum := sha256.Sum256([]byte(verifier))
	back := "http://" + r.host("shop") + "/auth/callback"
	authorize := get(r.host("portal"), "/oauth/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {"shop"}, "redirect_uri": {back}, "scope": {"openid profile email roles offline_access"},
		"state": {random()}, "nonce": {random()}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode(), cookie)
	return func(c *connection, _, _ int) error {
		a, err := c.ask(authorize, false)
		if err := expect(a, err, http.StatusSeeOther); err != nil {
			return err
		}
		at, err := url.Parse(a.location)
		if err != nil {
			return err
		}
		a, err = c.ask(r.token("shop", url.Values{
			"grant_type": {"authorization_code"}, "code": {at.Query().Get("code")}, "redirect_uri": {back}, "code_verifier": {verifier},
		}), false)
		return expect(a, err, http.StatusOK)
	}
}

// clientToken returns a step that requests the forum's own access token, as the forum does before it calls the shop's
// API.
func (r *replicas) clientToken() step {
	request := r.token("forum", url.Values{
		"grant_type": {"client_credentials"}, "resource": {"http://" + r.host("shop")}, "scope": {"purchases:read"},
	})
	return func(c *connection, _, _ int) error {
		a, err := c.ask(request, false)
		return expect(a, err, http.StatusOK)
	}
}

func (r *replicas) token(client string, form url.Values) []byte {
	basic := base64.StdEncoding.EncodeToString([]byte(client + ":" + r.secrets[client]))
	return post(r.host("portal"), "/oauth/token", "Authorization: Basic "+basic+"\r\n", form.Encode())
}

// passwordSignIn returns a step that signs in with the form, from an address of the worker's own so that no rate limit
// is reached.
func (r *replicas) passwordSignIn() step {
	return func(c *connection, worker, nth int) error {
		// Not the users of the page measures: the oldest of more than 100 sign-ins are ended.
		who := []string{"bob", "admin"}[(worker+nth)%2]
		a, err := c.ask(post(r.host("portal"), "/sign-in", fmt.Sprintf("X-Forwarded-For: 10.0.%d.%d\r\n", worker, nth%250),
			url.Values{"email": {who + "@example.com"}, "password": {demoPassword}}.Encode()), false)
		return expect(a, err, http.StatusSeeOther)
	}
}

// build builds the program to measure, as deploy/Dockerfile does, or returns the absolute path of the given one.
func build(folder, given string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	binary := filepath.Join(folder, "gatehouse")
	if err := os.Setenv("CGO_ENABLED", "0"); err != nil {
		return "", err
	}
	return binary, run("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, "gatehouse.example/cmd/gatehouse")
}

func temporary() (string, func(), error) {
	folder, err := os.MkdirTemp("", "gatehouse-bench-")
	return folder, func() { _ = os.RemoveAll(folder) }, err
}
