package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/redis/go-redis/v9"
)

// vault stands between redisstore and Redis. It replaces the id at the end of a
// key by its hash.
type vault struct {
	redis.UniversalClient
	prefix string
}

func (v vault) key(id string) string { return v.prefix + v.hash(id) }

func (v vault) hash(id string) string {
	sum := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Get returns the record under an id.
func (v vault) Get(ctx context.Context, id string) *redis.StringCmd {
	return v.UniversalClient.Get(ctx, v.key(id))
}

// Set implements what redisstore saves with; it is only ever asked for new ids.
func (v vault) Set(ctx context.Context, id string, value any, ttl time.Duration) *redis.StatusCmd {
	return v.UniversalClient.Set(ctx, v.key(id), value, ttl)
}

// Del implements what redisstore deletes with.
func (v vault) Del(ctx context.Context, ids ...string) *redis.IntCmd {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = v.key(id)
	}
	return v.UniversalClient.Del(ctx, keys...)
}

// Ping implements what redisstore asks once when it is made. A service starts
// while Redis is away, so the answer does not matter.
func (v vault) Ping(ctx context.Context) *redis.StatusCmd {
	return redis.NewStatusResult("PONG", nil)
}
