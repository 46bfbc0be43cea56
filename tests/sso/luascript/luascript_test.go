package luascript_test

import (
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/luascript"
	"gatehouse.example/tests/env"
)

var set = luascript.New(`redis.call('SET', KEYS[1], ARGV[1]) return 1`)

func TestRunner_RunsOnEveryRedis(t *testing.T) {
	env.EachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		r := luascript.NewRunner(rdb)
		for range 2 {
			if n, err := r.Run(t.Context(), set, []string{"k"}, "v").Int(); n != 1 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		if got := rdb.Get(t.Context(), "k").Val(); got != "v" {
			t.Errorf("stored %q", got)
		}
		if err := r.Run(t.Context(), luascript.New(`this is not Lua`), nil).Err(); err == nil {
			t.Error("a script that does not compile ran")
		}
		if n, err := r.Run(t.Context(), set, []string{"k"}, "v").Int(); n != 1 || err != nil {
			t.Errorf("after one that does not compile: %d, %v", n, err)
		}
	})
}

func TestRunner_WritesToAFullRedis(t *testing.T) {
	_, rdb := env.OwnRedis(t, "")
	rdb.ConfigSet(t.Context(), "maxmemory", "1")
	if err := rdb.Set(t.Context(), "plain", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "OOM") {
		t.Fatalf("Redis is not full: %v", err)
	}
	if err := luascript.NewRunner(rdb).Run(t.Context(), set, []string{"k"}, "v").Err(); err != nil {
		t.Error(err)
	}
}
