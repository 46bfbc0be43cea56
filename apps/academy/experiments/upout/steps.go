package upout

import "gatehouse.example/apps/academy/lab"

// steps returns the guided path. Its measuring steps are not repeated when a run is resumed: they take a while, and
// their findings are kept.
func steps() []lab.Step {
	return []lab.Step{
		{
			ID: "quiet", Title: "A quiet morning",
			Do:      "The bank has one small branch. It serves two customers at once and takes 100 ms for each. Let two customers in.",
			Control: letIn, Args: lab.Args{"customers": "2"}, Once: true,
			Result: "Half of the requests were answered within {{wait-quiet}}.",
			Why:    "No request waits for another: what you measure is the work itself.",
			Seen:   func(f lab.Findings) bool { return f.Has("wait-quiet") },
		},
		{
			ID: "crowd", Title: "More and more customers",
			Do: "Now more and more come at once: 1, 2, 4 … 32. Each asks again as soon as it was answered.",
			Expect: &lab.Expect{
				Question: "What happens beyond two customers?",
				Options: []string{
					"The branch answers more requests a second, each a little slower",
					"It answers as many a second as before, and everybody waits longer",
					"It answers errors",
				},
				Right: 1,
			},
			Control: sweep, Once: true,
			Result: "The branch never answered more than {{throughput-small}}. With 32 customers, half of them waited {{wait-small}} or longer.",
			Why:    "This is the knee in the curve. Up to the capacity, more load is more throughput. Beyond it the queue grows and nothing else does.",
			Seen: func(f lab.Findings) bool {
				return f.Value("wait-small") > 2*f.Value("wait-quiet") && f.Has("wait-quiet")
			},
		},
		{
			ID: "up", Title: "Up: buy the biggest machine there is",
			Do:      "Move the branch to a machine that serves 16 at once. It is the biggest one that is sold. While it moves, the bank is closed.",
			Control: up, Args: lab.Args{"size": "16"}, Button: "Buy it and measure", Once: true,
			Result: "One big branch answered up to {{throughput-up}}, for {{price-up}} a day.",
			Why:    "Nothing in the program had to change, and that is worth much. But look at the price list: each step costs more than double, and the list ends.",
			Seen: func(f lab.Findings) bool {
				return f.Value("throughput-up") > f.Value("throughput-small") && f.Has("throughput-small")
			},
		},
		{
			ID: "kill-big", Title: "It dies",
			Do: "16 customers are being served. In the middle of it the machine dies.",
			Expect: &lab.Expect{
				Question: "What do the customers get?",
				Options:  []string{"Answers, a little later", "Nothing but errors, until it is up again"},
				Right:    1,
			},
			Control: kill, Once: true,
			Result: "{{failed-up}} requests failed.",
			Why:    "However big it is, there is only one. The balancer has no other branch to use.",
			Seen:   func(f lab.Findings) bool { return f.Value("failed-up") > 0 },
		},
		{
			ID: "out", Title: "Out: eight small branches",
			Do: "Go back to small branches, and open eight of them behind the balancer. Together they serve 16 at once, too.",
			Expect: &lab.Expect{
				Question: "Compared with the big one?",
				Options:  []string{"About the same throughput, for less money", "Much less throughput: they are small", "The same, for more money"},
				Right:    0,
			},
			Control: out, Args: lab.Args{"branches": "8"}, Button: "Open eight and measure", Once: true,
			Result: "Eight small branches answered up to {{throughput-out}}, for {{price-out}} a day. The big one: {{throughput-up}} for {{price-up}}.",
			Why:    "Each step costs the same as the one before. You pay for a load balancer, too, and in a coin that is on no bill: a customer meets another branch with each request.",
			Seen: func(f lab.Findings) bool {
				return f.Value("throughput-out") > f.Value("throughput-small") && f.Value("price-out") < f.Value("price-up")
			},
		},
		{
			ID: "more", Title: "Beyond the ceiling",
			Do:      "No machine serves more than 16 at once. Open twelve small branches.",
			Control: out, Args: lab.Args{"branches": "12"}, Button: "Open twelve and measure", Once: true,
			Result: "Twelve small branches answered up to {{throughput-more}}, for {{price-more}} a day. No single machine on the list reaches that.",
			Why:    "Up ends where the price list ends. Out goes on until something that all branches share becomes the next ceiling: a database, say.",
			Seen: func(f lab.Findings) bool {
				return f.Value("throughput-more") > f.Value("throughput-up") && f.Has("throughput-up")
			},
		},
		{
			ID: "kill-small", Title: "One of twelve dies",
			Do: "16 customers again, and in the middle of it one of the twelve branches dies.",
			Expect: &lab.Expect{
				Question: "How many requests fail?",
				Options:  []string{"A twelfth of them", "None, or next to none", "All of them"},
				Right:    1,
			},
			Control: kill, Once: true,
			Result: "{{failed-more}} requests failed.",
			Why:    "The balancer noticed that the branch was down and used another one, also for requests in progress. These requests only read; it would not repeat an order. What the dead branch kept in its own memory is gone, though. That is the next experiment.",
			Seen: func(f lab.Findings) bool {
				return f.Has("failed-more") && f.Value("failed-more") < f.Value("failed-up")
			},
		},
	}
}
