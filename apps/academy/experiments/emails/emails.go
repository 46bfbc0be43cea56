package emails

import (
	"context"
	"time"

	"gatehouse.example/apps/academy/experiments/emails/store"
	"gatehouse.example/apps/academy/lab"
)

// The kinds of database.
const (
	sqlite   = "sqlite"
	postgres = "postgres"
)

// guidedRows is the size of the guided path's table: large enough to show the effect, and made within seconds.
const guidedRows = "100000"

var sizes = lab.Param{
	Name: "rows", Label: "Users in the table", Type: lab.Choice, Default: guidedRows,
	Hint: "One million takes about 10 seconds and 200 MB, five million a minute or two and 1.1 GB with both indexes.",
	Options: []lab.Option{
		{Value: "10000", Label: "10 thousand"}, {Value: guidedRows, Label: "100 thousand"},
		{Value: "1000000", Label: "1 million"}, {Value: "5000000", Label: "5 million"},
	},
}

var databases = lab.Param{
	Name: "database", Label: "Database", Type: lab.Choice, Default: sqlite,
	Hint:    "PostgreSQL is available only if Gatehouse itself uses it.",
	Options: []lab.Option{{Value: sqlite, Label: "SQLite"}, {Value: postgres, Label: "PostgreSQL"}},
}

// The ways to look up and the indexes, as arguments.
const (
	exact  = "exact"
	folded = "lower"
	plain  = "email"
	lower  = "lower"
)

// Experiment returns the experiment's description.
func Experiment() lab.Experiment {
	index := lab.Param{Name: "index", Label: "Index", Type: lab.Choice, Default: plain, Options: []lab.Option{
		{Value: plain, Label: "on email"}, {Value: lower, Label: "on LOWER(email)"},
	}}
	return lab.Experiment{
		Name: "email-index", Title: "Five seconds or five milliseconds",
		Lead:   "What an index on the email column is worth, and how capital letters make it useless.",
		Real:   real,
		Params: []lab.Param{sizes, databases},
		Controls: []lab.Control{
			{Name: "make", Label: "Make the table", Icon: "table", Group: "The table", Fields: []lab.Param{sizes, databases}, Primary: true,
				Hint: "Also measures at several sizes while it grows. The existing table is deleted."},
			{Name: "cancel", Label: "Stop", Icon: "x", Group: "The table", Danger: true},
			{Name: "look", Label: "Look emails up", Icon: "search", Group: "Look up", Primary: true, Fields: []lab.Param{
				{Name: "how", Label: "Question", Type: lab.Choice, Default: exact, Options: []lab.Option{
					{Value: exact, Label: "email = ?"}, {Value: folded, Label: "LOWER(email) = ?"},
				}},
			}, Hint: "Several random ones; the median counts."},
			{Name: "index", Label: "Make the index", Icon: "list-tree", Group: "Indexes", Fields: []lab.Param{
				index, {Name: "look", Label: "Look emails up with it at once", Type: lab.Bool, Default: "false"},
			}},
			{Name: "drop", Label: "Drop the index", Icon: "trash-2", Group: "Indexes", Fields: []lab.Param{index}},
			{Name: "register", Label: "Sign up with a taken email, in capitals", Icon: "user-plus", Group: "Two spellings",
				Hint: "An existing email in capital letters, as a second account."},
			{Name: "protect", Label: "Make the index unique, and try again", Icon: "shield-check", Group: "Two spellings",
				Hint: "On LOWER(email). Duplicate accounts that were created here are deleted first."},
		},
		Steps: steps(),
		Needs: needs, Postgres: true,
		Open: func(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
			return &apparatus{bench: b, indexes: map[string]bool{}}, nil
		},
	}
}

// needs returns the space for a SQLite table, plus half of it for sorting. The space that PostgreSQL uses for all
// runs together is limited by store.Fits.
func needs(setup lab.Args) lab.Needs {
	n := lab.Needs{Memory: 128 << 20, Disk: lab.DefaultDisk}
	if setup[databases.Name] == sqlite {
		n.Disk += int64(setup.Int(sizes.Name)) * store.PerUser * 3 / 2
	}
	return n
}

const real = `The table, its rows, the indexes and every look-up are real: **SQLite** in a file that is this run's alone, or **PostgreSQL**, the very server
that this estate keeps its data in, in a schema of this run's own. The plan is what the database says itself (` + "`EXPLAIN`" + `), and the times are those of its answers,
measured in the program that asked.

Not real are the users: they are made inside the database, user000001@example.com and so on, some with a capital letter, and what stands for a password's hash is
random text of the same length. The file is written without care for a power cut, since it is thrown away at the end. It may take up to 2 GB of disk; a run
has one table at a time.`

// opening is the timeout for opening a database.
const opening = 10 * time.Second

// open opens the database of this kind, unless it is open already. It returns a Refusal if there is none.
func (a *apparatus) open(ctx context.Context, kind string) error {
	if a.store != nil && a.kind == kind {
		return nil
	}
	if kind == postgres && a.bench.Postgres == "" {
		return lab.Refusal("This estate has no PostgreSQL: it keeps its data in SQLite. Choose SQLite.")
	}
	ctx, cancel := context.WithTimeout(ctx, opening)
	defer cancel()
	if err := a.shut(); err != nil {
		return err
	}
	var s *store.Store
	var err error
	if kind == postgres {
		s, err = store.OpenPostgres(ctx, a.bench.Postgres)
	} else {
		s, err = store.OpenSQLite(ctx, a.bench.Dir)
	}
	if err != nil {
		a.bench.Logger.Warn("no database for the experiment", "database", kind, "error", err)
		return lab.Refusal("The database is unavailable. See the log of Gatehouse for the reason.")
	}
	version, err := s.Version(ctx)
	a.mu.Lock()
	a.store, a.kind, a.version = s, kind, version
	a.mu.Unlock()
	return err
}

// shut closes the database, which deletes its contents.
func (a *apparatus) shut() error {
	a.mu.Lock()
	s := a.store
	a.store, a.rows, a.bytes, a.points = nil, 0, 0, nil
	clear(a.indexes)
	a.mu.Unlock()
	if s == nil {
		return nil
	}
	return s.Close()
}
