package upout

import (
	"fmt"
	"strconv"
	"time"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
)

// Capacity and cost of a branch. Each doubling of a machine's capacity costs more than double.
const (
	smallest = 2
	ceiling  = 16
	service  = 100 * time.Millisecond
	doorman  = 5 // coins a day for the load balancer of several branches
)

var (
	sizes  = []int{2, 4, 8, 16}
	prices = map[int]int{2: 10, 4: 24, 8: 60, 16: 160} // coins a day
)

// Names of controls.
const (
	letIn  = "let-in"
	sweep  = "sweep"
	up     = "up"
	out    = "out"
	kill   = "kill-under-load"
	cancel = "cancel"
)

const (
	groupLoad  = "The load"
	groupScale = "The bank"
)

// Experiment returns the experiment's description.
func Experiment() lab.Experiment {
	size := lab.Param{Name: "size", Label: "A branch serves", Type: lab.Choice, Default: strconv.Itoa(smallest)}
	for _, n := range sizes {
		size.Options = append(size.Options, lab.Option{Value: strconv.Itoa(n), Label: fmt.Sprintf("%d at once, for %d coins a day", n, prices[n])})
	}
	bigger := size
	bigger.Default = strconv.Itoa(ceiling)
	count := lab.Param{Name: "branches", Label: "Branches", Type: lab.Int, Default: "1", Min: 1, Max: bank.MaxBranches, Unit: "branches"}
	more := count
	more.Default = "8"
	return lab.Experiment{
		Name:  "up-or-out",
		Title: "Up or out",
		Lead:  "Buy a bigger server or more servers: see the ceiling of the one and the cost of the other, as charts.",
		Real: `The customers are real concurrent HTTP clients, the branches real HTTP servers, and the load balancer is that of this estate,
which sends each request to the branch with the least to do. Every number in the charts was measured on these requests.
That a branch serves so many at once, and takes 100 ms for each, is set: it waits that long, as a server does for its database,
and keeps nobody's processor busy. A bigger machine is a branch that serves more at once. The prices are made up; that each doubling costs more than double is not.`,
		Params: []lab.Param{count, size},
		Controls: []lab.Control{
			{Name: letIn, Label: "Let customers in", Icon: "users", Group: groupLoad, Primary: true, Hint: "Each asks again as soon as it was answered.", Fields: []lab.Param{
				{Name: "customers", Label: "Customers at once", Type: lab.Int, Default: "8", Min: 1, Max: 48, Unit: "customers"},
			}},
			{Name: sweep, Label: "More and more customers", Icon: "chart-line", Group: groupLoad, Hint: "Measures a round with 1, 2, 4, 8, 16 and 32 customers at once."},
			{Name: kill, Label: "Kill a branch under load", Icon: "zap", Group: groupLoad, Danger: true, Hint: "16 customers ask, and in the middle of it a branch dies. It is started again at the end."},
			{Name: cancel, Label: "Stop measuring", Icon: "x", Group: groupLoad},
			{Name: up, Label: "One branch of this size", Icon: "arrow-up", Group: groupScale, Hint: "Builds it, and measures a round of each load.", Fields: []lab.Param{bigger}},
			{Name: out, Label: "So many small branches", Icon: "arrow-right", Group: groupScale, Hint: "Builds them, and measures a round of each load.", Fields: []lab.Param{more}},
		},
		Steps: steps(),
		Path: func(setup lab.Args) { // the path begins with one small branch
			setup[count.Name], setup[size.Name] = count.Default, size.Default
		},
		Open: open,
	}
}
