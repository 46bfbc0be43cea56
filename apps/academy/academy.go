package academy

import (
	"context"
	"errors"

	"github.com/labstack/echo/v4"

	"gatehouse.example/apps"
	"gatehouse.example/apps/academy/chapter"
	"gatehouse.example/apps/academy/experiments"
	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/apps/academy/store"
	"gatehouse.example/sso/rp/echorp"
)

// service is the Academy's service name, and its client ID at the portal.
const service = "academy"

// Deps are the Academy's dependencies.
type Deps struct {
	apps.Deps
	Labs        Labs
	Lessons     string           // folder of additional lessons; "" for none
	Control     Control          // of the replicas of this installation; nil if the installation offers none
	Experiments []lab.Experiment // default: experiments.All
}

// App is one replica of the Academy.
type App struct {
	Deps
	echo  *echo.Echo
	sso   *echorp.RP
	store *store.Store

	chapter *chapter.Chapter
}

// New returns an Academy replica with its lessons loaded. It returns an error if a dependency is missing or the
// database does not answer; the portal, the forum and Redis need not be up yet.
func New(ctx context.Context, d Deps) (*App, error) {
	if d.Labs == nil {
		return nil, errors.New("academy: Labs is nil")
	}
	e, auth, err := d.Join(service, true)
	if err != nil {
		return nil, err
	}
	if d.Experiments == nil {
		d.Experiments = experiments.All()
	}
	a := &App{Deps: d, echo: e, sso: auth}
	if a.store, err = store.New(d.DB); err != nil {
		return nil, err
	}
	a.readLessons()
	// Runs that this replica started before it was restarted ended with its process.
	if _, err := a.store.LoseRuns(ctx, d.Replica, lostWhy, a.Now()); err != nil {
		return nil, err
	}
	a.Labs.Ended(a.runEnded)
	a.routes(e)
	return a, nil
}

// routes registers every route of the Academy.
func (a *App) routes(e *echo.Echo) {
	signedIn := a.sso.Required

	e.GET("/", a.home)
	e.GET("/lessons/:lesson", a.lesson)
	e.GET("/lessons/:lesson/present", a.present) // on a projector
	e.POST("/lessons/:lesson/answers/:question", a.answer, signedIn)
	e.GET("/lessons/:lesson/answers/:question", a.backToLesson)
	e.POST("/lessons/:lesson/done", a.finishLesson, signedIn)
	e.GET("/lessons/:lesson/done", a.backToLesson)
	e.GET("/lessons/:lesson/discuss", a.discuss) // thread in the forum
	e.GET("/finish", a.finish, signedIn)

	e.GET("/experiments", a.experiments)
	e.GET("/experiments/:experiment", a.showExperiment)
	e.POST("/experiments/:experiment/runs", a.startRun, signedIn)
	e.GET("/experiments/:experiment/runs", a.toExperiment)

	e.GET("/seen", a.ownSignIn, signedIn) // the user's own sign-in

	admin := a.sso.Role("admin") // the replicas of this installation
	e.GET("/estate", a.estate, admin)
	e.GET("/estate/live", a.estateLive, admin)
	recent := a.sso.Recent(recentSignIn)
	e.POST("/estate/kill", a.confirmed(a.estateKill), admin, recent)
	e.POST("/estate/add", a.confirmed(a.estateAdd), admin, recent)
	e.POST("/estate/remove", a.confirmed(a.estateRemove), admin, recent)
	e.POST("/estate/policy", a.estatePolicy, admin, recent)
	e.GET("/estate/kill", a.toEstate)
	e.GET("/estate/add", a.toEstate)
	e.GET("/estate/remove", a.toEstate)
	e.GET("/estate/policy", a.toEstate)

	e.GET("/runs/:run", a.run, signedIn)
	e.GET("/runs/:run/live", a.live, signedIn)
	e.GET("/runs/:run/timeline.json", a.timelineJSON, signedIn)
	e.GET("/runs/:run/timeline.csv", a.timelineCSV, signedIn)
	e.POST("/runs/:run/do", a.doControl, signedIn)
	e.POST("/runs/:run/step", a.doStep, signedIn)
	e.POST("/runs/:run/end", a.endByUser, signedIn)
	e.POST("/runs/:run/again", a.restartRun, signedIn)
	e.GET("/runs/:run/do", a.toRun, signedIn)
	e.GET("/runs/:run/step", a.toRun, signedIn)
	e.GET("/runs/:run/end", a.toRun, signedIn)
	e.GET("/runs/:run/again", a.toRun, signedIn)

	e.GET("/rooms", a.rooms, signedIn)
	e.POST("/rooms", a.openRoom, signedIn)
	e.GET("/rooms/:room", a.room, signedIn)
	e.POST("/rooms/:room/close", a.closeRoom, signedIn)
	e.GET("/rooms/:room/close", a.toRoom)
	e.POST("/rooms/:room/leave", a.leaveRoom, signedIn)
	e.GET("/rooms/:room/leave", a.toRoom)
	e.GET("/join", a.joinByCode)
	e.GET("/join/:code", a.withRoomOfCode(a.joinPage), signedIn)
	e.POST("/join/:code", a.withRoomOfCode(a.join), signedIn)
}

// Handler returns the Academy's HTTP handler.
func (a *App) Handler() *echo.Echo { return a.echo }

// Run runs the relying party and the experiments' process manager and, once an hour, deletes expired counters of room
// codes, until ctx ends.
func (a *App) Run(ctx context.Context) error {
	cleanUp := func(ctx context.Context) error { return a.store.PruneTries(ctx, a.Now()) }
	return apps.Run(ctx, a.sso.Run, a.Labs.Run, a.Hourly(cleanUp))
}
