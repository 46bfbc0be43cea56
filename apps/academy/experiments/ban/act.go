package ban

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/sso/denylist"
)

// ban bans the learner and returns when the receipt is complete and every server has been asked.
func (a *apparatus) ban(ctx context.Context) error {
	servers := a.estate.all()
	if len(servers) == 0 {
		return lab.Refusal("There are no servers.")
	}
	if a.traffic.you.Load().banned() {
		if err := a.lift(ctx); err != nil {
			return err
		}
	}
	v := a.traffic.you.Load()
	before := a.sweep(ctx, servers, http.StatusOK)
	a.find("let-in-before", "Servers that let you in before the ban", float64(before), "", of(before, len(servers)))
	byName := make(map[string]*server, len(servers))
	for _, s := range servers {
		byName[s.id] = s
		s.setTook(-1)
	}
	now := time.Now()
	v.began.Store(&now)
	w, err := a.estate.log.Write(ctx, denylist.Entry{
		Kind: denylist.Subject, Value: you, Before: now.Truncate(time.Second).Add(time.Second), Until: now.Add(life),
		Reason: denylist.Banned, Note: "an experiment", By: you, Client: "bank", At: now,
	})
	if err != nil {
		a.bench.Logger.Warn("cannot write the experiment's ban", "error", err)
		return lab.Refusal("Redis didn't respond in time because this machine is too busy. Please try again.")
	}
	receipt := a.estate.log.Await(ctx, w, longest(servers), func(c denylist.Confirmation) {
		if s := byName[c.Replica]; s != nil {
			s.setTook(c.Took)
		}
	})
	done := time.Now()
	v.done.Store(&done)
	a.mu.Lock()
	a.last = &outcome{receipt: receipt, servers: len(servers)}
	a.mu.Unlock()
	a.bench.Changed()
	refused := a.sweep(ctx, servers, http.StatusUnauthorized)
	a.tell(receipt, done.Sub(now), refused, len(servers))
	return nil
}

// longest returns the largest bound of the servers.
func longest(servers []*server) (d time.Duration) {
	for _, s := range servers {
		d = max(d, s.bound)
	}
	return d
}

// sweep sends a request with the learner's card and one with the other user's to every server, and returns how many
// answered the learner with status. The first few requests are shown in the picture.
func (a *apparatus) sweep(ctx context.Context, servers []*server, status int) int {
	var n, shown atomic.Int64
	everywhere(servers, func(s *server) {
		began := time.Now()
		got := a.traffic.askYou(ctx, s)
		took := time.Since(began)
		if got == status {
			n.Add(1)
		}
		if shown.Add(1) <= 6 {
			a.show(s, got, took)
		}
		a.traffic.askThem(ctx, s)
	})
	a.counts()
	return int(n.Load())
}

// show reports a request with the learner's card to the bench, which shows it in the picture.
func (a *apparatus) show(s *server, status int, took time.Duration) {
	r := lab.Request{From: you, To: s.id, Method: http.MethodGet, Path: "/account", Status: status, Took: took}
	switch status {
	case http.StatusOK:
		r.Outcome, r.Who, r.Text = lab.Recognised, you, fmt.Sprintf("Server %d accepts your card.", s.number)
	case http.StatusUnauthorized:
		r.Outcome, r.Text = lab.Refused, fmt.Sprintf("Server %d refuses: the card is valid, but you're banned.", s.number)
	case http.StatusServiceUnavailable:
		r.Outcome, r.Text = lab.Refused, fmt.Sprintf("Server %d doesn't guess: it can't reach Redis, so it answers 503.", s.number)
	default:
		r.Outcome, r.Text = lab.Lost, fmt.Sprintf("Server %d didn't respond.", s.number)
	}
	a.bench.Request(r)
}

