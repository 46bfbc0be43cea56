package counter

import (
	"context"
	"sync"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
)

// Counter is a bank with a learner as its customer.
type Counter struct {
	*bank.Bank
	Bench *lab.Bench
	Tally Tally // of the answers to Ask

	mu   sync.Mutex
	home string // the branch that signed the learner in
}

// New opens the bank. Unset options come from the setup.
func New(ctx context.Context, b *lab.Bench, o bank.Options) (*Counter, error) {
	o.Bench = b
	if o.Branches == 0 {
		o.Branches = b.Setup().Int(Branches.Name)
	}
	opened, err := bank.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	return &Counter{Bank: opened, Bench: b}, nil
}

// Home returns the ID of the branch that signed the learner in last; "" for none.
func (c *Counter) Home() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.home
}

// SignIn signs the learner in. The result names the branch that did it.
func (c *Counter) SignIn(ctx context.Context, name string) lab.Request {
	r := c.Bank.SignIn(ctx, bank.You, name)
	if r.Outcome == lab.Recognised {
		c.mu.Lock()
		c.home = r.To
		c.mu.Unlock()
	}
	return r
}

// Ask sends GET /account the given number of times and counts the answers.
func (c *Counter) Ask(ctx context.Context, times int) Count {
	var round Count
	for range times {
		if ctx.Err() != nil {
			break
		}
		r := c.Bank.Ask(ctx, bank.You)
		round.Add(r)
		c.Tally.Add(r)
	}
	return round
}

// Do runs one of Controls, then asks as often as its field says, and returns the counted answers. It returns
// ErrNoControl for any other control.
func (c *Counter) Do(ctx context.Context, control string, args lab.Args) (Count, error) {
	err := c.change(ctx, control, args)
	c.Bench.SetInt(Branches.Name, max(len(c.Branches()), Branches.Min)) // also after a partial change
	if err != nil {
		return Count{}, err
	}
	return c.Ask(ctx, args.Int("times")), nil
}

func (c *Counter) change(ctx context.Context, control string, args lab.Args) error {
	switch control {
	case SignIn:
		if r := c.SignIn(ctx, args["name"]); r.Outcome != lab.Recognised {
			return lab.Refusal(r.Text)
		}
	case Ask: // Do asks afterwards, as for every control
	case SignOut:
		c.Bank.SignOut(ctx, bank.You)
	case Add:
		for range args.Int("count") {
			if _, err := c.AddBranch(ctx); err != nil {
				return err
			}
		}
	case KillMine:
		return c.KillMine(ctx)
	case RestartAll:
		c.Bench.Log(lab.Acted, "All branches are restarted, one after the other, as an update would.")
		return c.RestartAll(ctx)
	case Kill:
		return c.Kill(ctx, args["server"])
	case Restart:
		return c.Restart(ctx, args["server"])
	case Remove:
		return c.RemoveBranch(ctx, args["server"])
	default:
		return ErrNoControl
	}
	return nil
}

// ErrNoControl means that a control is not one of Controls.
const ErrNoControl = lab.Refusal("This experiment has no such control.")

// KillMine kills the branch that signed the learner in. It returns a Refusal if there is none or if it is down.
func (c *Counter) KillMine(ctx context.Context) error {
	home := c.Home()
	if home == "" {
		return lab.Refusal("You are not signed in yet: no branch is yours.")
	}
	return c.Kill(ctx, home)
}

// View fills in the picture, the cookies, and the branches' answers. cookies maps cookie names to labels.
func (c *Counter) View(v *lab.View, cookies map[string]string) {
	v.Picture = c.Picture()
	branches := c.Branches()
	v.Facts = Cookies(c.Browser(bank.You), cookies)
	if br, ok := c.Branch(c.Home()); ok {
		v.Facts = append(v.Facts, lab.Fact{Label: "Signed in by", Value: br.Label})
	}
	total := c.Tally.Total()
	if total.Asked > 0 {
		knew := total.Of(total.Recognised, "")
		f := lab.Fact{Label: "Recognised", Value: knew.Text, Tone: lab.Good}
		if total.Recognised < total.Asked {
			f.Tone = lab.Bad
		}
		v.Facts = append(v.Facts, f)
		v.Charts = append(v.Charts, c.Tally.Chart(branches))
		v.Tables = append(v.Tables, c.Tally.Table(branches))
	}
	v.Controls = map[string]lab.Adjusts{}
	if name := c.Bench.Person; name != "" {
		v.Controls[SignIn] = lab.Adjusts{Values: map[string]string{"name": name}}
	}
	if br, ok := c.Branch(c.Home()); !ok || br.State != lab.Up {
		v.Controls[KillMine] = lab.Adjusts{Disabled: "Sign in first: no branch that runs is yours."}
	}
	if len(branches) >= bank.MaxBranches {
		v.Controls[Add] = lab.Adjusts{Disabled: "The bank has as many branches as there is room for."}
	}
}
