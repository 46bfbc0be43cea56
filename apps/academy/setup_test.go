package academy_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"gatehouse.example/apps/academy/lab"
)

// building is an apparatus whose steps change the set-up.
type building struct {
	lab.Apparatus
	b *lab.Bench
}

func (b *building) Do(ctx context.Context, control string, args lab.Args) error {
	b.b.SetInt("doors", 5)
	return b.Apparatus.Do(ctx, control, args)
}

// What the steps of a path made of the set-up is where it goes on, and what its link
// carries, but not where it starts over.
func TestRun_StartsOverWithTheSetupThatItBeganWith(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		e, open := doors(), doors().Open
		e.Open = func(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
			a, err := open(ctx, b)
			return &building{a, b}, err
		}
		h.labs.experiments[0] = e
		alice := h.person("alice")
		setup := func(run string) string {
			t.Helper()
			_, rest, _ := strings.Cut(alice.get(run+"/timeline.json").want(t, http.StatusOK).body, `"doors":`)
			return strings.Trim(rest[:4], `" ,`)
		}
		p := alice.get("/experiments/doors?doors=3").want(t, http.StatusOK)
		run := alice.post("/experiments/doors/runs", "key", p.key(t), "set.doors", "3").want(t, http.StatusSeeOther).location
		p = alice.get(run).want(t, http.StatusOK, "/experiments/doors?creaky=false&amp;doors=3\"")
		alice.post(run+"/step", "key", p.key(t), "step", "knock", "guess", "1").want(t, http.StatusSeeOther)
		p = alice.get(run).want(t, http.StatusOK, "/experiments/doors?creaky=false&amp;doors=5&amp;mode=free\"")
		if got := setup(run); got != "5" {
			t.Fatalf("%s doors after the step", got)
		}
		on := alice.post(run+"/again", "key", p.key(t)).want(t, http.StatusSeeOther).location
		if got := setup(on); got != "5" {
			t.Errorf("it goes on with %s doors", got)
		}
		over := alice.post(on+"/again", "key", alice.get(on).key(t), "from", "start").want(t, http.StatusSeeOther).location
		if got := setup(over); got != "3" {
			t.Errorf("it starts over with %s doors", got)
		}
	})
}