// tell stores and logs the findings of a ban.
func (a *apparatus) tell(r denylist.Confirmations, whole time.Duration, refused, all int) {
	took := confirmedTimes(r)
	confirmed, slowest, median := len(took), r.Slowest(), time.Duration(0)
	if confirmed > 0 {
		median = took[confirmed/2]
	}
	names := []string{""}
	if all <= few {
		names = append(names, "few-") // kept, to compare with those of many servers
	}
	for _, prefix := range names {
		a.find(prefix+"confirmed", "Servers that confirmed the ban", float64(confirmed), "", of(confirmed, all))
		a.find(prefix+"slowest-ms", "The slowest server", ms(slowest), "ms", millis(slowest))
		a.find(prefix+"median-ms", "The median server", ms(median), "ms", millis(median))
		a.find(prefix+"whole-ms", "The whole ban, until the receipt was complete", ms(whole), "ms", millis(whole))
		a.find(prefix+"refused", "Servers that refused you right afterwards", float64(refused), "", of(refused, all))
	}
	missing := r.Missing()
	a.find("missing", "Servers that the receipt names as missing", float64(len(missing)), "", namesOf(missing))
	a.bench.Log(lab.Good, "Banned: %s servers confirmed it, the median after %s, the slowest after %s. The receipt was complete after %s.", of(confirmed, all), millis(median), millis(slowest), millis(whole))
	if len(missing) > 0 {
		refusing := 0
		for _, m := range missing {
			if m.Refusing {
				refusing++
			}
		}
		a.bench.Log(lab.Bad, "The receipt lists the servers that didn't confirm: %s. %d of them were already refusing all requests, and by now the others do, too.", namesOf(missing), refusing)
	}
}

// confirmedTimes returns the sorted confirmation times of the servers that confirmed.
func confirmedTimes(r denylist.Confirmations) (took []time.Duration) {
	for _, c := range r.All {
		if c.Confirmed {
			took = append(took, c.Took)
		}
	}
	slices.Sort(took)
	return took
}

// named is the maximum number of servers that a message names.
const named = 12

