package door

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/fleet/embedded"
	"gatehouse.example/sso/loopback"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/rp/echorp"
	"gatehouse.example/sso/trace"
)

// Service is the door's service name, in cookies and Redis keys.
const Service = "bank"

// AccountPath is the path of the page that requires a sign-in.
const AccountPath = "/account"

// CallbackPath is the path of the redirect URI.
const CallbackPath = rp.CallbackPath

// Settings identify a provider, and the door as its client.
type Settings struct{ Issuer, ClientID, ClientSecret string }

// Options configure a Door.
type Options struct {
	Logger *slog.Logger
	// Wire, if not nil, wraps the transport of the door's calls to its provider.
	Wire func(http.RoundTripper) http.RoundTripper
}

// Door is the bank's app, running. It is safe for concurrent use.
type Door struct {
	BaseURL string // http://bank.localhost:PORT

	o       Options
	store   *embedded.Redis
	rdb     *redis.Client
	key     []byte // encrypts sessions
	client  *http.Client
	server  *http.Server
	app     atomic.Pointer[echo.Echo]
	serving sync.WaitGroup

	mu       sync.Mutex
	settings Settings
	noted    []trace.Step
}

// Open starts a door without a provider.
func Open(ctx context.Context, o Options) (*Door, error) {
	if o.Logger == nil {
		return nil, errors.New("door: a logger is missing")
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		_ = ln.Close()
		return nil, fmt.Errorf("door: %w", err)
	}
	store, err := embedded.StartRedis()
	if err != nil {
		_ = ln.Close()
		return nil, err
	}
	d := &Door{BaseURL: "http://" + Service + ".localhost:" + port, o: o, key: []byte(rand.Text()), store: store, rdb: redis.NewClient(store.ClientOptions())}
	var wire http.RoundTripper = &http.Transport{DialContext: loopback.Dial("localhost"), IdleConnTimeout: 30 * time.Second}
	if o.Wire != nil {
		wire = o.Wire(wire)
	}
	d.client = &http.Client{Transport: wire, Timeout: 5 * time.Second}
	d.server = &http.Server{Handler: d, ReadHeaderTimeout: 5 * time.Second}
	d.serving.Go(func() { _ = d.server.Serve(ln) })
	return d, nil
}

// Close stops the door.
func (d *Door) Close() error {
	err := d.server.Close()
	d.serving.Wait()
	d.client.CloseIdleConnections()
	err = errors.Join(err, d.rdb.Close())
	d.store.Close()
	return err
}

// Trust sets the door's provider: it replaces the relying party. Existing sessions stay signed in.
func (d *Door) Trust(s Settings) error {
	auth, err := echorp.New(rp.Config{
		Issuer: s.Issuer, ClientID: s.ClientID, ClientSecret: s.ClientSecret,
		BaseURL: d.BaseURL, Service: Service, Keys: [][]byte{d.key}, Redis: d.rdb, HTTPClient: d.client, Logger: d.o.Logger, Trace: d,
	})
	if err != nil {
		return err
	}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.HTTPErrorHandler = fault
	auth.Mount(e)
	e.GET("/", who)
	e.GET(AccountPath, who, auth.Required)
	d.mu.Lock()
	d.settings = s
	d.mu.Unlock()
	d.app.Store(e)
	return nil
}

// Settings returns the settings of the current provider.
func (d *Door) Settings() Settings {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.settings
}

// ServeHTTP implements http.Handler.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if app := d.app.Load(); app != nil {
		app.ServeHTTP(w, r)
		return
	}
	http.Error(w, "This app has no provider yet.", http.StatusServiceUnavailable)
}

// Answer is the JSON body of the door's pages.
type Answer struct {
	Who     string   `json:"who,omitempty"` // "" for a guest
	Subject string   `json:"sub,omitempty"`
	Email   string   `json:"email,omitempty"`
	SID     string   `json:"sid,omitempty"`
	Roles   []string `json:"roles,omitempty"`
	Error   string   `json:"error,omitempty"` // message for the user
	Cause   string   `json:"cause,omitempty"` // for the log
}

func who(c echo.Context) error {
	a := Answer{}
	if p := rp.From(c.Request()); p != nil {
		a = Answer{Who: p.Name, Subject: p.Subject, Email: p.Email, SID: p.SID, Roles: p.Roles}
	}
	return c.JSON(http.StatusOK, a)
}

func fault(err error, c echo.Context) {
	status, a := http.StatusInternalServerError, Answer{Error: "Something went wrong."}
	if e := (*echo.HTTPError)(nil); errors.As(err, &e) {
		status, a.Error = e.Code, fmt.Sprint(e.Message)
		if e.Internal != nil {
			a.Cause = e.Internal.Error()
		}
	} else {
		a.Cause = err.Error()
	}
	if !c.Response().Committed {
		_ = c.JSON(status, a)
	}
}

// Read parses the body of one of the door's pages. It returns the zero Answer for any other body.
func Read(body []byte) Answer {
	var a Answer
	_ = json.Unmarshal(body, &a)
	return a
}

// maxNoted limits the number of hops that are kept until Noted returns them.
const maxNoted = 100

// Record implements trace.Recorder.
func (d *Door) Record(_ string, h trace.Step) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.noted) < maxNoted {
		d.noted = append(d.noted, h)
	}
}

// Assign implements trace.Recorder.
func (d *Door) Assign(string, string, string, string) {}

// Noted returns the recorded hops since the last call, oldest first, and clears them.
func (d *Door) Noted() []trace.Step {
	d.mu.Lock()
	defer d.mu.Unlock()
	noted := d.noted
	d.noted = nil
	return noted
}
