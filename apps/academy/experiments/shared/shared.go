package shared

import (
	"context"
	"sync"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/experiments/counter"
	"gatehouse.example/apps/academy/lab"
)

type apparatus struct {
	*counter.Counter
	bench *lab.Bench

	mu     sync.Mutex
	name   string // of the finding that the next answers count for
	found  counter.Count
	cookie string // at the last sign-in
}

func open(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
	c, err := counter.New(ctx, b, bank.Options{Kind: bank.Redis})
	if err != nil {
		return nil, err
	}
	return &apparatus{Counter: c, bench: b, name: "kept-by-any"}, nil
}

// Findings by the last control, and the labels of the findings.
var (
	after = map[string]string{
		counter.SignIn: "kept-by-any", counter.KillMine: "kept-after-kill", counter.Kill: "kept-after-kill", counter.Add: "kept-after-adding",
		counter.RestartAll: "kept-after-restart", stopRedis: away, startRedis: "kept-after-redis",
	}
	labels = map[string]string{
		"kept-by-any": "Recognised by any branch", "kept-after-kill": "Recognised after a branch was killed",
		"kept-after-adding": "Recognised with more branches", "kept-after-restart": "Recognised after all were restarted",
		away: "Answered 503 without Redis", "kept-after-redis": "Recognised with Redis back",
	}
)

const away = "refused-while-redis-away"

// Do implements lab.Apparatus.
func (a *apparatus) Do(ctx context.Context, control string, args lab.Args) error {
	var round counter.Count
	var err error
	switch control {
	case stopRedis:
		if err = a.StopRedis(ctx); err == nil {
			round = a.Ask(ctx, args.Int("times"))
		}
	case startRedis:
		if err = a.StartRedis(ctx); err == nil {
			round = a.Ask(ctx, args.Int("times"))
		}
	default:
		round, err = a.Counter.Do(ctx, control, args)
	}
	if err != nil {
		return err
	}
	if control == counter.SignIn {
		a.signedIn()
	}
	a.take(control, round)
	return nil
}

func (a *apparatus) signedIn() {
	a.mu.Lock()
	a.cookie = a.Browser(bank.You).Token()
	a.mu.Unlock()
	br, _ := a.Branch(a.Home())
	a.bench.Find("signed-in-at", lab.Finding{Label: "Signed in by", Text: br.Label, Value: 1})
}

// take adds answers to the finding of the last control.
func (a *apparatus) take(control string, round counter.Count) {
	a.mu.Lock()
	if name := after[control]; name != "" && (a.RedisUp() || name == away) {
		a.name, a.found = name, counter.Count{}
	}
	a.found = a.found.Plus(round)
	name, c, cookie := a.name, a.found, a.cookie
	a.mu.Unlock()
	if c.Asked == 0 || cookie == "" {
		return
	}
	n := c.Recognised
	if name == away {
		n = c.Refused
		kept := lab.Finding{Label: "Cookie without Redis", Text: "gone"}
		if a.Browser(bank.You).Token() == cookie {
			kept.Text, kept.Value = "still the same", 1
		}
		a.bench.Find("cookie-while-redis-away", kept)
	}
	a.bench.Find("asked-"+name, c.All("Asked, for: "+labels[name]))
	a.bench.Find(name, c.Of(n, labels[name]))
}

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	a.Counter.View(v, map[string]string{bank.CookieName: "Cookie: entry of the notebook"})
	if a.RedisUp() {
		v.Controls[startRedis] = lab.Adjusts{Disabled: "Redis runs already."}
	} else {
		v.Controls[stopRedis] = lab.Adjusts{Disabled: "Redis is stopped already."}
	}
}
