package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"gatehouse.example/db"
	"gatehouse.example/fleet/balancer"
	"gatehouse.example/fleet/control"
	"gatehouse.example/fleet/embedded"
	"gatehouse.example/fleet/supervisor"
	"gatehouse.example/sso/seal"
)

var errAddrInUse = syscall.EADDRINUSE

// estate is one run of "gatehouse up".
type estate struct {
	upConfig
	base       string // http://localhost:8080
	binary     string
	key        []byte
	oldKeys    [][]byte
	demo       bool
	counts     map[string]int
	log        *slog.Logger
	balancer   *balancer.Balancer
	supervisor *supervisor.Supervisor
	control    *control.Control
	controlURL string
}

// up runs the whole estate until ctx ends or a part fails.
func up(ctx context.Context, c upConfig) error {
	e := &estate{upConfig: c}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return listenError(c.Addr, err)
	}
	defer func() { _ = ln.Close() }()
	if err := e.prepare(ln.Addr()); err != nil {
		return err
	}
	if e.RedisURL == "" {
		r, err := embedded.StartRedis()
		if err != nil {
			return fmt.Errorf("can't start the embedded Redis: %w", err)
		}
		defer r.Close()
		e.RedisURL = r.URL()
	}
	if err := e.checkServers(ctx); err != nil {
		return err
	}
	return e.run(ctx, ln)
}

// prepare creates the data folder and the log, loads the keys, and derives the settings that depend on the address.
func (e *estate) prepare(addr net.Addr) error {
	var err error
	if e.Data, err = filepath.Abs(e.Data); err != nil {
		return fmt.Errorf("the data folder: %w", err)
	}
	for _, dir := range []string{e.Data, e.path("logs"), e.path("run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("can't use the data folder %s: %w", e.Data, pathErrorCause(err))
		}
	}
	if err := checkWritable(e.Data); err != nil {
		return fmt.Errorf("can't write to the data folder %s: %w", e.Data, pathErrorCause(err))
	}
	if e.key, err = e.loadKey(); err != nil {
		return err
	}
	if e.oldKeys, err = parseKeys(e.OldKeys); err != nil {
		return err
	}
	if e.binary, err = os.Executable(); err != nil {
		return fmt.Errorf("can't find the path of this program: %w", err)
	}
	if e.DatabaseURL == "" {
		e.DatabaseURL = "sqlite:" + e.Data
	}
	e.counts, err = parseReplicas(e.Replicas)
	if err != nil {
		return err
	}
	at, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return fmt.Errorf("address %s: %w", addr, err)
	}
	e.base = "http://" + e.Domain
	if at.Port() != 80 {
		e.base += ":" + strconv.Itoa(int(at.Port()))
	}
	// A real domain on a loopback address means that a proxy serves it to the internet: no demo accounts there.
	local := at.Addr().IsLoopback() && (e.Domain == "localhost" || strings.HasSuffix(e.Domain, ".localhost"))
	e.demo = e.Demo == "true" || e.Demo == "auto" && local
	file, err := os.OpenFile(e.path("logs", "up.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("can't write the log: %w", pathErrorCause(err))
	}
	e.log = slog.New(slog.NewJSONHandler(file, nil)).With("service", "up")
	redis.SetLogger(redisLog{e.log})
	return nil
}

func (e *estate) path(parts ...string) string {
	return filepath.Join(append([]string{e.Data}, parts...)...)
}

func checkWritable(dir string) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

// pathErrorCause returns the cause of a *os.PathError without the operation and the path, which the surrounding message
// contains.
func pathErrorCause(err error) error {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// loadKey returns the configured key, or the key in the data folder, which it creates if there is none.
func (e *estate) loadKey() ([]byte, error) {
	if e.Key != "" {
		return parseKey(e.Key)
	}
	file := e.path("gatehouse.key")
	raw, err := os.ReadFile(file)
	switch {
	case err == nil:
		key, err := parseKey(string(raw))
		if err != nil {
			return nil, fmt.Errorf("%s doesn't contain a key: %w", file, err)
		}
		return key, nil
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("can't read the key in %s: %w", file, pathErrorCause(err))
	}
	key := make([]byte, keyLength)
	_, _ = rand.Read(key) // never fails
	// O_EXCL: a second "up" in this folder must not replace the first one's key.
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("can't store the key: %w", pathErrorCause(err))
	}
	_, err = f.WriteString(hex.EncodeToString(key) + "\n")
	return key, errors.Join(err, f.Sync(), f.Close())
}

