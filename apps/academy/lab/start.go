package lab

import "errors"

// Start says which experiment is to run, and from where.
type Start struct {
	ID         string   `json:"id"`
	Experiment string   `json:"experiment"` // its name
	Setup      Args     `json:"setup,omitempty"`
	Mode       string   `json:"mode"`               // Guided or Free
	Step       int      `json:"step"`               // the guided steps before it are carried out again, or their findings kept
	Findings   Findings `json:"findings,omitempty"` // of the run that this one goes on with
	Person     string   `json:"person"`             // given name, for the picture
	Account    string   `json:"-"`                  // of the learner, who gets a share of the room
	Network    string   `json:"-"`                  // from which they came, likewise
}

// The modes of a run.
const (
	Guided = "guided"
	Free   = "free"
)

// What can be wrong with a run, beside a Refusal.
var (
	ErrFull  = errors.New("lab: there is no room for another experiment just now")
	ErrShare = errors.New("lab: one account or network would hold more than its share")
	ErrGone  = errors.New("lab: the experiment does not run any more")
	ErrSame  = errors.New("lab: nothing has changed")
)
