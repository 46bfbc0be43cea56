package store

import (
	"context"
	"time"

	"gatehouse.example/db"
)

// maxFailuresCounted limits the number of failed sign-ins that FailedSignIns reads, so that a flood of them does not
// make it slow.
const maxFailuresCounted = 100_000

// FailedAddress is an address with the sign-ins that failed there.
type FailedAddress struct {
	IP       string    `db:"ip"`
	Failures int       `db:"failures"`
	Accounts int       `db:"accounts"` // different emails that were tried
	Last     time.Time `db:"last_at"`
}

// FailedSignIns returns the addresses with the most failed sign-ins since that time, at most limit, and whether there
// are more. It counts the latest 100,000.
func (s *Store) FailedSignIns(ctx context.Context, since time.Time, limit int) (page []FailedAddress, more bool, err error) {
	rows, err := db.All[FailedAddress](ctx, s.db, "failed sign-ins", failedSignIns(s.db.Dialect), db.Millis(since), maxFailuresCounted, limit+1)
	page, more = trimPage(rows, limit, false)
	return page, more, err
}

// failedSignIns returns the query of FailedSignIns. The action is part of the condition of its index, so it is no
// parameter.
func failedSignIns(dialect db.Dialect) string {
	return `SELECT ip, COUNT(*) AS failures, COUNT(DISTINCT target) AS accounts, MAX(at) AS last_at FROM (
		SELECT at, ip, target FROM ` + indexed(dialect, `audit`, `audit_failed_sign_ins`) + `
		WHERE action = '` + SignInFailed + `' AND at >= ? ORDER BY at DESC LIMIT ?) AS failed
		GROUP BY ip ORDER BY failures DESC, last_at DESC, ip LIMIT ?`
}
