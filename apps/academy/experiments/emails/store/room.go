package store

import (
	"context"
	"fmt"
	"strings"
	"syscall"

	"gatehouse.example/db"
)

const (
	// PerUser is the size of a user's row with both indexes, in bytes.
	PerUser = 230
	// spare is the disk space that must stay free, in bytes.
	spare = 256 << 20
	// together limits the size of the tables of all runs in PostgreSQL, in bytes, since the server also holds the
	// installation's own data.
	together = 4 << 30
)

// Fits reports whether there is room for a table of so many users: on the disk, with the same amount again for
// sorting, or within PostgreSQL's limit for all runs. The current table will be replaced and is not counted.
func (s *Store) Fits(ctx context.Context, users int) (bool, error) {
	need := int64(users) * PerUser
	if s.db.Dialect == db.Postgres {
		var taken int64
		err := s.q.GetContext(ctx, &taken, `SELECT COALESCE(SUM(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname LIKE $1 AND n.nspname <> $2 AND c.relkind = 'r'`, strings.ReplaceAll(prefix, "_", `\_`)+"%", s.name)
		if err != nil {
			return false, fmt.Errorf("emails: room: %w", err)
		}
		return taken+need <= together, nil
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(s.dir, &disk); err != nil {
		return false, fmt.Errorf("emails: room: %w", err)
	}
	own, err := s.Bytes(ctx)
	if err != nil {
		return false, err
	}
	free := int64(disk.Bavail)*int64(disk.Bsize) + own
	return free-spare >= 2*need, nil
}
