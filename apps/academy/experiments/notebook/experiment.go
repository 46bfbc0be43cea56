package notebook

import (
	"gatehouse.example/apps/academy/experiments/counter"
	"gatehouse.example/apps/academy/lab"
)

// Experiment returns the experiment's description.
func Experiment() lab.Experiment {
	return lab.Experiment{
		Name:  "notebook-in-the-branch",
		Title: "The notebook in the branch",
		Lead:  "Sessions in the memory of each server, and a balancer that takes turns: who knows you?",
		Real: `The branches are real HTTP servers behind the real load balancer of this estate, and your browser here is a real HTTP client
with cookies of its own. The sessions are a map in the memory of each branch, with random ids and an HttpOnly cookie, as many
frameworks do it by default. The branches share one process, so killing one closes its door and its connections rather than a process.`,
		Params: []lab.Param{counter.Branches},
		Controls: append(counter.Controls(), lab.Control{
			Name: signInAgain, Label: "Sign in again", Icon: "log-in", Group: counter.GroupYou, Hint: "As you do when a page says that you are signed out.",
			Fields: []lab.Param{{Name: "times", Label: "Then ask", Type: lab.Int, Default: "0", Min: 0, Max: 40, Unit: "times"}},
		}),
		Steps: steps(),
		Path:  counter.Path,
		Open:  open,
	}
}

func steps() []lab.Step {
	return []lab.Step{
		{
			ID: "sign-in", Title: "Sign in",
			Do:      "Sign in at the bank. The balancer hands your form to one branch. It writes you into its notebook, which is its own memory, and gives your browser a cookie with the number of the entry.",
			Control: counter.SignIn,
			Result:  "{{signed-in-at}} signed you in.",
			Why:     "Your browser can't choose a branch, and does not know that there are several: it knows only the bank's address.",
			Seen:    func(f lab.Findings) bool { return f.Has("signed-in-at") },
		},
		{
			ID: "ask", Title: "Who are you?",
			Do: "Ask the bank who you are, nine times. Your browser sends the same cookie each time.",
			Expect: &lab.Expect{
				Question: "With three branches: how often does the bank know you?",
				Options:  []string{"All nine times", "About three times", "Not once"},
				Right:    1,
			},
			Control: counter.Ask, Args: lab.Args{"times": "9"},
			Result: "You were recognised {{recognised}} times. {{lost-sessions}} times a branch did not know you.",
			Why:    "The balancer takes turns. The cookie names an entry in one notebook, and the other branches have other notebooks. Every part works as designed, and still you look signed out most of the time.",
			Seen:   func(f lab.Findings) bool { return f.Value("lost-sessions") > 0 && f.Value("recognised") > 0 },
		},
		{
			ID: "grow", Title: "Business is good: open more branches",
			Do: "Open three more branches and ask twelve times.",
			Expect: &lab.Expect{
				Question: "Does it become better or worse for you?",
				Options:  []string{"Better: there are more branches to serve me", "Worse: there are more branches that don't know me", "It stays the same"},
				Right:    1,
			},
			// Once, because the setup of a resumed run has these branches already.
			Control: counter.Add, Args: lab.Args{"count": "3", "times": "12"}, Once: true,
			Result: "With more branches you were recognised {{recognised-with-more}} times.",
			Why:    "Each new branch is one more that doesn't know you. Adding branches for more load makes this fault more frequent.",
			Seen:   func(f lab.Findings) bool { return f.Value("lost-with-more") > 0 },
		},
		{
			ID: "again", Title: "Do what everybody does: sign in again",
			Do: "You look signed out, so you sign in again. Then ask twelve times.",
			Expect: &lab.Expect{
				Question: "Does signing in again help?",
				Options:  []string{"Yes, now two branches know me", "No: one branch knows me, now another one"},
				Right:    1,
			},
			Control: signInAgain, Args: lab.Args{"times": "12"},
			Result: "{{signed-in-again-at}} signed you in this time. You were recognised {{recognised-again}} times, and {{in-memory}} lie in the branches' memories.",
			Why:    "Your browser has room for one cookie of the bank. The new one replaced the old one, and the first session stays in a branch's memory, where it will never be used again.",
			Seen:   func(f lab.Findings) bool { return f.Value("lost-again") > 0 && f.Value("in-memory") > 1 },
		},
		{
			ID: "restart", Title: "An update",
			Do: "All branches get a new version: each is restarted, one after the other. There is always another branch running, so customers shouldn't notice. Then ask twelve times.",
			Expect: &lab.Expect{
				Question: "Who knows you afterwards?",
				Options:  []string{"One branch, as before", "All of them", "None of them"},
				Right:    2,
			},
			Control: counter.RestartAll, Args: lab.Args{"times": "12"},
			Result: "After the update you were recognised {{recognised-after-restart}} times.",
			Why:    "What lies in a process's memory ends with the process. So even with a single branch, each update signs everybody out.",
			Seen: func(f lab.Findings) bool {
				return f.Has("recognised-after-restart") && f.Value("lost-after-restart") > 0
			},
		},
	}
}
