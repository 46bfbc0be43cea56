package academy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/db"
	"gatehouse.example/sso/rp"
	"gatehouse.example/web"
)

// maxRunsPerPerson is the maximum number of concurrent runs of a user.
const maxRunsPerPerson = 2

// startTimeout is the timeout for an experiment to start before its page considers it lost.
const startTimeout = time.Minute

const (
	goneWhy = "The experiment has ended, because the server that ran it stopped or crashed. Your results are saved."
	lostWhy = "The Academy was restarted while this experiment was running. Your results are saved."
	leftWhy = "You ended it."
	nextWhy = "You ended it to start another one."
)

// givenName returns the learner's name in the pictures.
func givenName(c echo.Context) string {
	name, _, _ := strings.Cut(rp.From(c.Request()).Name, " ")
	if name == "" {
		return "You"
	}
	return name
}

// experiment returns the experiment with this name.
func (a *App) experiment(name string) (lab.Experiment, bool) {
	for _, e := range a.Experiments {
		if e.Name == name {
			return e, true
		}
	}
	return lab.Experiment{}, false
}

// mayTry reports whether the user's roles allow starting e.
func mayTry(c echo.Context, e lab.Experiment) bool {
	p := rp.From(c.Request())
	return p != nil && (len(e.Roles) == 0 || p.HasRole(e.Roles...))
}

// idForm matches the IDs of runs and rooms (store.NewID).
var idForm = regexp.MustCompile(`^[a-z2-7]{16}$`)

// findRun returns the run of the address with its experiment. It returns a not-found error for other users' runs.
func (a *App) findRun(c echo.Context) (store.Run, lab.Experiment, error) {
	none := web.NotFound("This run")
	if !idForm.MatchString(c.Param("run")) {
		return store.Run{}, lab.Experiment{}, none
	}
	r, err := a.store.FindRun(c.Request().Context(), c.Param("run"), apps.Subject(c))
	if errors.Is(err, store.ErrNotFound) {
		return r, lab.Experiment{}, none
	}
	if err != nil {
		return r, lab.Experiment{}, err
	}
	e, known := a.experiment(r.Experiment)
	if !known {
		return r, e, none
	}
	return r, e, nil
}

// firstSetup returns the setup that a guided path began with. The path's steps may have changed the current one.
func firstSetup(r store.Run) (setup lab.Args) {
	_ = json.Unmarshal([]byte(r.Setup), &setup)
	return setup
}

// stateOf returns the stored state of a run.
func stateOf(r store.Run) lab.State {
	var s lab.State
	if r.State == "" || json.Unmarshal([]byte(r.State), &s) != nil {
		s = lab.State{Step: r.Step}
		_ = json.Unmarshal([]byte(r.Setup), &s.Setup)
	}
	return s
}

// currentState returns the state of a run. It returns lab.ErrSame if the state is still version seen. If the run has
// ended, it returns the stored state. It returns an error if the run can't be reached.
func (a *App) currentState(ctx context.Context, r *store.Run, seen int64) (lab.State, error) {
	if !r.IsRunning() {
		return stateOf(*r), nil
	}
	if r.Address == "" {
		if a.Now().Sub(db.Time(r.StartedAt)) > startTimeout {
			return a.endLostRun(ctx, r)
		}
		return stateOf(*r), nil
	}
	s, err := a.Labs.State(ctx, r.Address, r.ID, seen)
	switch {
	case errors.Is(err, lab.ErrGone):
		return a.endLostRun(ctx, r)
	case err != nil:
		return s, err
	case s.Ended != "":
		return s, a.saveEnd(ctx, r, s.Ended, s)
	}
	return s, nil
}

// endLostRun stores that a run has ended without reporting it, unless that is stored already, and returns its stored
// state.
func (a *App) endLostRun(ctx context.Context, r *store.Run) (lab.State, error) {
	if err := a.store.EndRun(ctx, r.ID, goneWhy, a.Now()); err != nil {
		return lab.State{}, err
	}
	now, err := a.store.FindRun(ctx, r.ID, r.Sub)
	if err != nil {
		return lab.State{}, err
	}
	*r = now
	return stateOf(now), nil
}

// saveEnd stores the last state of a run and that it has ended.
func (a *App) saveEnd(ctx context.Context, r *store.Run, why string, last lab.State) error {
	if last.Version > 0 {
		if err := a.saveState(ctx, r, last); err != nil {
			return err
		}
	}
	if err := a.store.EndRun(ctx, r.ID, why, a.Now()); err != nil {
		return err
	}
	r.Status, r.EndedWhy = store.Ended, why
	return nil
}

// saveState stores the state of a run, unless a newer one is stored. If its guided path is finished, it stores that
// first.
func (a *App) saveState(ctx context.Context, r *store.Run, s lab.State) error {
	if e, known := a.experiment(r.Experiment); known && r.Mode == lab.Guided && r.Step < len(e.Steps) && s.Step >= len(e.Steps) {
		found, err := json.Marshal(s.Findings)
		if err != nil {
			return fmt.Errorf("keep run: %w", err)
		}
		done := store.ExperimentDone{Sub: r.Sub, Experiment: r.Experiment, Run: r.ID, Findings: string(found)}
		if _, err := a.store.FinishExperiment(ctx, done, a.Now()); err != nil {
			return err
		}
	}
	state, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("keep run: %w", err)
	}
	for r.IsRunning() && stateOf(*r).Version <= s.Version {
		saved, err := a.store.SaveRun(ctx, r, s.Step, string(state), a.Now())
		if saved || err != nil {
			return err
		}
		if *r, err = a.store.AnyRun(ctx, r.ID); err != nil {
			return err
		}
	}
	return nil
}

// saveEndTimeout is the timeout for storing the end of a run.
const saveEndTimeout = 10 * time.Second

// runEnded stores the end of a run of this replica. Labs calls it.
func (a *App) runEnded(id, why string, last lab.State) {
	ctx, cancel := context.WithTimeout(context.Background(), saveEndTimeout)
	defer cancel()
	r, err := a.store.AnyRun(ctx, id)
	if err == nil && r.IsRunning() {
		err = a.saveEnd(ctx, &r, why, last)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		a.Logger.Error("cannot record the end of a run", "run", id, "error", err)
	}
}

// endTimeout bounds how long a run's process is asked for its last state and told to end.
const endTimeout = 5 * time.Second

// endRun ends a run, if it is running, and stores its last state. A run that can't be reached is stored as ended: its
// user must be able to start another one, and its process ends by itself when no page shows it.
func (a *App) endRun(ctx context.Context, r *store.Run, why string) error {
	if !r.IsRunning() {
		return nil
	}
	last := lab.State{}
	if r.Address != "" {
		asking, cancel := context.WithTimeout(ctx, endTimeout)
		defer cancel()
		var err error
		if last, err = a.Labs.State(asking, r.Address, r.ID, -1); err != nil && !errors.Is(err, lab.ErrGone) {
			a.Logger.Warn("cannot read the last state of a run", "run", r.ID, "error", err)
		}
		if err := a.Labs.End(asking, r.Address, r.ID, why); err != nil && !errors.Is(err, lab.ErrGone) {
			a.Logger.Warn("cannot end a run's process", "run", r.ID, "error", err)
		}
	}
	return a.saveEnd(ctx, r, why, last)
}
