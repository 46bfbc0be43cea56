package cost

import "gatehouse.example/apps/academy/lab"

// Experiment returns the description of "What does a check cost?".
func Experiment() lab.Experiment {
	return lab.Experiment{
		Name:  "what-a-check-costs",
		Title: "What does a check cost?",
		Lead:  "Measure six ways to find out who a request is from: throughput, latency and lookups, on this machine, now.",
		Real: "Each way is a real HTTP server on loopback, and each request is a real one. The sessions, the tokens and the mirror of the denylist are " +
			"the packages that the estate runs (`sso/session`, `sso/token`, `sso/denylist`). Redis is an embedded server, asked over TCP on this machine; every command " +
			"that a branch sends is counted. Servers, clients and Redis share two cores here. A Redis on another machine costs the way there and " +
			"back in addition, often half a millisecond for each lookup.",
		Procs: 2, Memory: 96 << 20,
		Params: []lab.Param{
			clients, round,
		},
		Controls: []lab.Control{
			{Name: "measure", Label: "Measure", Icon: "gauge", Group: "Measure", Primary: true, Hint: "First the check alone, then requests over HTTP.",
				Fields: []lab.Param{{Name: "kind", Label: "Way to check", Type: lab.Choice, Default: ram, Options: options()}}},
			{Name: "all", Label: "Measure all six", Icon: "list-checks", Group: "Measure"},
			{Name: "cancel", Label: "Stop measuring", Icon: "square", Group: "Measure"},
			{Name: "load", Label: "Change the load", Icon: "users", Group: "Load", Fields: []lab.Param{clients, round}},
		},
		Steps: steps(),
		Open:  open,
	}
}

var (
	clients = lab.Param{Name: "clients", Label: "Clients at the same time", Type: lab.Int, Default: "2", Min: 1, Max: 8, Unit: "clients",
		Hint: "Each sends the next request as soon as it has its answer."}
	round = lab.Param{Name: "round", Label: "Length of a round", Type: lab.Int, Default: "1000", Min: 200, Max: 3000, Unit: "ms"}
)

func options() (all []lab.Option) {
	for _, k := range kinds {
		all = append(all, lab.Option{Value: k.name, Label: k.label})
	}
	return all
}