// checkServers returns an error if Redis or the database can't be reached, so that it is reported once and not by each
// replica.
func (e *estate) checkServers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	rdb, err := openRedis(e.RedisURL)
	if err != nil {
		return err
	}
	defer func() { _ = rdb.Close() }()
	if err := pingRedis(ctx, rdb); err != nil {
		return fmt.Errorf("no response from Redis: %w", err)
	}
	d, err := db.Open(ctx, e.DatabaseURL, "portal")
	if err != nil {
		return err
	}
	return d.Close()
}

// run starts the balancer and the replicas, and waits for ctx to end or the balancer to fail. The balancer drains
// before the replicas stop, so that no request reaches a stopped replica.
func (e *estate) run(ctx context.Context, ln net.Listener) error {
	hosts := map[string]string{}
	for _, s := range services {
		hosts[s.Key+"."+e.Domain] = s.Key
	}
	var err error
	e.balancer, err = balancer.New(balancer.Options{
		Hosts: hosts, Logger: e.log,
		Redirects: map[string]string{e.Domain: e.url("portal"), "127.0.0.1": e.url("portal"), "::1": e.url("portal")},
	})
	if err != nil {
		return err
	}
	e.supervisor, err = supervisor.New(supervisor.Options{Pool: e.balancer, Logger: e.log, OnEvent: e.handleEvent, StopTimeout: e.Grace})
	if err != nil {
		return err
	}
	controlListener, err := e.openControl(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = controlListener.Close() }()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	defer stopServing()
	group, serving := errgroup.WithContext(serving)
	group.Go(func() error { e.balancer.Run(serving); return nil })
	group.Go(func() error { return balancer.Serve(serving, ln, http.Handler(e.balancer), time.Second, e.log) })
	group.Go(func() error { return e.control.Serve(serving, controlListener) })

	began := time.Now()
	err = e.supervisor.Start(ctx, e.specs()...)
	if err == nil {
		e.printReady(time.Since(began))
		select {
		case <-ctx.Done():
			fmt.Println("\nStopping …")
		case <-serving.Done(): // the balancer failed; group.Wait says why
		}
	}
	stopServing()
	served := group.Wait()
	e.supervisor.Stop()
	e.control.Wait()
	if ctx.Err() != nil {
		err = nil // stopped on request, perhaps while starting
	}
	if err := errors.Join(err, served); err != nil {
		return err
	}
	fmt.Println("Stopped.")
	return nil
}

// openControl creates the API with which the academy changes the estate (fleet/control), and returns its listener on a
// port of its own.
func (e *estate) openControl(ctx context.Context) (net.Listener, error) {
	var err error
	e.control, err = control.New(control.Options{
		Supervisor: e.supervisor, Balancer: e.balancer, Services: serviceKeys(), Spec: e.spec, Max: maxReplicas, Secret: rand.Text(), Logger: e.log,
	})
	if err != nil {
		return nil, err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, listenError("127.0.0.1", err)
	}
	e.controlURL = "http://" + ln.Addr().String()
	return ln, nil
}

func (e *estate) url(service string) string {
	return strings.Replace(e.base, "://", "://"+service+".", 1)
}

// specs returns the process of each replica: this program, configured by environment variables.
func (e *estate) specs() []supervisor.Spec {
	var specs []supervisor.Spec
	for _, service := range serviceKeys() {
		for i := 1; i <= e.counts[service]; i++ {
			specs = append(specs, e.spec(service, fmt.Sprintf("%s-%d", service, i)))
		}
	}
	return specs
}

