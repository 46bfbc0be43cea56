package portal

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"gatehouse.example/portal/store"
)

// cleanupInterval is the average interval between deletions of expired records.
const cleanupInterval = time.Hour

// keepExpiredTokens is how long an expired refresh token is kept, so that its use is still recognised as late.
const keepExpiredTokens = 24 * time.Hour

// keepEnded is how long ended or unused sign-ins, and receipts, are kept.
const keepEnded = 90 * 24 * time.Hour

// cleanup deletes expired records. Replicas need no coordination: deleting twice is harmless.
type cleanup struct {
	records *store.Store
	now     func() time.Time
	log     *slog.Logger
}

func (c *cleanup) run(ctx context.Context) error {
	if n, err := c.records.IndexUsers(ctx); err != nil && ctx.Err() == nil {
		c.log.Warn("cannot complete the console's search index", "error", err)
	} else if n > 0 {
		c.log.Info("users were added to the search index of the console", "people", n)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(cleanupInterval/2 + rand.N(cleanupInterval)):
		}
		c.deleteExpired(ctx)
	}
}

func (c *cleanup) deleteExpired(ctx context.Context) {
	now := c.now()
	for what, purge := range map[string]func() error{
		"refresh tokens": func() error { return c.records.PurgeRefreshTokens(ctx, now.Add(-keepExpiredTokens)) },
		"sign-ins":       func() error { return c.records.PurgeSignIns(ctx, now.Add(-keepEnded)) },
		"receipts":       func() error { return c.records.PurgeReceipts(ctx, now.Add(-keepEnded)) },
	} {
		if err := purge(); err != nil && ctx.Err() == nil {
			c.log.Warn("cannot delete expired records", "what", what, "error", err)
		}
	}
}
