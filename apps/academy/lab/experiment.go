package lab

import (
	"cmp"
	"context"
)

// Experiment describes a kind of experiment. The Academy renders its page from it, and the lab process validates
// input against it.
type Experiment struct {
	Name     string    // in addresses and in lessons' directives: "sticky-sessions"
	Title    string    // "Sticky sessions"
	Lead     string    // what the learner finds out, one sentence
	Real     string    // what is real here and what is not, Markdown
	Roles    []string  // that may start it; none: all signed-in users
	Params   []Param   // the parameters of the setup, which a permalink carries
	Controls []Control // all controls
	Steps    []Step    // the guided path
	// Path, if not nil, adjusts a setup so that the guided path can begin with it, since a link may carry any setup.
	Path   func(setup Args)
	Memory int64 // limit of its process in bytes; default: DefaultMemory
	// Needs, if not nil, returns what a run with a setup needs, instead of Memory and DefaultDisk. A control whose
	// arguments are parameters of the setup runs only after the needs of the changed setup have been reserved.
	Needs func(setup Args) Needs
	// Postgres says that its process gets the URL of the installation's PostgreSQL, if there is one. The URL contains
	// a password.
	Postgres bool
	Procs    int // number of cores that it may use at once; default: 1

	// Open starts the experiment, in the lab process. ctx ends with the run.
	Open func(ctx context.Context, b *Bench) (Apparatus, error)
}

// Apparatus is a running experiment. Do is not called concurrently; View may be, also during Do.
type Apparatus interface {
	// Do runs a control and returns when it has taken effect. Anything that takes longer than a second runs in
	// Bench.Go and shows its Progress. The arguments have been validated (Param). The text of a Refusal is shown to
	// the learner; any other error is a fault.
	Do(ctx context.Context, control string, args Args) error
	// View fills in what the page shows now.
	View(v *View)
	// Close stops everything.
	Close() error
}

// The types of a Param.
const (
	Int    = "int"
	Choice = "choice"
	Text   = "text"
	Bool   = "bool"
)

// Param is a parameter of the setup, or a field of a control's form.
type Param struct {
	Name, Label, Hint string
	Type              string // Int, Choice, Text or Bool ("true" or "false")
	Default           string
	Min, Max          int // of an Int; Max of a Text is its length in characters
	Options           []Option
	Unit              string // of an Int: "branches"
}

// Option is an option of a Choice.
type Option struct{ Value, Label string }

// Control is a button, or a form with a button.
type Control struct {
	Name, Label, Hint string
	Icon              string // Lucide
	Group             string // heading above it
	Fields            []Param
	PerServer         bool // shown for each server of the picture, named by the argument "server"
	Danger            bool
	Primary           bool
}

// Step is a step of the guided path: an instruction, a prediction, the result and the reason. The texts are Markdown;
// {{name}} in Result is replaced by a finding.
type Step struct {
	ID, Title string
	Do        string
	Expect    *Expect // the learner's prediction; nil for none
	Control   string  // that its button runs; "" for a step that is only read
	Args      Args
	Button    string // label; default: the control's
	Result    string // what happened
	Why       string
	// Seen reports whether the findings show what the step teaches, which completes the step. If nil, the step is
	// complete once its control has run.
	Seen func(f Findings) bool
	// Once says that the step is not repeated when a run is resumed after it: its findings are kept instead.
	Once bool
}

// Expect asks the learner for a prediction. Right is the index of the option that comes true.
type Expect struct {
	Question string
	Options  []string
	Right    int
}

// Args are the arguments of a control, or a setup, by name.
type Args map[string]string

// Refusal is an error whose text is shown to the learner: a complete sentence.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Needs is the maximum that a run may use, in bytes: memory of its process, and disk space of its folder.
type Needs struct {
	Memory int64 `json:"memory"`
	Disk   int64 `json:"disk"`
}

// The default limits of an experiment.
const (
	DefaultMemory = 48 << 20
	DefaultDisk   = 16 << 20
)

// needs returns what a run of e with this setup needs.
func (e Experiment) needs(setup Args) Needs {
	if e.Needs != nil {
		return e.Needs(setup)
	}
	return Needs{Memory: cmp.Or(e.Memory, DefaultMemory), Disk: DefaultDisk}
}
