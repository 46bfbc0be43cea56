package events

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// maxVersion is the length of a version up to which it is published, in bytes.
	maxVersion = 64
	// keepVersion is how long Redis remembers that a version was published. A consumer recognises a later event by its id.
	keepVersion = 400 * 24 * time.Hour
	// versionInterval is the pause before publishing a version is tried again.
	versionInterval = 5 * time.Second
)

// AnnounceVersion publishes the event Deployed when a version of a service starts for the first time. Further replicas
// and restarts publish nothing; two that start at once publish the same id. It retries until Redis answers or ctx ends.
func AnnounceVersion(ctx context.Context, rdb redis.UniversalClient, service, version string, log *slog.Logger) {
	if len(version) > maxVersion {
		version = strings.ToValidUTF8(version[:maxVersion], "")
	}
	for failed := false; ; failed = true {
		err := publishVersion(ctx, rdb, service, version)
		if err == nil || ctx.Err() != nil {
			return
		}
		if !failed {
			log.Warn("cannot publish the version; it is tried again", "version", version, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(versionInterval):
		}
	}
}

func publishVersion(ctx context.Context, rdb redis.UniversalClient, service, version string) error {
	known := "gatehouse:version:" + service + ":" + version
	if n, err := rdb.Exists(ctx, known).Result(); err != nil || n > 0 {
		return err
	}
	e := New(Deployed, "", map[string]any{"version": version})
	e.ID, e.Service = "deployed-"+service+"-"+version, service
	event, err := json.Marshal(e)
	if err != nil {
		return err
	}
	pipe := rdb.Pipeline() // the event first: it may be published twice, but not never
	pipe.XAdd(ctx, &redis.XAddArgs{Stream: Stream, MaxLen: maxStreamLength, Approx: true, Values: []any{"event", string(event)}})
	pipe.Set(ctx, known, "", keepVersion)
	_, err = pipe.Exec(ctx)
	return err
}
