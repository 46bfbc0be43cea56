package steal

import "gatehouse.example/apps/academy/lab"

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
			Do: "You sign in at the bank and get a card that is valid for an hour. An attacker copies it, from a log, a backup or a shared computer. Let the attacker try it at every branch.",
			Expect: &lab.Expect{Question: "Who do the branches think it is?",
				Options: []string{"A stranger: it's a different browser", "You"}, Right: 1},
			Control: "steal", Button: "Sign in and copy the card",
			Result: "**{{stolen-plain}}** branches accepted the attacker as you.",
			Why:    "A cookie or a bearer token is like cash: anyone who has it can use it. No branch can tell the copy from the original.",
			Seen:   func(f lab.Findings) bool { return f.Value("stolen-plain") > 0 },
		},
		{
			ID: "plain", Title: "Sign out: a plain JWT",
			Do: "You notice and sign out. The attacker keeps trying at every branch.",
			Expect: &lab.Expect{Question: "How long does the copy keep working?",
				Options: []string{"It is refused at once", "Until the attacker's browser is closed", "Until the card expires, whatever you do"}, Right: 2},
			Control: "sign-out", Button: "Sign out", Once: true,
			Result: "Measured: **{{exposure-plain}}**. {{accepted-after-sign-out-plain}} replays were accepted after you had signed out. The card is valid for another **{{left-plain}}**.",
			Why: "Signing out only removed the card from *your* browser. The branches check a card by themselves, so they never learn that you signed out. " +
				"That is the price of a check without a lookup.",
			Seen: func(f lab.Findings) bool {
				return f.Value("accepted-after-sign-out-plain") > 0 && f.Has("refused-after-sign-out-plain") && f.Value("refused-after-sign-out-plain") == 0
			},
		},
		theft(short, lab.Step{
			ID: "short", Title: "A short lifetime",
			Do: "The simplest fix: cards that are valid for a few seconds. (Real systems use about five minutes, which is too long to wait here.)",
			Expect: &lab.Expect{Question: "What does signing out change now?",
				Options: []string{"The copy is refused at once", "Nothing, but the card expires soon by itself"}, Right: 1},
			Result: "Every branch refused after **{{exposure-short}}**. Until then, {{accepted-after-sign-out-short}} replays were accepted after you had signed out.",
			Why: "The exposure is the rest of the card's lifetime, which you choose. The price: each browser has to get a new card all the time, from a server that has to be available, with a " +
				"refresh token that can be stolen, too. That one is looked up when it is used, so it can be revoked.",
			Seen: func(f lab.Findings) bool { return ended(f, short) && f.Value("accepted-after-sign-out-short") > 0 },
		}),
		theft(inRedis, lab.Step{
			ID: "redis", Title: "A session in Redis",
			Do: "Now the cookie is only a number, and your session is in Redis. Steal the cookie, sign out and replay it.",
			Expect: &lab.Expect{Question: "How many replays are accepted after the sign-out was answered?",
				Options: []string{"None", "A few, until the branches know about it", "All, for as long as a session lives"}, Right: 0},
			Result: "Every branch refused within **{{exposure-redis}}** after you pressed sign out. Accepted after the answer: **{{accepted-after-sign-out-redis}}**.",
			Why: "The session is in one place, and it is deleted before the sign-out is answered. Every branch looks it up for every request: that makes it exact, and that is its price. " +
				"While Redis is unavailable, no one is recognised.",
			Seen: func(f lab.Findings) bool { return ended(f, inRedis) && f.Value("accepted-after-sign-out-redis") == 0 },
		}),
		theft(denylisted, lab.Step{
			ID: "denylist", Title: "A card, and a denylist",
			Do: "Finally, what Gatehouse itself uses: a card that is valid for an hour, and a denylist that each branch keeps in memory. Signing out adds your sign-in to it.",
			Expect: &lab.Expect{Question: "How long does the copy keep working?",
				Options: []string{"An hour, like the first one", "Some seconds", "Some milliseconds"}, Right: 2},
			Result: "Every branch refused after **{{exposure-denylist}}**. {{accepted-after-sign-out-denylist}} replays were accepted after the answer; the card itself would have been valid for an hour.",
			Why: "The sign-out travels to the branches, so that requests don't have to go to Redis and a check still costs no lookup. Gatehouse's own sign-out answers only when all replicas have confirmed it, so no replay is accepted after that. " +
				"The price: a connection and some memory for each branch, and a branch that has no contact to Redis for a second refuses instead of guessing.",
			Seen: func(f lab.Findings) bool { return ended(f, denylisted) },
		}),
		{
			ID: "compare", Title: "Compare",
			Do:     "The chart and the table show all four, in measured seconds. Which would you choose for the bank's website, and which for a weather app?",
			Result: "Plain JWT: {{exposure-plain}}, {{left-plain}} to go. Short life: {{exposure-short}}. Redis session: {{exposure-redis}}. Denylist: {{exposure-denylist}}.",
			Why: "Low exposure has a price: lookups, renewals, or a list to keep in sync. Where a stolen session does little harm, a lifetime of minutes is enough. " +
				"Where money is at stake, a sign-out has to work immediately.",
			Button: "I have chosen",
		},
	}
}
