package experiments

import (
	"gatehouse.example/apps/academy/experiments/ban"
	"gatehouse.example/apps/academy/experiments/card"
	"gatehouse.example/apps/academy/experiments/cost"
	"gatehouse.example/apps/academy/experiments/emails"
	"gatehouse.example/apps/academy/experiments/notebook"
	"gatehouse.example/apps/academy/experiments/provider"
	"gatehouse.example/apps/academy/experiments/shared"
	"gatehouse.example/apps/academy/experiments/signon"
	"gatehouse.example/apps/academy/experiments/steal"
	"gatehouse.example/apps/academy/experiments/sticky"
	"gatehouse.example/apps/academy/experiments/upout"
	"gatehouse.example/apps/academy/lab"
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
