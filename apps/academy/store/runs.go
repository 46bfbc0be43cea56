package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"gatehouse.example/db"
)

// RunsPerPage is the number of runs on a page of the list.
const RunsPerPage = 12

// Run is a run of an experiment by a user. Setup and State are JSON, which this package does not interpret.
type Run struct {
	ID         string `db:"id"`
	Sub        string `db:"sub"`
	Experiment string `db:"experiment"`
	Mode       string `db:"mode"`
	Setup      string `db:"setup"`
	Step       int    `db:"step"`
	Status     string `db:"status"`
	EndedWhy   string `db:"ended_why"`
	Replica    string `db:"replica"`
	Address    string `db:"address"` // "" while it is being started
	State      string `db:"state"`   // "" before its first state
	StartedAt  int64  `db:"started_at"`
	SeenAt     int64  `db:"seen_at"`
	EndedAt    int64  `db:"ended_at"`
}

// The statuses of a Run.
const (
	Running = "running"
	Ended   = "ended"
)

// IsRunning reports whether the run has not ended, as far as is known.
func (r Run) IsRunning() bool { return r.Status == Running }

const runColumns = `id, sub, experiment, mode, setup, step, status, ended_why, replica, address, state, started_at, seen_at, ended_at`

// shortColumns are the same columns without the state, which may be long.
const shortColumns = `id, sub, experiment, mode, setup, step, status, ended_why, replica, address, '' AS state, started_at, seen_at, ended_at`

// ErrTooMany means that the user has reached the limit of concurrent runs.
var ErrTooMany = errors.New("academy: too many running experiments")

