package cost

import "gatehouse.example/apps/academy/lab"

// step completes a step that measures one kind.
func step(k string, s lab.Step) lab.Step {
	s.Control, s.Args, s.Button = "measure", lab.Args{"kind": k}, "Measure it"
	s.Once = true
	if s.Seen == nil {
		s.Seen = func(f lab.Findings) bool { return f.Value(throughputOf(k)) > 0 }
	}
	return s
}

// steps returns the guided path: from the check that knows least to the one that knows most, with the cost of each.
func steps() []lab.Step {
	return []lab.Step{
		step(ram, lab.Step{
			ID: "ram", Title: "The notebook in the branch",
			Do:     "Start with the fastest way: a map in the memory of one server. Measure it. Everything else is compared with it.",
			Result: "The check alone takes **{{check-ram-us}}**. Over HTTP the branch answers **{{throughput-ram}}**. It asked Redis {{lookups-ram}} times a request. The latency stands in the chart and in the table.",
			Why: "Almost all of a request's time is HTTP: reading it, waking up a goroutine, writing the answer. The check itself hardly counts. " +
				"The price isn't in these numbers: no other branch knows the session.",
		}),
		step(inRedis, lab.Step{
			ID: "redis", Title: "The shared notebook",
			Do: "Now the session is in Redis, where all branches can read it. Measure the same page.",
			Expect: &lab.Expect{Question: "How much longer does the check alone take than with a map?",
				Options: []string{"About as long", "Two or three times as long", "Ten times as long, or more"}, Right: 2},
			Result: "The check alone takes **{{check-redis-us}}**: {{ratio-redis-ram}} as long as in RAM. Each request made **{{lookups-redis}}** lookups. The branch answers {{throughput-redis}}.",
			Why: "A lookup is a round trip: a command is written to a socket, Redis answers, the answer is read. Here Redis is on the same machine; in another rack it is ten times further " +
				"away. It is also one server that *every* request of *every* branch asks: with a hundred branches it has a hundred times the load.",
			Seen: func(f lab.Findings) bool { return f.Value(lookupsOf(inRedis)) >= 1 && f.Value(checkOf(inRedis)) > 0 },
		}),
		step(fresh, lab.Step{
			ID: "jwt", Title: "The card",
			Do: "Now the learner shows a card (JWT). Each one is shown for the first time, so that its signature has to be checked.",
			Expect: &lab.Expect{Question: "How many lookups does the branch make for each request?",
				Options: []string{"None", "One", "Two: one for the card and one for the key"}, Right: 0},
			Result: "**{{lookups-jwt}}** lookups. Checking the signature alone takes **{{check-jwt-us}}**; the branch answers {{throughput-jwt}}.",
			Why: "A signature is arithmetic: it needs only the branch's own processor. That can cost as much time as a round trip on one machine, but it grows with the branches: a hundred of " +
				"them have a hundred times the processors, and still no common server to wait for.",
			Seen: func(f lab.Findings) bool { return f.Has(lookupsOf(fresh)) && f.Value(lookupsOf(fresh)) == 0 },
		}),
		step(remembered, lab.Step{
			ID: "remembered", Title: "The card that was seen before",
			Do:     "A learner shows the same card with every click. The branch may remember by its hash that the signature was good, and look only at the clock and at whether its key is still published.",
			Result: "The check alone takes **{{check-remembered-us}}** instead of {{check-jwt-us}}: {{ratio-jwt-remembered}} quicker. The branch answers {{throughput-remembered}}.",
			Why: "A valid signature stays valid; what changes is the time, and which keys are published. So only that is checked again. " +
				"But it doesn't notice a sign-out: the card works until it expires.",
			Seen: func(f lab.Findings) bool {
				return f.Value(checkOf(remembered)) > 0 && f.Value(lookupsOf(remembered)) == 0
			},
		}),
		step(withExists, lab.Step{
			ID: "jwt-redis", Title: "The card, and a lookup in Redis",
			Do: "The usual fix: a denylist in Redis, and every request checks whether the card is on it. Measure what is left of the card's advantage.",
			Expect: &lab.Expect{Question: "How many lookups does it make for each request?",
				Options: []string{"None", "One", "Two"}, Right: 1},
			Result: "**{{lookups-jwt-redis}}** lookup a request, and the check alone takes **{{check-jwt-redis-us}}**, against {{check-redis-us}} for a plain session in Redis. The branch answers {{throughput-jwt-redis}}.",
			Why: "One lookup is one lookup, whether it fetches a session or asks for a card. Who asks Redis about every card has the cost of the notebook and the length of the card. " +
				"Then a session is simpler.",
			Seen: func(f lab.Findings) bool { return f.Value(lookupsOf(withExists)) >= 1 },
		}),
		step(withMirror, lab.Step{
			ID: "mirror", Title: "The card, and our mirror",
			Do: "Finally, what Gatehouse itself uses: each branch keeps the denylist in memory, and updates it from Redis in the background.",
			Expect: &lab.Expect{Question: "What does a sign-out within milliseconds cost each request now?",
				Options: []string{"A lookup in Redis, as before", "Next to nothing: a lookup in its own memory", "Half a lookup"}, Right: 1},
			Result: "The check alone takes **{{check-mirror-us}}**: the lookup in Redis took {{ratio-exists-mirror}} as long. Redis was asked **{{lookups-mirror}}** times a request. The branch answers {{throughput-mirror}}.",
			Why: "Few people sign out, many click. So it is the few sign-outs that travel to the branches, and not each click to Redis. The few commands counted here are the mirror's own: it listens, " +
				"and says twice a second that it is up to date, however many requests there are. What it costs is a refusal: a branch without contact to Redis for a second answers 503 instead of guessing.",
			Seen: func(f lab.Findings) bool {
				return f.Has(lookupsOf(withMirror)) && f.Value(lookupsOf(withMirror)) < 0.5 && f.Value(checkOf(withMirror)) > 0
			},
		}),
		{
			ID: "interview", Title: "The interview question",
			Do: "\"Sessions or tokens, and what does it cost to check one?\" Answer it with your own numbers from the two tables. Say it aloud before you continue.",
			Result: "**A session in RAM** ({{check-ram-us}}) is quickest, and dies with its server. **In Redis** ({{check-redis-us}}, {{lookups-redis}} lookup) it survives every server, and a sign-out counts at once; " +
				"but all requests need Redis. **A card** ({{check-remembered-us}}, {{check-jwt-us}} when new) needs no other server, and so can't be revoked. **With a lookup** ({{check-jwt-redis-us}}) it can, for the price of a session. " +
				"**With a mirror** ({{check-mirror-us}}) it can be taken back within milliseconds, and costs no lookup.",
			Why:    "There is no best one. Name what you need first: may a sign-out wait until the card expires? How many branches are there? May pages stop when Redis stops? The numbers only say what the answer costs.",
			Button: "I've said it",
		},
	}
}
