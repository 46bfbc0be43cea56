package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/redis/go-redis/v9"
)

// vault wraps the Redis client that redisstore uses. It replaces the session id at the end of a key with its hash.
type vault struct {
	redis.UniversalClient
	prefix string
}

func (v vault) key(id string) string { return v.prefix + v.hash(id) }

func (v vault) hash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Get reads the record of an id.
func (v vault) Get(ctx context.Context, id string) *redis.StringCmd {
	return v.UniversalClient.Get(ctx, v.key(id))
}

// Set implements redisstore's save; it is called only for new ids.
func (v vault) Set(ctx context.Context, id string, value any, ttl time.Duration) *redis.StatusCmd {
	return v.UniversalClient.Set(ctx, v.key(id), value, ttl)
}

// Del implements redisstore's delete.
func (v vault) Del(ctx context.Context, ids ...string) *redis.IntCmd {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = v.key(id)
	}
	return v.UniversalClient.Del(ctx, keys...)
}

// Ping answers redisstore's check on creation without a request: a service can start while Redis is unreachable.
func (v vault) Ping(ctx context.Context) *redis.StatusCmd {
	return redis.NewStatusResult("PONG", nil)
}
