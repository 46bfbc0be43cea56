package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Timeouts of Redis commands. They are short, so that a request soon fails when Redis is unreachable.
const (
	redisDialTimeout  = time.Second
	redisReplyTimeout = time.Second
)

// redisBuffer is the size in bytes of a connection's buffers. Our commands and replies are a few hundred bytes;
// go-redis' defaults are 32 KiB twice for each connection and 128 KiB twice for each that pipelines.
const redisBuffer = 8 << 10

func checkRedisURL(url string) error {
	rdb, err := openRedis(url)
	if err != nil {
		return err
	}
	return rdb.Close()
}

var errRedisURL = errors.New("the Redis URL can't be read; it must begin with redis://, rediss://, redis-cluster:// or redis-sentinel://")

// openRedis returns a client for the URL, without connecting. Its errors don't repeat the URL, which may hold a
// password.
func openRedis(url string) (redis.UniversalClient, error) {
	scheme, rest, _ := strings.Cut(url, "://")
	switch scheme {
	case "redis", "rediss", "unix":
		o, err := redis.ParseURL(url)
		if err != nil {
			return nil, errRedisURL
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDialTimeout, redisReplyTimeout, redisReplyTimeout
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled, o.DisableIdentity = 1, 1, true, true
		o.ReadBufferSize, o.WriteBufferSize = redisBuffer, redisBuffer
		o.PipelineReadBufferSize, o.PipelineWriteBufferSize = redisBuffer, redisBuffer
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		return redis.NewClient(o), nil
	case "redis-cluster", "rediss-cluster":
		o, err := redis.ParseClusterURL(strings.TrimSuffix(scheme, "-cluster") + "://" + rest)
		if err != nil {
			return nil, errRedisURL
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDialTimeout, redisReplyTimeout, redisReplyTimeout
		o.DialerRetries, o.ContextTimeoutEnabled, o.DisableIdentity = 1, true, true
		o.ReadBufferSize, o.WriteBufferSize = redisBuffer, redisBuffer
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
		o.ReadOnly, o.RouteByLatency, o.RouteRandomly = false, false, false // see below
		return redis.NewClusterClient(o), nil
	case "redis-sentinel", "rediss-sentinel":
		o, err := redis.ParseFailoverURL(strings.TrimSuffix(scheme, "-sentinel") + "://" + rest)
		if err != nil || o.MasterName == "" {
			return nil, errRedisURL
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout = redisDialTimeout, redisReplyTimeout, redisReplyTimeout
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled, o.DisableIdentity = 1, 1, true, true
		o.ReadBufferSize, o.WriteBufferSize = redisBuffer, redisBuffer
		// A Redis replica may lag behind its master, so that a read from it may return outdated data.
		o.ReplicaOnly, o.RouteByLatency, o.RouteRandomly = false, false, false
		return redis.NewFailoverClient(o), nil
	}
	return nil, errRedisURL
}

// redisLog writes go-redis' messages to the log as JSON, instead of lines on stderr.
type redisLog struct{ log *slog.Logger }

func (r redisLog) Printf(ctx context.Context, format string, args ...any) {
	r.log.WarnContext(ctx, "redis client", "says", fmt.Sprintf(format, args...))
}

func pingRedis(ctx context.Context, rdb redis.UniversalClient) error {
	return rdb.Ping(ctx).Err()
}
