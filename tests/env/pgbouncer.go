//go:build unix

package env

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// PgBouncer starts a PgBouncer in front of the PostgreSQL database at rawURL until the test ends. settings are lines of
// the section [pgbouncer] of its configuration. databases are its databases by name, each with further settings
// (connect_query = '…'). It returns the URL of each.
func PgBouncer(t testing.TB, rawURL string, databases map[string]string, settings ...string) map[string]string {
	t.Helper()
	var err error
	for range 5 { // another program may take the free port in between
		var urls map[string]string
		if urls, err = startPgBouncer(t, rawURL, databases, settings); err == nil {
			return urls
		}
	}
	t.Fatalf("this test needs a real PgBouncer: %v", err)
	return nil
}

func startPgBouncer(t testing.TB, rawURL string, databases map[string]string, settings []string) (map[string]string, error) {
	program, err := find("pgbouncer")
	if err != nil {
		return nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	server, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	password, _ := server.User.Password()
	var conf strings.Builder
	urls := map[string]string{}
	var first string
	fmt.Fprintln(&conf, "[databases]")
	for name, more := range databases {
		fmt.Fprintf(&conf, "%s = host=%s port=%s dbname=%s user=%s password=%s %s\n", name, server.Hostname(), server.Port(),
			strings.TrimPrefix(server.Path, "/"), server.User.Username(), password, more)
		first = fmt.Sprintf("postgres://anyone@127.0.0.1:%d/%s?sslmode=disable", port, name)
		urls[name] = first
	}
	fmt.Fprintf(&conf, "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\n%s\n", port, strings.Join(settings, "\n"))
	dir, err := folder("gatehouse-pgbouncer-", account)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "pgbouncer.ini")
	// Its folder is accessible only to the account.
	if err := os.WriteFile(file, []byte(conf.String()), 0o644); err != nil {
		return nil, err
	}
	p, err := spawn(dir, "KILL", account, []string{program, file})
	if err != nil {
		return nil, err
	}
	err = p.await(func() error {
		c, err := pgx.Connect(context.Background(), first)
		if err != nil {
			return err
		}
		return c.Close(context.Background())
	})
	if err != nil {
		return nil, err
	}
	t.Cleanup(p.stop)
	return urls, nil
}
