package ban

import "gatehouse/apps/academy/lab"

// proven reports whether a ban's findings are as promised: no request with the banned card that began after "done"
// was let in, and no other user was refused.
func proven(f lab.Findings) bool {
	return f.Value("asked-after-done") > 0 && f.Has("accepted-after-done") && f.Value("accepted-after-done") == 0 &&
		f.Value("innocent-answered") > 0 && f.Has("innocent-refused") && f.Value("innocent-refused") == 0
}

// steps returns the guided path.
func steps() []lab.Step {
	return []lab.Step{
		{
			ID: "five", Title: "Five servers", Control: "servers", Args: lab.Args{"servers": "5"}, Button: "Open five servers",
			Do:     "Open five servers. Each knows your card by its signature, and keeps a list of who is denied, in its own memory. You and somebody else visit them all the time.",
			Result: "Five servers listen, and let you in.",
			Why:    "A look into the own memory costs nothing that you would notice. A question to Redis in each request would be a round trip each time, to one place for all servers.",
			Seen:   func(f lab.Findings) bool { return f.Value("servers") == 5 },
		},
		{
			ID: "ban-five", Title: "Ban yourself", Control: "ban",
			Do: "Ban yourself. The ban is written into Redis; each server reads it from there, and writes back that it knows.",
			Expect: &lab.Expect{Question: "When is it true on all five servers?", Right: 0, Options: []string{
				"Within a moment, and each of them says so", "When your card expires", "When each server asks the next time, once a minute",
			}},
			Result: "**{{few-confirmed}}** servers confirmed, the slowest after **{{few-slowest-ms}}**. Asked right after that, {{few-refused}} refused you.",
			Why: "The servers wait at Redis for what comes next, so that they hear at once. Each one's confirmation makes a receipt: \"done\" is not a hope. " +
				"Requests that began after \"done\" and were let in all the same: **{{accepted-after-done}}**.",
			Seen: func(f lab.Findings) bool {
				return proven(f) && f.Value("few-confirmed") >= 1 && f.Value("few-refused") >= 1 && f.Value("let-in-before") >= 1
			},
		},
		{
			ID: "many", Title: "Five hundred servers", Control: "servers", Args: lab.Args{"servers": "500"}, Button: "Open 500 servers",
			Do:     "Now open 500 of them. This takes a few seconds: each opens its listener, loads the denylist and begins to follow it.",
			Result: "{{servers}} servers listen.",
			Why:    "One that starts loads the whole list first and answers nobody before: a new server knows of old bans.",
			Seen:   func(f lab.Findings) bool { return f.Value("servers") == most },
		},
		{
			ID: "ban-many", Title: "Ban yourself everywhere", Control: "ban",
			Do: "Sign in again, and ban yourself on all 500. All of them share the cores of this one machine.",
			Expect: &lab.Expect{Question: "A hundred times as many servers: how long will the slowest take?", Right: 1, Options: []string{
				"A hundred times as long", "Longer, but far less than a second", "Nobody can know",
			}},
			Result: "**{{confirmed}}** servers confirmed: half of them within **{{median-ms}}**, the slowest after **{{slowest-ms}}**. See the curve. " +
				"Of {{asked-after-done}} requests with your banned card that began after \"done\", **{{accepted-after-done}}** were let in. Of somebody else's {{innocent-answered}}, **{{innocent-refused}}** were refused.",
			Why: "Redis tells everybody at the same time; nobody waits for another. The slowest one counts: until it knows, the ban is not done.",
			Seen: func(f lab.Findings) bool {
				return proven(f) && f.Value("servers") == most && f.Value("confirmed") > few && f.Value("refused") > few
			},
		},
		{
			ID: "cut", Title: "Cut ten off", Control: "cut", Args: lab.Args{"n": "10"}, Button: "Cut ten servers off",
			Do: "Cut ten servers off from Redis. Visitors still reach them, and their memory is as good as it was a moment ago.",
			Expect: &lab.Expect{Question: "Somebody who is not banned visits one of the ten. What should it answer, after a moment?", Right: 1, Options: []string{
				"Let them in: it knows of no ban", "503: it can't know, so it does not guess", "401: better safe than sorry",
			}},
			Result: "**{{refused-not-guessed}}** of them answer 503, the last of them {{refused-within-ms}} after the cut. Let in by a server that could not know: **{{guessed}}**.",
			Why: "A server knows how old its knowledge is. After {{bound}} of silence it lets nobody in rather than guess: the card is kept, the answer is \"try again\". " +
				"That costs availability while the network is broken. Who would rather go on sets another policy, and knows for how long a ban may be missed.",
			Seen: func(f lab.Findings) bool {
				return f.Value("refused-not-guessed") > 0 && f.Value("refused-not-guessed") == f.Value("cut") && f.Has("guessed") && f.Value("guessed") == 0
			},
		},
		{
			ID: "ban-cut", Title: "Ban while they are away", Control: "ban",
			Do:     "Sign in again, and ban yourself once more, while the ten hear nothing.",
			Result: "**{{confirmed}}** confirmed. The receipt names the others: {{missing}}. Let in after \"done\": **{{accepted-after-done}}**.",
			Why:    "The receipt says who does not know, and from when on they refuse everybody by themselves. So \"done\" is true also with a broken network: nobody lets you in, some since they know, some since they don't.",
			Seen: func(f lab.Findings) bool {
				return proven(f) && f.Value("missing") >= f.Value("cut") && f.Value("cut") > 0 && f.Value("confirmed") > few
			},
		},
		{
			ID: "heal", Title: "Bring them back", Control: "heal",
			Do:     "Let the ten reach Redis again.",
			Result: "**{{caught-up}}** caught up within {{caught-up-ms}}: they refuse you and let somebody else in.",
			Why:    "The log has numbers without gaps. A server that comes back reads on from its own number; where the log does not reach back that far, it loads the whole list. Nothing is lost by being away.",
			Seen: func(f lab.Findings) bool {
				return f.Value("caught-up") > 0 && f.Value("caught-up") == f.Value("cut") && proven(f)
			},
		},
	}
}