func namesOf(missing []denylist.Confirmation) string {
	if len(missing) == 0 {
		return "none"
	}
	var names []string
	for _, m := range missing[:min(len(missing), named)] {
		names = append(names, m.Replica)
	}
	if more := len(missing) - named; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// lift signs the learner in again after the ban's second has passed, since a ban covers sign-ins up to a whole
// second. It returns a Refusal if there is no ban.
func (a *apparatus) lift(ctx context.Context) error {
	v := a.traffic.you.Load()
	began := v.began.Load()
	if began == nil {
		return lab.Refusal("You aren't banned.")
	}
	if err := until(ctx, func() bool { return time.Now().Unix() > began.Unix() }); err != nil {
		return err
	}
	if err := a.traffic.signIn(); err != nil {
		return err
	}
	servers := a.estate.all()
	for _, s := range servers {
		s.setTook(-1)
	}
	a.mu.Lock()
	a.last = nil
	a.mu.Unlock()
	in := a.sweep(ctx, servers, http.StatusOK)
	a.find("let-in-again", "Servers that accept you after the ban was lifted", float64(in), "", of(in, len(servers)))
	a.bench.Log(lab.Note, "The ban is lifted, and you signed in again: %s servers accept the new card. The old card stays denied.", of(in, len(servers)))
	return nil
}

// settling is the timeout for servers to notice that they are cut off, or to catch up.
const settling = 12 * time.Second

const cutLabel = "Servers that are cut off"

// cut cuts n more servers off from Redis and returns when they refuse requests.
func (a *apparatus) cut(ctx context.Context, n int) error {
	var reached []*server
	for _, s := range a.estate.all() {
		if !s.isCut() {
			reached = append(reached, s)
		}
	}
	if n > len(reached) {
		return lab.Refusal(fmt.Sprintf("Only %d servers are not cut off already.", len(reached)))
	}
	rand.Shuffle(len(reached), func(i, j int) { reached[i], reached[j] = reached[j], reached[i] })
	chosen := reached[:n]
	now := time.Now()
	for _, s := range chosen {
		s.link.set(true)
		s.mu.Lock()
		s.cutAt, s.healing = time.Now(), false
		s.mu.Unlock()
	}
	a.bench.Log(lab.Bad, "%d servers are cut off from Redis: their connections are closed, and new ones refused. Browsers still reach them.", n)
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	_ = a.await(ctx, chosen, func(s *server) bool { return a.traffic.askThem(ctx, s) == http.StatusServiceUnavailable })
	took := time.Since(now)
	a.find("bound", "How long a server works without Redis before it refuses", ms(longest(chosen)), "ms", longest(chosen).String())
	refusing, all := 0, 0
	for _, s := range a.estate.all() {
		if !s.isCut() {
			continue
		}
		all++
		if a.traffic.askThem(ctx, s) == http.StatusServiceUnavailable {
			refusing++
		}
	}
	a.counts()
	a.find("cut", cutLabel, float64(all), "", number(all))
	a.find("refused-not-guessed", "Servers without Redis that answer 503 to a valid card", float64(refusing), "", of(refusing, all))
	a.find("refused-within-ms", "Until the last of them refused", ms(took), "ms", millis(took))
	a.bench.Log(lab.Note, "%s of the servers that are cut off answer 503 to a user who isn't banned, because they can't know. The last one did %s after it was cut off.", of(refusing, all), millis(took))
	return nil
}

// await calls is for each server, repeatedly, until it has returned true for all of them or ctx ends.
func (a *apparatus) await(ctx context.Context, some []*server, is func(s *server) bool) error {
	left := slices.Clone(some)
	for len(left) > 0 {
		answers := make(map[*server]*atomic.Bool, len(left))
		for _, s := range left {
			answers[s] = &atomic.Bool{}
		}
		everywhere(left, func(s *server) { answers[s].Store(is(s)) })
		left = slices.DeleteFunc(left, func(s *server) bool { return answers[s].Load() })
		if len(left) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// heal reconnects all servers to Redis and returns when they have caught up.
func (a *apparatus) heal(ctx context.Context) error {
	var back []*server
	for _, s := range a.estate.all() {
		if s.isCut() {
			back = append(back, s)
		}
	}
	if len(back) == 0 {
		return lab.Refusal("No server is cut off.")
	}
	a.find("cut", cutLabel, float64(len(back)), "", number(len(back))) // some may have been closed or have recovered
	now := time.Now()
	for _, s := range back {
		s.mu.Lock()
		s.healing = true
		s.mu.Unlock()
		s.link.set(false)
	}
	want := http.StatusOK
	if a.traffic.you.Load().banned() {
		want = http.StatusUnauthorized
	}
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	var caught atomic.Int64
	_ = a.await(ctx, back, func(s *server) bool {
		if a.traffic.askThem(ctx, s) != http.StatusOK || a.traffic.askYou(ctx, s) != want {
			return false
		}
		caught.Add(1)
		s.mu.Lock()
		s.cutAt, s.healing = time.Time{}, false
		s.mu.Unlock()
		return true
	})
	took, n := time.Since(now), int(caught.Load())
	a.counts()
	a.find("caught-up", "Servers that came back and are up to date", float64(n), "", of(n, len(back)))
	a.find("caught-up-ms", "Until the last of them was", ms(took), "ms", millis(took))
	verdict := "accept you"
	if want == http.StatusUnauthorized {
		verdict = "refuse you"
	}
	a.bench.Log(lab.Good, "%s servers are back. They read what they had missed from the log, %s, and accept the other user: all within %s.", of(n, len(back)), verdict, millis(took))
	return nil
}

func (s *server) setTook(d time.Duration) {
	s.mu.Lock()
	s.took = d
	s.mu.Unlock()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func millis(d time.Duration) string { return strconv.FormatFloat(ms(d), 'f', 0, 64) + " ms" }

func of(n, all int) string { return fmt.Sprintf("%d of %d", n, all) }

// number formats n with thousands separators: 5,000.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
