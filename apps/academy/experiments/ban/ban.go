package ban

import (
	"context"
	"runtime/debug"

	"gatehouse.example/apps/academy/lab"
)

const (
	most  = 500 // maximum number of servers
	usual = "50"
	few   = 12 // up to this many servers are drawn with their names
)

var howMany = lab.Param{
	Name: "servers", Label: "Servers", Type: lab.Int, Default: usual, Min: 1, Max: most, Unit: "servers",
}

// Experiment returns the experiment's description.
func Experiment() lab.Experiment {
	return lab.Experiment{
		Name: "ban-on-500-servers", Title: "Ban on 500 servers",
		Lead:   "How long a ban takes to be true everywhere, who proves it, and what a server does that can't know.",
		Real:   realText,
		Params: []lab.Param{howMany},
		Controls: []lab.Control{
			{Name: "servers", Label: "Open so many servers", Icon: "server", Group: "Servers", Fields: []lab.Param{howMany}},
			{Name: "ban", Label: "Ban yourself", Icon: "ban", Group: "The ban", Primary: true, Danger: true,
				Hint: "Who is banned already signs in again first."},
			{Name: "lift", Label: "Lift the ban and sign in again", Icon: "undo-2", Group: "The ban"},
			{Name: "cut", Label: "Cut off from Redis", Icon: "unplug", Group: "The network", Danger: true, Fields: []lab.Param{
				{Name: "n", Label: "How many more", Type: lab.Int, Default: "10", Min: 1, Max: most, Unit: "servers"},
			}},
			{Name: "heal", Label: "Bring them back", Icon: "plug", Group: "The network"},
		},
		Steps: steps(),
		Needs: needs, Procs: 2,
		Open: func(ctx context.Context, b *lab.Bench) (lab.Apparatus, error) {
			a, err := open(ctx, b)
			if err != nil {
				return nil, err
			}
			return a, nil
		},
	}
}

// Resource needs of the process and of each of its servers, in bytes. 500 servers took 268 MiB when measured.
const (
	perProcess = 64 << 20
	perServer  = 640 << 10
)

func needs(setup lab.Args) lab.Needs {
	return lab.Needs{Memory: perProcess + int64(setup.Int(howMany.Name))*perServer, Disk: lab.DefaultDisk}
}

const realText = `Each server is a real HTTP listener. It checks each request as every app of this estate does: the signature of the card (remembered once it was checked) and
then the **denylist** (` + "`sso/denylist`" + `), of which it keeps a mirror in its memory, over a connection to Redis of its own. The ban is written as the portal writes one, and
the receipt is the portal's, too. The requests are real: a few hundred a second, with your card and with somebody else's.

What is embedded: the servers and the Redis run inside one process on one machine, so that 500 of them share its cores. What is measured is the work of all, one after
another; it would be quicker where each has a machine, and a network would add its own milliseconds. After one second of silence a server refuses, as in this
estate; from the 101st on after three, so that one machine can bear them all. To cut a server off, its connections to Redis are closed and new
ones refused, while browsers still reach it. The times in a receipt are whole milliseconds of Redis's clock.`

// collect is the garbage collector's target percentage. The default of 100 suits one server per process; here all
// servers share one heap, and each collection slows all of them down.
const collect = 400

// open starts Redis, the traffic, and as many servers as the setup says.
func open(ctx context.Context, b *lab.Bench) (*apparatus, error) {
	e, err := openEstate(ctx)
	if err != nil {
		return nil, err
	}
	a := &apparatus{bench: b, estate: e, collected: debug.SetGCPercent(collect)}
	if a.traffic, err = newTraffic(e); err != nil {
		return nil, a.fail(err)
	}
	if err := a.traffic.signIn(); err != nil {
		return nil, a.fail(err)
	}
	life, end := context.WithCancel(ctx)
	a.end = end
	a.running.Go(func() { a.traffic.run(life) })
	a.running.Go(func() { a.count(life) })
	a.begin(b.Setup().Int(howMany.Name))
	return a, nil
}

func (a *apparatus) fail(err error) error {
	_ = a.Close()
	return err
}
