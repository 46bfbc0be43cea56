package account_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/db"
)

type dbDB = db.DB

func redisAt(t *testing.T, rawURL string) redis.UniversalClient {
	t.Helper()
	o, err := redis.ParseURL(rawURL)
	check(t, err)
	o.MaxRetries, o.DialerRetries = -1, 1
	rdb := redis.NewClient(o)
	t.Cleanup(func() { rdb.Close() })
	return rdb
}
