package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/redis/go-redis/v9"
)

// hashedKeys wraps the Redis client that redisstore uses. It replaces the session id at the end of a key with its hash.
type hashedKeys struct {
	redis.UniversalClient
	prefix string
}

func (k hashedKeys) key(id string) string { return k.prefix + k.hash(id) }

func (k hashedKeys) hash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Get reads the record of an id.
func (k hashedKeys) Get(ctx context.Context, id string) *redis.StringCmd {
	return k.UniversalClient.Get(ctx, k.key(id))
}

// Set implements redisstore's save; it is called only for new ids.
func (k hashedKeys) Set(ctx context.Context, id string, value any, ttl time.Duration) *redis.StatusCmd {
	return k.UniversalClient.Set(ctx, k.key(id), value, ttl)
}

// Del implements redisstore's delete.
func (k hashedKeys) Del(ctx context.Context, ids ...string) *redis.IntCmd {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = k.key(id)
	}
	return k.UniversalClient.Del(ctx, keys...)
}

// Ping answers redisstore's check on creation without a request: a service can start while Redis is unreachable.
func (k hashedKeys) Ping(ctx context.Context) *redis.StatusCmd {
	return redis.NewStatusResult("PONG", nil)
}
