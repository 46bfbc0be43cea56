package counter

import (
	"strconv"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
)

// The groups of the controls.
const (
	GroupYou      = "You"
	GroupBranches = "The branches"
	GroupBalancer = "The load balancer"
	GroupRedis    = "Redis"
)

// Names of controls that several experiments share.
const (
	SignIn     = "sign-in"
	Ask        = "ask"
	SignOut    = "sign-out"
	Add        = "add"
	Remove     = "remove"
	Kill       = "kill"
	KillMine   = "kill-mine"
	Restart    = "restart"
	RestartAll = "restart-all"
)

// Branches is the parameter for the number of branches at the start.
var Branches = lab.Param{Name: "branches", Label: "Branches", Hint: "Servers of the bank behind the balancer.", Type: lab.Int, Default: "3", Min: 1, Max: bank.MaxBranches, Unit: "branches"}

// Path adjusts a setup to a guided path, which needs a branch that does not know the learner and room for the five
// branches that it opens.
func Path(setup lab.Args) {
	setup[Branches.Name] = strconv.Itoa(min(max(setup.Int(Branches.Name), 2), bank.MaxBranches-5))
}

// times returns the field for how often the learner asks.
func times(label, n string) lab.Param {
	return lab.Param{Name: "times", Label: label, Type: lab.Int, Default: n, Min: 0, Max: 40, Unit: "times"}
}

// then returns the field for how often the learner asks after a change.
func then(n string) lab.Param { return times("Then ask", n) }

// Controls returns the controls that all experiments at the counter share.
func Controls() []lab.Control {
	asked := times("Ask", "1")
	asked.Min = 1
	return []lab.Control{
		{Name: SignIn, Label: "Sign in", Icon: "log-in", Group: GroupYou, Primary: true,
			Fields: []lab.Param{{Name: "name", Label: "Name", Type: lab.Text, Default: "Ada", Max: 40}}},
		{Name: Ask, Label: "Who are you?", Icon: "circle-help", Group: GroupYou, Hint: "Asks the bank for your account, as a click on its page does.", Fields: []lab.Param{asked}},
		{Name: SignOut, Label: "Sign out", Icon: "log-out", Group: GroupYou},
		{Name: Add, Label: "Open branches", Icon: "plus", Group: GroupBranches, Fields: []lab.Param{
			{Name: "count", Label: "How many", Type: lab.Int, Default: "1", Min: 1, Max: 5, Unit: "branches"}, then("0"),
		}},
		{Name: KillMine, Label: "Kill my branch", Icon: "zap", Group: GroupBranches, Danger: true, Hint: "The one that signed you in.", Fields: []lab.Param{then("0")}},
		{Name: RestartAll, Label: "Restart all, one by one", Icon: "refresh-cw", Group: GroupBranches, Fields: []lab.Param{then("0")}},
		{Name: Kill, Label: "Kill", Icon: "zap", PerServer: true, Danger: true},
		{Name: Restart, Label: "Restart", Icon: "refresh-cw", PerServer: true},
		{Name: Remove, Label: "Close", Icon: "x", PerServer: true},
	}
}
