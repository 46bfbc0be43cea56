package store

import (
	"context"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// ExperimentDone is a guided path that a user has finished, with its findings.
type ExperimentDone struct {
	Sub        string `db:"sub"`
	Experiment string `db:"experiment"`
	Run        string `db:"run"`
	Findings   string `db:"findings"` // JSON
	DoneAt     int64  `db:"done_at"`
}

// FinishExperiment stores that a user has finished a guided path, with the latest findings and the time of the first
// finish. first reports whether it was the first one.
func (s *Store) FinishExperiment(ctx context.Context, d ExperimentDone, now time.Time) (first bool, err error) {
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		n, err := db.Change(ctx, tx, "experiments done", `INSERT INTO experiments_done (sub, experiment, run, findings, done_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (sub, experiment) DO NOTHING`, d.Sub, d.Experiment, d.Run, d.Findings, db.Millis(now))
		if first = n > 0; err != nil || first {
			return err
		}
		return db.Exec(ctx, tx, "finish experiment", `UPDATE experiments_done SET run = ?, findings = ? WHERE sub = ? AND experiment = ?`,
			d.Run, d.Findings, d.Sub, d.Experiment)
	})
	if err != nil {
		return false, err
	}
	return first, nil
}

// ExperimentsDone returns the experiments that a user has finished, by name.
func (s *Store) ExperimentsDone(ctx context.Context, sub string) (map[string]ExperimentDone, error) {
	ds, err := db.All[ExperimentDone](ctx, s.db, "experiments done", `SELECT sub, experiment, run, findings, done_at FROM experiments_done WHERE sub = ?`, sub)
	if err != nil {
		return nil, err
	}
	by := make(map[string]ExperimentDone, len(ds))
	for _, d := range ds {
		by[d.Experiment] = d
	}
	return by, nil
}

// LastResult returns a user's result of an experiment: of the finished guided path, or else, with Done false, of the
// newest run. It returns ErrNotFound if there is neither.
func (s *Store) LastResult(ctx context.Context, sub, experiment string) (Result, error) {
	d, err := db.One[ExperimentDone](ctx, s.db, "last result", `SELECT sub, experiment, run, findings, done_at FROM experiments_done WHERE sub = ? AND experiment = ?`, sub, experiment)
	if err == nil {
		return Result{Run: d.Run, Findings: d.Findings, Done: true, At: d.DoneAt}, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return Result{}, err
	}
	r, err := s.NewestRun(ctx, sub, experiment)
	if err != nil {
		return Result{}, err
	}
	return Result{Run: r.ID, State: r.State, Step: r.Step, At: r.SeenAt}, nil
}

// Result is the result of an experiment: the Findings of a finished guided path, or else the last State of a run,
// which contains findings. Both are JSON.
type Result struct {
	Run      string
	Findings string
	State    string
	Step     int
	Done     bool
	At       int64
}
