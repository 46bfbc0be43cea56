package store

import (
	"context"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/apps/analytics/fact"
	"gatehouse.example/db"
	"gatehouse.example/events"
)

// maxDeployments limits the deployments of a period that are loaded.
const maxDeployments = 200

// Deployment is the first start of a version of a service.
type Deployment struct {
	Service string `db:"service"`
	Version string `db:"version"`
	At      int64  `db:"at"` // milliseconds since 1970
}

const deploymentsOf = `SELECT service, version, at FROM deployments WHERE at >= ? AND at < ?
	ORDER BY at DESC, service DESC, version DESC LIMIT ?`

// Deployments returns the deployments from from to to (exclusive), newest first, at most maxDeployments.
func (s *Store) Deployments(ctx context.Context, from, to time.Time) ([]Deployment, error) {
	return db.All[Deployment](ctx, s.db, "analytics: deployments", deploymentsOf, db.Millis(from), db.Millis(to), maxDeployments)
}

// addDeployments stores the deployments among facts, and returns the other facts, which are counted. A version that
// started before is not stored again.
func addDeployments(ctx context.Context, tx *sqlx.Tx, facts []fact.Fact) ([]fact.Fact, error) {
	in := insert{table: "deployments", columns: []string{"service", "version", "at"}, tail: "ON CONFLICT DO NOTHING"}
	for _, f := range facts {
		if f.Type == events.Deployed {
			in.add(f.Service, f.Variant, db.Millis(f.At))
		}
	}
	counted := slices.DeleteFunc(facts, func(f fact.Fact) bool { return f.Type == events.Deployed })
	return counted, in.exec(ctx, tx)
}
