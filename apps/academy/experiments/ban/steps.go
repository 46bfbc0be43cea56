package ban

import "gatehouse.example/apps/academy/lab"

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
			Do:     "Open five servers. Each one checks your card's signature, and keeps the denylist in its own memory. You and another user send requests all the time.",
			Result: "Five servers are running and accept your card.",
			Why:    "A lookup in memory costs next to nothing. Asking Redis would add a round trip to every request, and all servers would depend on one place.",
			Seen:   func(f lab.Findings) bool { return f.Value("servers") == 5 },
		},
		{
			ID: "ban-five", Title: "Ban yourself", Control: "ban",
			Do: "Ban yourself. The ban is written to Redis; each server reads it from there and confirms it.",
			Expect: &lab.Expect{Question: "When do all five servers refuse you?", Right: 0, Options: []string{
				"Within a moment, and each one confirms it", "When your card expires", "When each server next asks, once a minute",
			}},
			Result: "**{{few-confirmed}}** servers confirmed, the slowest after **{{few-slowest-ms}}**. Asked right after that, {{few-refused}} refused you.",
			Why: "The servers keep a read open at Redis, so that they get a new entry immediately. Their confirmations make up the receipt, so \"done\" is a fact. " +
				"Requests that began after \"done\" and were still accepted: **{{accepted-after-done}}**.",
			Seen: func(f lab.Findings) bool {
				return proven(f) && f.Value("few-confirmed") >= 1 && f.Value("few-refused") >= 1 && f.Value("let-in-before") >= 1
			},
		},
		{
			ID: "many", Title: "Five hundred servers", Control: "servers", Args: lab.Args{"servers": "500"}, Button: "Open 500 servers",
			Do:     "Now open 500. This takes a few seconds: each one opens its listener, loads the denylist and starts to follow it.",
			Result: "{{servers}} servers are running.",
			Why:    "A new server loads the whole list before it answers any request, so it knows about earlier bans.",
			Seen:   func(f lab.Findings) bool { return f.Value("servers") == most },
		},
		{
			ID: "ban-many", Title: "Ban yourself everywhere", Control: "ban",
			Do: "Sign in again, and ban yourself on all 500. All of them share the cores of this one machine.",
			Expect: &lab.Expect{Question: "A hundred times as many servers: how long will the slowest take?", Right: 1, Options: []string{
				"A hundred times as long", "Longer, but far less than a second", "It can't be known",
			}},
			Result: "**{{confirmed}}** servers confirmed: half of them within **{{median-ms}}**, the slowest after **{{slowest-ms}}**. See the curve. " +
				"Of {{asked-after-done}} requests with your banned card that began after \"done\", **{{accepted-after-done}}** were accepted. Of the other user's {{innocent-answered}}, **{{innocent-refused}}** were refused.",
			Why: "Redis sends the entry to all servers at the same time; none waits for another. The slowest one counts: until it has confirmed, the ban isn't done.",
			Seen: func(f lab.Findings) bool {
				return proven(f) && f.Value("servers") == most && f.Value("confirmed") > few && f.Value("refused") > few
			},
		},
		{
			ID: "cut", Title: "Cut ten off", Control: "cut", Args: lab.Args{"n": "10"}, Button: "Cut ten servers off",
			Do: "Cut ten servers off from Redis. Users can still reach them, and their copy of the denylist is only a moment old.",
			Expect: &lab.Expect{Question: "A user who isn't banned visits one of the ten. What should it answer after a moment?", Right: 1, Options: []string{
				"Accept the request: it knows of no ban", "503: it can't know, so it does not guess", "401: better safe than sorry",
			}},
			Result: "**{{refused-not-guessed}}** of them answer 503, the last of them {{refused-within-ms}} after the cut. Accepted by a server that couldn't know: **{{guessed}}**.",
			Why: "A server knows how old its knowledge is. After {{bound}} without Redis it refuses all signed-in requests instead of guessing: users keep their cards, and the answer is \"try again\". " +
				"That costs availability while the network is broken. If you prefer availability, set a different policy and decide for how long a ban may be missed.",
			Seen: func(f lab.Findings) bool {
				return f.Value("refused-not-guessed") > 0 && f.Value("refused-not-guessed") == f.Value("cut") && f.Has("guessed") && f.Value("guessed") == 0
			},
		},
		{
			ID: "ban-cut", Title: "Ban while they're cut off", Control: "ban",
			Do:     "Sign in again and ban yourself once more, while the ten can't reach Redis.",
			Result: "**{{confirmed}}** confirmed. The receipt names the others: {{missing}}. Accepted after \"done\": **{{accepted-after-done}}**.",
			Why:    "The receipt lists the servers that haven't confirmed, and when they start to refuse all signed-in requests. So \"done\" is true even with a broken network: some servers refuse you because they know of the ban, the others because they can't know.",
			Seen: func(f lab.Findings) bool {
				return proven(f) && f.Value("missing") >= f.Value("cut") && f.Value("cut") > 0 && f.Value("confirmed") > few
			},
		},
		{
			ID: "heal", Title: "Bring them back", Control: "heal",
			Do:     "Let the ten reach Redis again.",
			Result: "**{{caught-up}}** caught up within {{caught-up-ms}}: they refuse you and accept the other user.",
			Why:    "The log is numbered without gaps. A server that comes back continues from its last number; if the log doesn't go back that far, it loads the whole list. Either way it misses nothing.",
			Seen: func(f lab.Findings) bool {
				return f.Value("caught-up") > 0 && f.Value("caught-up") == f.Value("cut") && proven(f)
			},
		},
	}
}