// StartRun stores a new run, before its process is started. It returns ErrTooMany if the user has most runs running
// already. made is false if the user has a run with this ID already, because the form was sent twice. It returns
// ErrNotFound if another user's run has this ID.
func (s *Store) StartRun(ctx context.Context, r Run, most int, now time.Time) (made bool, err error) {
	at := db.Millis(now)
	err = s.db.Tx(ctx, func(tx *sqlx.Tx) error {
		if err := s.lock(ctx, tx, "runs of "+r.Sub); err != nil {
			return err
		}
		switch owner, err := db.One[string](ctx, tx, "start run", `SELECT sub FROM runs WHERE id = ?`, r.ID); {
		case err == nil && owner == r.Sub:
			return nil
		case err == nil:
			return ErrNotFound
		case !errors.Is(err, ErrNotFound):
			return err
		}
		running, err := db.One[int](ctx, tx, "running", `SELECT COUNT(*) FROM runs WHERE status = ? AND sub = ?`, Running, r.Sub)
		if err != nil {
			return err
		}
		if running >= most {
			return ErrTooMany
		}
		err = db.Exec(ctx, tx, "start run", `INSERT INTO runs (`+runColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, '', ?, ?, ?, 0)`,
			r.ID, r.Sub, r.Experiment, r.Mode, r.Setup, r.Step, Running, r.Replica, r.State, at, at)
		if made = err == nil; !made {
			return err
		}
		return forgetOld(ctx, tx, r)
	})
	if err != nil {
		return false, fmt.Errorf("start run: %w", err)
	}
	return made, nil
}

// MaxRunsKept is the number of runs that are kept per user and experiment, the newest.
const MaxRunsKept = 25

// forgetOld deletes the user's old runs of r's experiment, so that starting it repeatedly does not fill the disk. It
// keeps the run that finished the guided path.
func forgetOld(ctx context.Context, tx *sqlx.Tx, r Run) error {
	return db.Exec(ctx, tx, "forget old runs", `DELETE FROM runs WHERE sub = ? AND experiment = ? AND status = ?
		AND id NOT IN (SELECT id FROM runs WHERE sub = ? AND experiment = ? ORDER BY started_at DESC, id DESC LIMIT ?)
		AND id NOT IN (SELECT run FROM experiments_done WHERE sub = ?)`, r.Sub, r.Experiment, Ended, r.Sub, r.Experiment, MaxRunsKept, r.Sub)
}

// PlaceRun stores the address of a started run. It returns ErrNotFound if the run has ended meanwhile.
func (s *Store) PlaceRun(ctx context.Context, id, address string) error {
	if n, err := db.Change(ctx, s.db, "place run", `UPDATE runs SET address = ? WHERE id = ? AND status = ?`, address, id, Running); err != nil || n == 0 {
		return errors.Join(ErrNotFound, err)
	}
	return nil
}

// DropRun deletes a run that could not be started.
func (s *Store) DropRun(ctx context.Context, id string) error {
	return db.Exec(ctx, s.db, "drop run", `DELETE FROM runs WHERE id = ? AND address = ''`, id)
}

// SaveRun stores the step and the state of a running run, and sets them in r. It reports false, and changes nothing, if
// the run has ended or its state was saved since r was read.
func (s *Store) SaveRun(ctx context.Context, r *Run, step int, state string, now time.Time) (bool, error) {
	at := max(db.Millis(now), r.SeenAt+1) // increases with each save, to detect the others
	n, err := db.Change(ctx, s.db, "save run", `UPDATE runs SET step = ?, state = ?, seen_at = ? WHERE id = ? AND status = ? AND seen_at = ?`, step, state, at, r.ID, Running, r.SeenAt)
	if err != nil || n == 0 {
		return false, err
	}
	r.Step, r.State, r.SeenAt = step, state, at
	return true, nil
}

// EndRun stores that a run has ended and the reason. The first reason is kept.
func (s *Store) EndRun(ctx context.Context, id, why string, now time.Time) error {
	return db.Exec(ctx, s.db, "end run", `UPDATE runs SET status = ?, ended_why = ?, ended_at = ? WHERE id = ? AND status = ?`, Ended, why, db.Millis(now), id, Running)
}

// LoseRuns ends the runs that a replica had started before it was restarted, since their processes ended with it. It
// returns the number of those runs.
func (s *Store) LoseRuns(ctx context.Context, replica, why string, now time.Time) (int, error) {
	return db.Change(ctx, s.db, "lose runs", `UPDATE runs SET status = ?, ended_why = ?, ended_at = ? WHERE replica = ? AND status = ?`, Ended, why, db.Millis(now), replica, Running)
}

// FindRun returns a user's run, or ErrNotFound if there is none or it is another user's.
func (s *Store) FindRun(ctx context.Context, id, sub string) (Run, error) {
	return s.run(ctx, `SELECT `+runColumns+` FROM runs WHERE id = ? AND sub = ?`, id, sub)
}

// AnyRun returns the run with this ID, regardless of its user, or ErrNotFound. It is meant for the life cycle of
// runs, not for requests of users.
func (s *Store) AnyRun(ctx context.Context, id string) (Run, error) {
	return s.run(ctx, `SELECT `+runColumns+` FROM runs WHERE id = ?`, id)
}

// NewestRun returns the user's newest run of an experiment, or ErrNotFound.
func (s *Store) NewestRun(ctx context.Context, sub, experiment string) (Run, error) {
	return s.run(ctx, `SELECT `+runColumns+` FROM runs WHERE sub = ? AND experiment = ? ORDER BY started_at DESC, id DESC LIMIT 1`, sub, experiment)
}

func (s *Store) run(ctx context.Context, query string, args ...any) (Run, error) {
	return db.One[Run](ctx, s.db, "run", query, args...)
}

// RunningOf returns a user's running runs, oldest first, without their states.
func (s *Store) RunningOf(ctx context.Context, sub string) ([]Run, error) {
	return db.All[Run](ctx, s.db, "running of a person", `SELECT `+shortColumns+` FROM runs WHERE status = ? AND sub = ? ORDER BY started_at, id`, Running, sub)
}

// RunPage is a page of a user's runs.
type RunPage struct {
	Runs  []Run // without their states
	Total int   // on all pages
	Page  int   // this page, from 1
}

// Pages returns the number of pages, at least 1.
func (p RunPage) Pages() int {
	_, pages, _ := db.Page(p.Page, p.Total, RunsPerPage)
	return pages
}

// RunsOf returns a page of a user's runs, newest first. For a page past the end, it returns the last one.
func (s *Store) RunsOf(ctx context.Context, sub string, page int) (RunPage, error) {
	total, err := db.One[int](ctx, s.db, "count runs", `SELECT COUNT(*) FROM runs WHERE sub = ?`, sub)
	if err != nil {
		return RunPage{}, err
	}
	shown, _, skip := db.Page(page, total, RunsPerPage)
	runs, err := db.All[Run](ctx, s.db, "runs of a person", `SELECT `+shortColumns+` FROM runs WHERE sub = ?
		ORDER BY started_at DESC, id DESC LIMIT ? OFFSET ?`, sub, RunsPerPage, skip)
	return RunPage{Runs: runs, Total: total, Page: shown}, err
}
