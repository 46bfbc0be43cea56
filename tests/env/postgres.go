//go:build unix

package env

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// PostgresServer is a dedicated PostgreSQL server, for tests that stop and restart it.
type PostgresServer struct {
	url     string
	argv    []string
	account *syscall.Credential // the account that it runs as; nil for the current one
	process *process
}

// StartPostgres starts a PostgreSQL server with an empty cluster on a free loopback port, with a random password. It
// trades durability for speed. folder holds the cluster, so that the data survives a restart; with "" the data is
// removed when the server stops. The server's account must be able to access the folder.
func StartPostgres(folder string) (*PostgresServer, error) {
	var err error
	for range 5 { // another process may take the free port in between
		var s *PostgresServer
		if s, err = startPostgres(folder); err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("PostgreSQL: %w", err)
}

func startPostgres(keep string) (*PostgresServer, error) {
	program, err := find("postgres")
	if err != nil {
		return nil, err
	}
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// The cluster's folder is removed with the server, unless it is to be kept.
	dir, run := keep, ""
	if keep == "" {
		if dir, err = folder("gatehouse-postgres-", account); err != nil {
			return nil, err
		}
		run = dir
	} else if account != nil {
		if err := os.Chown(keep, int(account.Uid), int(account.Gid)); err != nil {
			return nil, err
		}
	}
	fail := func(err error) (*PostgresServer, error) {
		if keep == "" {
			os.RemoveAll(dir)
		} else {
			os.RemoveAll(filepath.Join(dir, "data"))
		}
		return nil, err
	}
	password := secret()
	if err := initdb(dir, password, account); err != nil {
		return fail(err)
	}
	port, err := freePort()
	if err != nil {
		return fail(err)
	}
	argv := []string{program, "-D", filepath.Join(dir, "data"), "-h", "127.0.0.1", "-p", strconv.Itoa(port)}
	for _, setting := range []string{
		"unix_socket_directories=", "max_connections=300", "shared_buffers=64MB", "max_wal_size=4GB",
		"fsync=off", "synchronous_commit=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		"autovacuum=off", "jit=off",
	} {
		argv = append(argv, "-c", setting)
	}
	if keep != "" { // committed data survives a crash of the server, but not of the machine
		argv = append(argv, "-c", "synchronous_commit=on")
	}
	s := &PostgresServer{
		url: fmt.Sprintf("postgres://postgres:%s@127.0.0.1:%d/postgres", password, port), argv: argv, account: account,
	}
	if err := s.start(run); err != nil {
		return fail(err)
	}
	return s, nil
}

// Start starts the server again after Stop, with the same port, password and data.
func (s *PostgresServer) Start() error { return s.start("") }

// start runs the server with its log in the folder run, which is removed when it ends; "" for a new one.
func (s *PostgresServer) start(run string) error {
	var err error
	if run == "" {
		if run, err = folder("gatehouse-postgres-", s.account); err != nil {
			return err
		}
	}
	if s.process, err = spawn(run, "QUIT", s.account, s.argv); err != nil {
		return errors.Join(err, os.RemoveAll(run))
	}
	return s.process.await(func() error {
		c, err := pgx.Connect(context.Background(), s.url)
		if err != nil {
			return err
		}
		return c.Close(context.Background())
	})
}

// initdb creates the cluster dir/data.
func initdb(dir, password string, account *syscall.Credential) error {
	program, err := find("initdb")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		return err
	}
	if account != nil {
		if err := os.Chown(file, int(account.Uid), int(account.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.Command(program, "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "password",
		"--pwfile="+file, "-E", "UTF8", "--no-locale", "--no-sync")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// URL returns the server's URL with its superuser's name and password and the database "postgres".
func (s *PostgresServer) URL() string { return s.url }

// Stop stops the server, and removes its data unless StartPostgres was given a folder.
func (s *PostgresServer) Stop() { s.process.stop() }

// sharedPostgres returns the URL of the server that this process's tests share.
var sharedPostgres = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("GATEHOUSE_TEST_POSTGRES_URL"); given != "" {
		return given, nil
	}
	s, err := StartPostgres("")
	if err != nil {
		return "", err
	}
	return s.URL(), nil
})

// PostgresURL returns the URL of an empty database of a real PostgreSQL server, dropped when the test ends. The user
// named in it may create databases.
func PostgresURL(t testing.TB) string {
	t.Helper()
	return createDatabase(t, "template0")
}

// createDatabase creates a database as a copy of template, which must have no connections, and returns its URL.
func createDatabase(t testing.TB, template string) string {
	t.Helper()
	shared, err := sharedPostgres()
	if err != nil {
		t.Fatalf("these tests need a real PostgreSQL: %v", err)
	}
	u, err := url.Parse(shared)
	if err != nil {
		t.Fatal(err)
	}
	name := "gatehouse_test_" + secret()
	if err := administer(t.Context(), shared, "CREATE DATABASE "+name+" TEMPLATE "+template+" STRATEGY file_copy"); err != nil {
		t.Fatalf("creating a PostgreSQL database to test on: %v", err)
	}
	t.Cleanup(func() {
		if err := administer(context.Background(), shared, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("dropping the test's PostgreSQL database: %v", err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

// administer runs one statement on a new connection, outside of a transaction.
func administer(ctx context.Context, rawURL, statement string) error {
	c, err := pgx.Connect(ctx, rawURL)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx))
	_, err = c.Exec(ctx, statement)
	return err
}
