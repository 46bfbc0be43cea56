package experiments

import (
	"gatehouse/apps/academy/experiments/ban"
	"gatehouse/apps/academy/experiments/card"
	"gatehouse/apps/academy/experiments/cost"
	"gatehouse/apps/academy/experiments/emails"
	"gatehouse/apps/academy/experiments/notebook"
	"gatehouse/apps/academy/experiments/provider"
	"gatehouse/apps/academy/experiments/shared"
	"gatehouse/apps/academy/experiments/signon"
	"gatehouse/apps/academy/experiments/steal"
	"gatehouse/apps/academy/experiments/sticky"
	"gatehouse/apps/academy/experiments/upout"
	"gatehouse/apps/academy/lab"
)

// All returns the experiments, in the order of the chapter.
func All() []lab.Experiment {
	return []lab.Experiment{
		upout.Experiment(),
		notebook.Experiment(),
		sticky.Experiment(),
		shared.Experiment(),
		card.Experiment(),
		signon.Experiment(),
		steal.Experiment(),
		ban.Experiment(),
		cost.Experiment(),
		emails.Experiment(),
		provider.Experiment(),
	}
}

// Find returns the experiment with this name.
func Find(name string) (lab.Experiment, bool) {
	for _, e := range All() {
		if e.Name == name {
			return e, true
		}
	}
	return lab.Experiment{}, false
}
