package shared

import (
	"gatehouse.example/apps/academy/experiments/counter"
	"gatehouse.example/apps/academy/lab"
)

// Names of the controls of this experiment only.
const (
	stopRedis  = "stop-redis"
	startRedis = "start-redis"
)

// Experiment returns the experiment's description.
func Experiment() lab.Experiment {
	then := lab.Param{Name: "times", Label: "Then ask", Type: lab.Int, Default: "0", Min: 0, Max: 40, Unit: "times"}
	return lab.Experiment{
		Name:  "shared-notebook",
		Title: "The shared notebook",
		Lead:  "Sessions in Redis, where every branch finds them: kill, add and restart branches and stay signed in. Then stop Redis.",
		Real: `The branches keep their sessions with the same package that the Shop and the Forum use (` + "`sso/session`" + `: gorilla/sessions over Redis).
The Redis is a server of this experiment's own, on a port of its own, in the same process (miniredis, as in an estate that is started without a Redis).
When it is stopped, its door and all connections are closed, and what it holds is kept, as with a Redis that writes to a disk.
The branches share one process, so killing one closes its door and its connections rather than a process.`,
		Params: []lab.Param{counter.Branches},
		Controls: append(counter.Controls(),
			lab.Control{Name: stopRedis, Label: "Stop Redis", Icon: "power-off", Group: counter.GroupRedis, Danger: true, Fields: []lab.Param{then}},
			lab.Control{Name: startRedis, Label: "Start Redis", Icon: "power", Group: counter.GroupRedis, Fields: []lab.Param{then}},
		),
		Steps: steps(),
		Path:  counter.Path,
		Open:  open,
	}
}

// all reports whether every answer counted in "asked-"+name also counts in name.
func all(f lab.Findings, name string) bool {
	return f.Value(name) > 0 && f.Value(name) == f.Value("asked-"+name)
}

func steps() []lab.Step {
	return []lab.Step{
		{
			ID: "sign-in", Title: "Sign in",
			Do:      "Sign in at the bank. The branch that gets your form does not write you into its own memory but into Redis, where all branches can read. Your browser gets the number of the entry, as before.",
			Control: counter.SignIn,
			Result:  "{{signed-in-at}} signed you in.",
			Why:     "Nothing about you stays in the branch.",
			Seen:    func(f lab.Findings) bool { return f.Has("signed-in-at") },
		},
		{
			ID: "ask", Title: "Who are you?",
			Do: "Ask nine times. The balancer takes the branches in turn, as in the experiment that failed.",
			Expect: &lab.Expect{
				Question: "With three branches: how often are you recognised?",
				Options:  []string{"About three times", "All nine times"},
				Right:    1,
			},
			Control: counter.Ask, Args: lab.Args{"times": "9"},
			Result: "You were recognised {{kept-by-any}} times.",
			Why:    "Each branch takes the number out of your cookie and looks it up in the same notebook. That lookup is the price: one round trip to Redis for each request.",
			Seen:   func(f lab.Findings) bool { return all(f, "kept-by-any") },
		},
		{
			ID: "kill", Title: "Kill the branch that signed you in",
			Do: "Kill it and ask six times.",
			Expect: &lab.Expect{
				Question: "Sticky sessions lost you here. And now?",
				Options:  []string{"Signed out", "Still signed in"},
				Right:    1,
			},
			Control: counter.KillMine, Args: lab.Args{"times": "6"},
			Result: "You were recognised {{kept-after-kill}} times after the kill.",
			Why:    "Nothing about you was stored in that branch. The balancer noticed that it is down and used the others.",
			Seen:   func(f lab.Findings) bool { return all(f, "kept-after-kill") },
		},
		{
			ID: "add", Title: "Open five more branches",
			Do: "Open five branches that did not exist when you signed in, and ask sixteen times.",
			// Once, because the setup of a resumed run has these branches already.
			Control: counter.Add, Args: lab.Args{"count": "5", "times": "16"}, Button: "Open five and ask", Once: true,
			Result: "You were recognised {{kept-after-adding}} times.",
			Why:    "A new branch recognises everyone from its first request. This is what scaling out needs: any server can serve any request.",
			Seen:   func(f lab.Findings) bool { return all(f, "kept-after-adding") },
		},
		{
			ID: "restart", Title: "Restart all of them",
			Do: "An update: every branch is restarted, one after the other. Then ask sixteen times.",
			Expect: &lab.Expect{
				Question: "Not one branch is left as it was when you signed in. What does the bank say?",
				Options:  []string{"Signed out", "Still signed in"},
				Right:    1,
			},
			Control: counter.RestartAll, Args: lab.Args{"times": "16"},
			Result: "You were recognised {{kept-after-restart}} times.",
			Why:    "So you can deploy in the middle of the day, and an autoscaler may remove whichever server it likes.",
			Seen:   func(f lab.Findings) bool { return all(f, "kept-after-restart") },
		},
		{
			ID: "stop-redis", Title: "Take the notebook away",
			Do: "Now stop Redis itself, and ask six times.",
			Expect: &lab.Expect{
				Question: "What should a branch answer when it can't look you up?",
				Options: []string{
					"401: you are signed out, please sign in",
					"503: I can't know right now, try again in a moment",
					"200: I believe your cookie",
				},
				Right: 1,
			},
			Control: stopRedis, Args: lab.Args{"times": "6"},
			Result: "{{refused-while-redis-away}} times the branch answered 503 with Retry-After. Your cookie: {{cookie-while-redis-away}}.",
			Why:    "This is the price of a single notebook: when it's unavailable, no signed-in request works. A branch must not guess. If it answered “signed out” and deleted the cookie, a short outage of Redis would sign everyone out, and they would all sign in again at once.",
			Seen: func(f lab.Findings) bool {
				return all(f, "refused-while-redis-away") && f.Value("cookie-while-redis-away") == 1
			},
		},
		{
			ID: "start-redis", Title: "Bring it back",
			Do:      "Start Redis again and ask six times.",
			Control: startRedis, Args: lab.Args{"times": "6"}, Button: "Start Redis and ask",
			Result: "You were recognised {{kept-after-redis}} times, with the cookie that you had all along.",
			Why:    "No one had to sign in again. Run Redis so that it's rarely unavailable and loses nothing: with replicas that take over (Sentinel or Cluster), and with its data on disk.",
			Seen:   func(f lab.Findings) bool { return all(f, "kept-after-redis") },
		},
	}
}
