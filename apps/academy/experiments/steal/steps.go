package steal

import "gatehouse/apps/academy/lab"

// ended reports whether every branch refuses the copy.
func ended(f lab.Findings, name string) bool {
	return f.Value("stolen-"+name) > 0 && f.Value("refused-after-sign-out-"+name) == f.Value("stolen-"+name) && f.Has("exposure-"+name)
}

// steps returns the guided path.
func steps() []lab.Step {
	theft := func(name string, s lab.Step) lab.Step {
		s.Control, s.Args, s.Button, s.Once = "theft", lab.Args{kind.Name: name}, "Sign in, steal, sign out, replay", true
		return s
	}
	return []lab.Step{
		{
			ID: "steal", Title: "The copy",
			Do: "You sign in at the bank, and get a card that is good for an hour. Somebody copies it: from a log, a backup, a shared computer. Let the attacker try it at every branch.",
			Expect: &lab.Expect{Question: "Whom do the branches see?",
				Options: []string{"A stranger: it is another browser", "You"}, Right: 1},
			Control: "steal", Button: "Sign in, and let it be copied",
			Result: "**{{stolen-plain}}** branches took the attacker for you.",
			Why:    "A cookie or a bearer token is like cash: who has it can spend it. No branch can tell the copy from the original.",
			Seen:   func(f lab.Findings) bool { return f.Value("stolen-plain") > 0 },
		},
		{
			ID: "plain", Title: "Sign out: a plain JWT",
			Do: "You notice, and sign out. The attacker goes on trying at every branch.",
			Expect: &lab.Expect{Question: "How long does the copy still open the door?",
				Options: []string{"It is refused at once", "Until the attacker's browser is closed", "Until the card expires, whatever you do"}, Right: 2},
			Control: "sign-out", Button: "Sign out", Once: true,
			Result: "Measured: **{{exposure-plain}}**. {{accepted-after-sign-out-plain}} replays were accepted after you had signed out. The card is good for another **{{left-plain}}**.",
			Why: "Signing out took the card out of *your* browser; there is nothing else that it could do. The branches ask nobody, so nobody can tell them. " +
				"That is the price of a check without a lookup.",
			Seen: func(f lab.Findings) bool {
				return f.Value("accepted-after-sign-out-plain") > 0 && f.Has("refused-after-sign-out-plain") && f.Value("refused-after-sign-out-plain") == 0
			},
		},
		theft(short, lab.Step{
			ID: "short", Title: "A short life",
			Do: "The simplest cure: cards that live for a few seconds. (Elsewhere it is five minutes; nobody wants to wait for that here.)",
			Expect: &lab.Expect{Question: "What does signing out change now?",
				Options: []string{"The copy is refused at once", "Nothing; but the card dies soon by itself"}, Right: 1},
			Result: "Every branch refused after **{{exposure-short}}**. Until then, {{accepted-after-sign-out-short}} replays were accepted after you had signed out.",
			Why: "The exposure is what is left of the card's life, and you choose that. What it costs: each browser comes back for a new card all the time, to a server that has to be there, with a " +
				"refresh token that can be stolen, too. That one is looked up when it is used, so it can be revoked.",
			Seen: func(f lab.Findings) bool { return ended(f, short) && f.Value("accepted-after-sign-out-short") > 0 },
		}),
		theft(inRedis, lab.Step{
			ID: "redis", Title: "A session in Redis",
			Do: "Now the cookie is only a number, and who you are stands in Redis. Steal the cookie, sign out, replay it.",
			Expect: &lab.Expect{Question: "How many replays are accepted after the sign-out was answered?",
				Options: []string{"None", "A few, until the branches have heard of it", "All, for as long as a session lives"}, Right: 0},
			Result: "Every branch refused within **{{exposure-redis}}** after you pressed sign out. Accepted after the answer: **{{accepted-after-sign-out-redis}}**.",
			Why: "There is one place, and the session is struck out of it before the sign-out is answered. Every branch looks there for every request: that is why it is exact, and that is what it costs. " +
				"While Redis is away, nobody is recognised.",
			Seen: func(f lab.Findings) bool { return ended(f, inRedis) && f.Value("accepted-after-sign-out-redis") == 0 },
		}),
		theft(denylisted, lab.Step{
			ID: "denylist", Title: "A card, and a denylist",
			Do: "Last, what the estate runs: a card that is good for an hour, and a denylist that each branch keeps in its own memory. Signing out puts your sign-in on it.",
			Expect: &lab.Expect{Question: "How long does the copy open doors?",
				Options: []string{"An hour, like the first one", "Some seconds", "Some milliseconds"}, Right: 2},
			Result: "Every branch refused after **{{exposure-denylist}}**. {{accepted-after-sign-out-denylist}} replays slipped through after the answer; the card itself would have been good for an hour.",
			Why: "The sign-out travels to the branches, instead of each request to Redis. So a check still costs no lookup. The estate's own sign-out answers only when all replicas have confirmed it, so that none slips through. " +
				"What it costs: a connection for each branch, some memory, and a branch that has not heard from Redis for a second refuses rather than guess.",
			Seen: func(f lab.Findings) bool { return ended(f, denylisted) },
		}),
		{
			ID: "compare", Title: "Compare",
			Do:     "The four stand in the chart and in the table, in seconds that were measured. Which would you choose for the bank's website, and which for an app that reads the weather?",
			Result: "Plain JWT: {{exposure-plain}}, {{left-plain}} to go. Short life: {{exposure-short}}. Redis session: {{exposure-redis}}. Denylist: {{exposure-denylist}}.",
			Why: "Exposure is bought: with lookups, with renewals, or with a list that has to be kept in step. Where a stolen session costs little, a life of minutes will do. " +
				"Where it costs money, signing out has to mean out.",
			Button: "I have chosen",
		},
	}
}
