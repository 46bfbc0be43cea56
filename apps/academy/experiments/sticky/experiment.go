package sticky

import (
	"gatehouse.example/apps/academy/experiments/counter"
	"gatehouse.example/apps/academy/lab"
)

// Names of the controls of this experiment only.
const (
	choosePolicy = "policy"
	balance      = "balance"
	update       = "update"
)

// policies are the load-balancing policies.
var policies = []lab.Option{
	{Value: roundRobin, Label: "Round robin: in turn"},
	{Value: sticking, Label: "Sticky: where you were before"},
	{Value: leastBusy, Label: "Least busy: who has the least to do"},
}

const (
	roundRobin = "round-robin"
	sticking   = "sticky"
	leastBusy  = "least-busy"
)

// Experiment returns the experiment's description.
func Experiment() lab.Experiment {
	policy := lab.Param{Name: choosePolicy, Label: "The balancer chooses", Type: lab.Choice, Default: roundRobin, Options: policies}
	return lab.Experiment{
		Name:  "sticky-sessions",
		Title: "Sticky sessions",
		Lead:  "The balancer remembers who belongs where. It seems to work: see what happens when a branch dies, and to the balance of load.",
		Real: `Stickiness is a policy of the real load balancer of this estate: a cookie of its own, which it sets and reads on real requests.
The customers are real HTTP clients with cookies of their own; how often each of them asks is made up, some much and most little, as it is in life.
The branches share one process, so killing one closes its door and its connections rather than a process.`,
		Params: []lab.Param{counter.Branches, policy},
		Controls: append(counter.Controls(),
			lab.Control{Name: choosePolicy, Label: "Choose so", Icon: "split", Group: counter.GroupBalancer, Fields: []lab.Param{policy}},
			lab.Control{Name: balance, Label: "Compare the balance", Icon: "scale", Group: counter.GroupBalancer, Hint: "60 customers come, first in turn and then sticky. Branches that are down are started before."},
			lab.Control{Name: update, Label: "Update with 60 customers", Icon: "refresh-cw", Group: counter.GroupBranches, Hint: "60 customers sign in, all branches are restarted one by one, and each customer asks again."},
		),
		Steps: steps(),
		Path:  counter.Path,
		Open:  open,
	}
}

func steps() []lab.Step {
	return []lab.Step{
		{
			ID: "stick", Title: "Turn stickiness on",
			Do:      "Sessions still lie in the memory of each branch. Now tell the balancer to be sticky: it gives each browser a cookie of its own, which names a branch, and sends the browser there from then on.",
			Control: choosePolicy, Args: lab.Args{"policy": sticking}, Button: "Be sticky",
			Result: "The balancer is {{policy}} now.",
			Why:    "It is one line of configuration, and nothing in the program has to change. That is why it is so popular.",
			Seen:   func(f lab.Findings) bool { return f["policy"].Text == sticking },
		},
		{
			ID: "sign-in", Title: "Sign in",
			Do:      "Sign in at the bank and look at the cookies of your browser.",
			Control: counter.SignIn,
			Result:  "{{signed-in-at}} signed you in. Your browser has {{cookies}} now: one names your session, the other one your branch.",
			Why:     "The branch set the first cookie, the balancer the second one. The branch does not know that there is a balancer.",
			Seen:    func(f lab.Findings) bool { return f.Value("cookies") >= 2 },
		},
		{
			ID: "ask", Title: "Who are you?",
			Do: "Ask ten times.",
			Expect: &lab.Expect{
				Question: "With three branches: how often are you recognised?",
				Options:  []string{"About three times", "All ten times"},
				Right:    1,
			},
			Control: counter.Ask, Args: lab.Args{"times": "10"},
			Result: "You were recognised {{recognised-before-kill}} times.",
			Why:    "Each request went to the branch that has your session. It seems to work.",
			Seen: func(f lab.Findings) bool {
				return f.Value("recognised-before-kill") > 0 && f.Value("recognised-before-kill") == f.Value("asked-before-kill")
			},
		},
		{
			ID: "kill", Title: "Kill your branch",
			Do: "Kill the branch that you are on, as a fault of its machine would, and ask five times.",
			Expect: &lab.Expect{
				Question: "What does the bank say?",
				Options: []string{
					"I am still signed in: the balancer sends me to another branch",
					"Another branch answers, and does not know me",
					"Nothing: my branch is down, so I get an error",
				},
				Right: 1,
			},
			Control: counter.KillMine, Args: lab.Args{"times": "5"},
			Result: "{{killed}} is gone. {{lost-after-kill}} times you were not recognised.",
			Why:    "The balancer did what it must: it noticed that the branch was down, and sent you to a running one. But your session was in the memory of the dead one. Both cookies are still in your browser, and the first one names an entry that is nowhere any more.",
			Seen:   func(f lab.Findings) bool { return f.Value("lost-after-kill") > 0 },
		},
		{
			ID: "balance", Title: "What it does to the balance",
			Do: "60 customers come, and a few of them ask much more than the others. They come once with branches in turn, and once sticky. The dead branch is started again first.",
			Expect: &lab.Expect{
				Question: "With three branches a fair share is a third. How much does the busiest branch get when the balancer is sticky?",
				Options:  []string{"A third, as in turn", "Clearly more than a third"},
				Right:    1,
			},
			Control: balance,
			Result:  "In turn, the busiest branch got {{share-of-busiest-in-turn}} of the requests. Sticky, it got {{share-of-busiest}}.",
			Why:     "A sticky balancer spreads browsers when they arrive, and not their work. Whoever has the busy customers keeps them, and a new branch gets only those who come later.",
			Seen: func(f lab.Findings) bool {
				return f.Has("share-of-busiest") && f.Value("share-of-busiest") > f.Value("share-of-busiest-in-turn")
			},
		},
		{
			ID: "update", Title: "And on the day of an update",
			Do: "60 customers sign in. Then all branches get a new version and are restarted, one after the other, in perfect order. Nothing crashes. Each customer asks once before and once after.",
			Expect: &lab.Expect{
				Question: "How many of the 60 are signed out?",
				Options:  []string{"None: there was always a branch to ask", "A third of them", "All 60"},
				Right:    2,
			},
			Control: update,
			Result:  "Before the update {{signed-in-before-update}} were signed in. After it, {{signed-out-by-update}} were signed out.",
			Why:     "Every restart empties a memory. Stickiness hides the fault on ordinary days and shows it to everybody at once on the day when you wanted to be careful. It is a fine optimisation, for a warm cache, say. It is no home for a session.",
			Seen:    func(f lab.Findings) bool { return f.Value("signed-out-by-update") > 0 },
		},
	}
}
