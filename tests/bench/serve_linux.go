package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/labstack/echo/v4"

	"gatehouse.example/fleet"
	"gatehouse.example/fleet/balancer"
	"gatehouse.example/portal/password"
	"gatehouse.example/sso/rp"
	"gatehouse.example/sso/rp/echorp"
	"gatehouse.example/tests/bench/setting"
	"gatehouse.example/web"
)

// service is the name of the app that is measured.
const service = "bench"

// small is the page of all the synthetic servers, so that they differ only in the work before it.
var small = []byte("<!doctype html><html lang=en><title>A page</title><p>" + strings.Repeat("Some words. ", 60) + "</html>")

func smallPage(c echo.Context) error { return c.HTMLBlob(http.StatusOK, small) }

// Environment variables of the synthetic servers, and a key.
const (
	redisVariable  = "BENCH_REDIS"                        // URL
	keyVariable    = "BENCH_KEY"                          // the Redis key that "redis" gets
	benchKey       = "seals the sessions of this program" // used by both roles of this program
	targetVariable = "BENCH_TARGET"                       // host:port that "balancer" sends requests to
)

// serve runs one of the servers that are measured, in this program's second role.
func serve(kind string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		<-fleet.ParentGone()
		cancel()
	}()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	handler, err := synthetic(ctx, kind, log)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := fleet.Announce(ln.Addr().String(), ""); err != nil {
		return err
	}
	return web.Serve(ctx, ln, handler, log, time.Second)
}

func synthetic(ctx context.Context, kind string, log *slog.Logger) (http.Handler, error) {
	e := echo.New()
	switch kind {
	case "bare":
		e.GET("/*", smallPage)
	case "redis":
		rdb, err := setting.OpenRedis(os.Getenv(redisVariable))
		if err != nil {
			return nil, err
		}
		key := os.Getenv(keyVariable)
		e.GET("/*", func(c echo.Context) error {
			if err := rdb.Get(c.Request().Context(), key).Err(); err != nil {
				return err
			}
			return smallPage(c)
		})
	case "sso":
		auth, err := relyingParty(log)
		if err != nil {
			return nil, err
		}
		auth.Mount(e)
		e.GET("/*", smallPage, auth.Required)
	case "web":
		return wholeWeb(log)
	case "balancer":
		return balanced(ctx, log)
	case "work":
		return work()
	default:
		return nil, errors.New("there is no server " + kind)
	}
	return e, nil
}

func relyingParty(log *slog.Logger) (*echorp.RP, error) {
	rdb, err := setting.OpenRedis(os.Getenv(redisVariable))
	if err != nil {
		return nil, err
	}
	return echorp.New(rp.Config{
		Issuer: "http://portal.localhost", ClientID: service, ClientSecret: "of no use here", BaseURL: "http://bench.localhost",
		Service: service, Keys: [][]byte{[]byte(benchKey)}, Redis: rdb, Logger: log,
	})
}

// wholeWeb returns a server with the same page as in an app of the estate: with the middleware of package web, in
// addition to sso.
func wholeWeb(log *slog.Logger) (http.Handler, error) {
	auth, err := relyingParty(log)
	if err != nil {
		return nil, err
	}
	estate, err := web.ParseEstate("http://localhost")
	if err != nil {
		return nil, err
	}
	e, err := web.New(web.Options{Service: service, Replica: "bench-1", Estate: estate, Logger: log})
	if err != nil {
		return nil, err
	}
	auth.Mount(e)
	e.GET("/*", smallPage, auth.Required)
	return e, nil
}

func balanced(ctx context.Context, log *slog.Logger) (http.Handler, error) {
	// The server behind it answers "/healthz" like any other page.
	b, err := balancer.New(balancer.Options{Hosts: map[string]string{"bench.localhost": service}, Logger: log})
	if err != nil {
		return nil, err
	}
	go b.Run(ctx)
	return b, b.Add(service, "bench-1", os.Getenv(targetVariable))
}

// work returns a handler that does only the requested work, and returns its cost, to compare the portal's work with.
func work() (http.Handler, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	hash, err := argon2id.CreateHash(demoPassword, &password.Recommended)
	if err != nil {
		return nil, err
	}
	kinds := map[string]func() error{
		"/sign": func() error {
			sum := sha256.Sum256(small)
			_, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
			return err
		},
		"/hash": func() error {
			_, err := argon2id.ComparePasswordAndHash(demoPassword, hash)
			return err
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		do, known := kinds[r.URL.Path]
		n, err := strconv.Atoi(r.URL.RawQuery)
		if !known || err != nil {
			http.NotFound(w, r)
			return
		}
		began, before := time.Now(), ownCPU()
		for range n {
			if err := do(); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		_ = json.NewEncoder(w).Encode(worked{Took: time.Since(began), CPU: ownCPU() - before})
	}), nil
}

// worked is the total cost of n pieces of work.
type worked struct{ Took, CPU time.Duration }

// ownCPU returns the CPU time that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // never fails with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// labour requests n pieces of work from the server p of kind "work".
func labour(p *process, kind string, n int) (worked, error) {
	res, err := http.Get("http://" + p.addr + "/" + kind + "?" + strconv.Itoa(n))
	if err != nil {
		return worked{}, err
	}
	defer res.Body.Close()
	var w worked
	if res.StatusCode != http.StatusOK {
		words, _ := io.ReadAll(res.Body)
		return w, errors.New(string(words))
	}
	return w, json.NewDecoder(res.Body).Decode(&w)
}
