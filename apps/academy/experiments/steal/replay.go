package steal

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
)

// Bounds of the pause between two rounds of the attacker, who tries all branches in turn. The pause grows with the
// time since the sign-out, so that an exposure of milliseconds is measured precisely.
const (
	leastPause = 2 * time.Millisecond
	mostPause  = 120 * time.Millisecond
	shownEvery = time.Second // how often an unchanged answer is shown
)

// result is the result of replaying the token of one way.
type result struct {
	way      way
	branches []trial
	exposure time.Duration // from the sign-out until the last branch refused, or so far
	over     bool          // all branches refuse
	left     time.Duration // remaining lifetime of the card, if they don't
	accepted int           // number sent after the sign-out's response and accepted
	replays  int           // number since the sign-out began
}

// trial is how one branch answered the attacker. Times are since the sign-out began.
type trial struct {
	label    string
	accepted time.Duration // time of the last accepted replay; negative for none
	refused  time.Duration // time of the first refused replay after that; negative for none
	why      string        // the branch's explanation
}

// replay signs the learner out and measures until every branch refuses the copy, for at most the duration most.
func (a *apparatus) replay(ctx context.Context, w way, b *bank.Bank, most time.Duration) {
	a.mu.Lock()
	token := a.stolen
	a.mu.Unlock()
	r := result{way: w}
	list := b.Branches()
	for _, branch := range list {
		r.branches = append(r.branches, trial{label: branch.Label, accepted: -1, refused: -1})
	}
	began := time.Now()
	leaving := leave(ctx, b)
	defer leaving.wait()
	shown := make([]time.Time, len(list))
	for !r.over && time.Since(began) < most {
		refusing := 0
		for i, branch := range list {
			signedOut := leaving.done()
			said, _ := b.Visit(ctx, bank.Visit{Browser: attacker, Branch: branch.ID, Quiet: true})
			if ctx.Err() != nil {
				a.bench.Log(lab.Note, "The replay was stopped: nothing is taken down of it.")
				return
			}
			r.replays++
			first := r.branches[i].take(said, time.Since(began))
			if said.Outcome == lab.Recognised && signedOut {
				r.accepted++
			}
			if r.branches[i].refused >= 0 && signedOut {
				refusing++
			}
			if first || time.Since(shown[i]) >= shownEvery {
				a.bench.Request(said)
				shown[i] = time.Now()
			}
		}
		r.over = refusing == len(list)
		if !r.over {
			a.tell(began, most)
			pause(ctx, min(max(time.Since(began)/5, leastPause), mostPause))
		}
	}
	if out := leaving.wait(); out.Outcome != lab.Answered {
		a.bench.Log(lab.Bad, "You were not signed out: %s Nothing is taken down.", out.Text)
		return
	}
	r.exposure = time.Since(began)
	if r.over {
		r.exposure = 0
		for _, t := range r.branches {
			r.exposure = max(r.exposure, t.refused)
		}
	} else {
		r.left = time.Until(expiry(token))
	}
	a.take(r)
}

// departure is a sign-out in progress.
type departure struct {
	answered chan struct{} // closed when the response has arrived
	answer   lab.Request
}

func leave(ctx context.Context, b *bank.Bank) *departure {
	d := &departure{answered: make(chan struct{})}
	go func() {
		defer close(d.answered)
		d.answer = b.SignOut(ctx, bank.You)
	}()
	return d
}

func (d *departure) done() bool {
	select {
	case <-d.answered:
		return true
	default:
		return false
	}
}

func (d *departure) wait() lab.Request {
	<-d.answered
	return d.answer
}

// take records an answer, and reports whether it differs from the previous one.
func (t *trial) take(said lab.Request, at time.Duration) bool {
	switch {
	case said.Outcome == lab.Recognised:
		first := t.accepted < 0 || t.refused >= 0
		t.accepted, t.refused = at, -1
		return first
	case said.Status == http.StatusUnauthorized && t.refused < 0:
		t.refused, t.why = at, said.Text
		return true
	}
	return false // refused again, or an answer that says nothing about the copy
}

func (a *apparatus) tell(began time.Time, most time.Duration) {
	passed := time.Since(began)
	a.mu.Lock()
	a.progress = &lab.Progress{
		Label: "The attacker is trying", Share: min(float64(passed)/float64(most), 1), Left: max(most-passed, 0), Cancel: "stop",
	}
	a.mu.Unlock()
	a.bench.Changed()
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// take stores and logs the findings of a result.
func (a *apparatus) take(r result) {
	a.mu.Lock()
	a.results[r.way.name] = r
	a.mu.Unlock()
	refused := 0
	for _, t := range r.branches {
		if t.refused >= 0 {
			refused++
		}
	}
	name, label := r.way.name, r.way.label
	exposure := lab.Finding{Label: label + ": exposure", Text: lasted(r.exposure), Value: r.exposure.Seconds(), Unit: "s"}
	if !r.over {
		exposure.Text = lasted(r.exposure) + " and no end yet"
		a.bench.Find("left-"+name, lab.Finding{Label: label + ": the copy is good for another", Text: lasted(r.left), Value: r.left.Seconds(), Unit: "s"})
		a.bench.Log(lab.Bad, "%s: after %s the copy still opens the door. It will for another %s.", label, lasted(r.exposure), lasted(r.left))
	} else {
		a.bench.Log(lab.Good, "%s: every branch refuses the copy, %s after you pressed sign out.", label, lasted(r.exposure))
	}
	a.bench.Find("accepted-after-sign-out-"+name, lab.Finding{
		Label: label + ": accepted after the sign-out was answered", Text: fmt.Sprintf("%d of %d", r.accepted, r.replays), Value: float64(r.accepted),
	})
	a.bench.Find("refused-after-sign-out-"+name, lab.Finding{
		Label: label + ": branches that refuse", Text: fmt.Sprintf("%d of %d", refused, len(r.branches)), Value: float64(refused),
	})
	a.bench.Find("exposure-"+name, exposure)
}

// expiry returns the expiry time of a card; the current time for any other token.
func expiry(raw string) time.Time {
	var claims struct {
		Exp int64 `json:"exp"`
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return time.Now()
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return time.Now()
	}
	return time.Unix(claims.Exp, 0)
}

// lasted formats a duration.
func lasted(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}