func (e *estate) spec(service, name string) supervisor.Spec {
	env := []string{
		"GATEHOUSE_ADDR=127.0.0.1:0", "GATEHOUSE_METRICS_ADDR=127.0.0.1:0", "GATEHOUSE_URL=" + e.base, "GATEHOUSE_REPLICA=" + name,
		"REDIS_URL=" + e.RedisURL, "DATABASE_URL=" + e.DatabaseURL,
		"GATEHOUSE_TRUSTED_PROXIES=127.0.0.0/8", "GATEHOUSE_DIAL_LOOPBACK=true",
		"GATEHOUSE_DEMO=" + strconv.FormatBool(e.demo), "GATEHOUSE_GRACE=" + e.Grace.String(), "GATEHOUSE_SESSION_IDLE=" + e.SessionIdle.String(),
	}
	env = append(env, e.Denylist.env()...)
	if service == "portal" {
		env = append(env, e.SignIns.env()...)
		env = append(env, "GATEHOUSE_KEY="+hex.EncodeToString(e.key), "GATEHOUSE_OLD_KEYS="+strings.Join(e.OldKeys, ","), "GATEHOUSE_CLIENTS="+e.Clients,
			"GATEHOUSE_CLIENT_SECRETS="+e.secrets())
	} else {
		env = append(env, "GATEHOUSE_CLIENT_SECRET="+e.secret(service), "GATEHOUSE_SERVICE_KEYS="+e.sessionKeys(service), "GATEHOUSE_KEY=", "GATEHOUSE_OLD_KEYS=")
	}
	if service == "academy" {
		env = append(env, e.Academy.env()...)
		env = append(env, "GATEHOUSE_CONTROL_URL="+e.controlURL, "GATEHOUSE_CONTROL_SECRET="+e.control.Secret)
	}
	return supervisor.Spec{
		Name: name, Service: service, Path: e.binary, Args: []string{service}, Env: env, LogFile: e.path("logs", name+".log"),
	}
}

// secret returns an app's client secret, derived from the key, so that it need not be configured.
func (e *estate) secret(service string) string { return deriveKey(e.key, "client secret of "+service) }

// secrets returns the client secrets of all apps as the portal's flag takes them.
func (e *estate) secrets() string {
	var all []string
	for _, s := range services {
		if s.Key != "portal" {
			all = append(all, s.Key+"="+e.secret(s.Key))
		}
	}
	return strings.Join(all, ";")
}

// sessionKeys returns the keys of an app's sessions: the first, which seals, is derived from the key, the others from
// the old keys.
func (e *estate) sessionKeys(service string) string {
	keys := []string{deriveKey(e.key, "sessions of "+service)}
	for _, old := range e.oldKeys {
		keys = append(keys, deriveKey(old, "sessions of "+service))
	}
	return strings.Join(keys, ",")
}

func deriveKey(key []byte, purpose string) string {
	s, err := seal.DeriveKey(key, purpose)
	if err != nil {
		panic(err) // only for invalid lengths, and ours are constant
	}
	return base64.RawURLEncoding.EncodeToString(s)
}

// handleEvent handles a supervisor's event: it forwards it to the control API, writes or removes the replica's pid
// file, and prints crashes and restarts.
func (e *estate) handleEvent(ev supervisor.Event) {
	e.control.HandleEvent(ev)
	r := ev.Replica
	file := e.path("run", r.Name+".pid")
	switch ev.Kind {
	case supervisor.EventStarted:
		_ = os.WriteFile(file, []byte(strconv.Itoa(r.PID)+"\n"), 0o600)
	case supervisor.EventExited:
		_ = os.Remove(file)
		if ev.Err != nil {
			fmt.Printf("  %s ended: %v\n", r.Name, ev.Err)
		}
	case supervisor.EventReady:
		if r.Restarts > 0 {
			fmt.Printf("  %s is back (pid %d)\n", r.Name, r.PID)
		}
	}
}

func (e *estate) printReady(took time.Duration) {
	fmt.Printf("\nGatehouse is ready (%d replicas in %.1f s).\n\n", len(e.supervisor.Replicas()), took.Seconds())
	for _, s := range services {
		fmt.Printf("  %-10s %s\n", s.Name, e.url(s.Key))
	}
	if e.demo {
		fmt.Printf("\n  Demo accounts, password gatehouse-demo:\n")
		for _, a := range [][2]string{
			{"alice@example.com", "customer"}, {"bob@example.com", "moderator"},
			{"carol@example.com", "analyst"}, {"admin@example.com", "admin"},
		} {
			fmt.Printf("    %-20s %s\n", a[0], a[1])
		}
	}
	fmt.Printf("\n  Data and logs: %s\n  Ctrl-C stops everything.\n\n", e.Data)
}
