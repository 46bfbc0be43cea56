//go:build unix

package env_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
	"gatehouse.example/tests/env"
)

func TestRedis_EachTestHasItsOwn(t *testing.T) {
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
				set, err := rdb.SetNX(t.Context(), "only", "mine", 0).Result()
				if err != nil || !set {
					t.Fatalf("the key is taken: %v, %v", set, err)
				}
				if n, err := rdb.DBSize(t.Context()).Result(); err != nil || n != 1 {
					t.Fatalf("%d keys, %v; want 1", n, err)
				}
			})
		})
	}
}

func TestMiniRedis_KeysExpire(t *testing.T) {
	rdb := env.MiniRedis(t)
	if err := rdb.Set(t.Context(), "k", "v", 50*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	for rdb.Get(t.Context(), "k").Err() == nil {
		time.Sleep(5 * time.Millisecond) // ends with go test's own time limit if the key stays
	}
}

func TestDB_EachTestHasItsOwn(t *testing.T) {
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			env.EachDB(t, "portal", func(t *testing.T, d *db.DB) {
				const insert = `INSERT INTO event_outbox (id, type, subject, at, data) VALUES ('1', 'x', 's', 1, '{}')`
				if _, err := d.ExecContext(t.Context(), insert); err != nil {
					t.Fatal(err)
				}
				if _, err := d.ExecContext(t.Context(), insert); !db.IsUnique(err) {
					t.Fatalf("a second row of the same id: %v", err)
				}
			})
		})
	}
}

func TestRedisServer_StopsAndStarts(t *testing.T) {
	server, err := env.StartRedis(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer rdb.Close()
	if err := rdb.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if err := rdb.Get(t.Context(), "k").Err(); err == nil || errors.Is(err, redis.Nil) {
		t.Fatalf("a stopped server answered: %v", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if v, err := rdb.Get(t.Context(), "k").Result(); err != nil || v != "v" {
		t.Fatalf("after the restart: %q, %v; want v", v, err)
	}
}

// The servers of a test process end with it even when it is killed.
func TestServers_EndWithTheTestProcess(t *testing.T) {
	if os.Getenv("GATEHOUSE_TEST_CHILD") != "" {
		env.Redis(t)
		env.PostgresURL(t)
		os.Stdout.WriteString("both run\n")
		select {}
	}
	child := exec.Command(os.Args[0], "-test.run=^TestServers_EndWithTheTestProcess$")
	tmp, err := os.MkdirTemp("", "gatehouse-child-") // t.TempDir's parents let only their owner in, and PostgreSQL is another
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o777); err != nil {
		t.Fatal(err)
	}
	child.Env = append(os.Environ(), "GATEHOUSE_TEST_CHILD=1", "TMPDIR="+tmp,
		"GATEHOUSE_TEST_REDIS_URL=", "GATEHOUSE_TEST_POSTGRES_URL=")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 64)
	n, err := out.Read(said)
	if err != nil || !strings.Contains(string(said[:n]), "both run") {
		t.Fatalf("the child said %q, %v", said[:n], err)
	}
	if folders, _ := filepath.Glob(filepath.Join(tmp, "gatehouse-*")); len(folders) != 2 {
		t.Fatalf("servers' folders while they run: %v; want two", folders)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	for { // a folder goes when its server has gone; ends with go test's own time limit if one stays
		folders, _ := filepath.Glob(filepath.Join(tmp, "gatehouse-*"))
		if len(folders) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
