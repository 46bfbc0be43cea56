package lab

import "errors"

// Start describes a run to start.
type Start struct {
	ID         string   `json:"id"`
	Experiment string   `json:"experiment"` // its name
	Setup      Args     `json:"setup,omitempty"`
	Mode       string   `json:"mode"`               // Guided or Free
	Step       int      `json:"step"`               // the guided steps before it are repeated, or their findings kept
	Findings   Findings `json:"findings,omitempty"` // of the run that this one continues
	Person     string   `json:"person"`             // the learner's given name, for the picture
	Account    string   `json:"-"`                  // the learner's account, for its share of the resources
	Network    string   `json:"-"`                  // the learner's network, for its share of the resources
}

// The modes of a run.
const (
	Guided = "guided"
	Free   = "free"
)

// Errors of runs, in addition to Refusal.
var (
	ErrFull  = errors.New("lab: no capacity for another experiment")
	ErrShare = errors.New("lab: the account or network has used its share")
	ErrGone  = errors.New("lab: the experiment is no longer running")
	ErrSame  = errors.New("lab: nothing has changed")
)
