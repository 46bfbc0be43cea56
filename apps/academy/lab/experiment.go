package lab

import (
	"cmp"
	"context"
)

// Experiment describes one kind of experiment. The academy draws its page from it,
// and the lab process checks what comes in against it.
type Experiment struct {
	Name     string    // in addresses and in the directive of a lesson: "sticky-sessions"
	Title    string    // "Sticky sessions"
	Lead     string    // what one finds out, one sentence
	Real     string    // what is real here and what is not, Markdown
	Roles    []string  // who may start it; none means everybody who is signed in
	Params   []Param   // what a set-up consists of; a permalink carries them
	Controls []Control // everything that can be pressed
	Steps    []Step    // the guided path
	// Path, if given, makes a set-up one that the guided path can begin with: a link may
	// carry any.
	Path   func(setup Args)
	Memory int64 // ceiling of its process in bytes; DefaultMemory unless told
	// Needs, if given, says what a run takes with a set-up, instead of Memory and DefaultDisk. A control whose
	// arguments have names of the set-up's is carried out only once there is room for what they make of it.
	Needs func(setup Args) Needs
	// Postgres lets its process know the estate's PostgreSQL, where there is one: its address
	// holds a password.
	Postgres bool
	Procs    int // cores that it may use at once; 1 unless told

	// Open builds the apparatus, in the lab process. ctx lives as long as the run.
	Open func(ctx context.Context, b *Bench) (Apparatus, error)
}

// Apparatus is a running experiment. Do is called by one goroutine at a time, View by
// any number beside it.
type Apparatus interface {
	// Do carries out a control and returns when it took effect. What takes longer than a
	// second is started with Bench.Go and shows its Progress. Its arguments are checked
	// (Param). A Refusal is told to the learner; any other error is a fault.
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

// Param is one value that can be chosen: of the set-up, or of a control's form.
type Param struct {
	Name, Label, Hint string
	Type              string // Int, Choice, Text or Bool ("true" or "false")
	Default           string
	Min, Max          int // of an Int; Max of a Text is its length in characters
	Options           []Option
	Unit              string // of an Int: "branches"
}

// Option is one choice.
type Option struct{ Value, Label string }

// Control is a button, or a form with one.
type Control struct {
	Name, Label, Hint string
	Icon              string // Lucide
	Group             string // heading under which it stands
	Fields            []Param
	PerServer         bool // drawn at each server of the picture; the argument "server" names it
	Danger            bool
	Primary           bool
}

// Step is one of the guided path: do this, what do you expect, see what happened, why.
// Texts are Markdown; {{name}} in Result stands for a finding's value.
type Step struct {
	ID, Title string
	Do        string
	Expect    *Expect // what the learner foretells first; nil for none
	Control   string  // what its button presses; "" for a step that is only read
	Args      Args
	Button    string // its label; the control's own unless told
	Result    string // what happened
	Why       string
	// Seen reports whether what the step teaches has really been measured. The step is
	// done then. Nil means: once its control was carried out.
	Seen func(f Findings) bool
	// Once keeps the step from being carried out again when a run is started again
	// behind it: its findings are kept instead.
	Once bool
}

// Expect asks for a guess. Right is the option that comes true.
type Expect struct {
	Question string
	Options  []string
	Right    int
}

// Args are the values that came with a control, by name.
type Args map[string]string

// Refusal is an error whose text is for the learner: a whole sentence.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Needs is the most that a run may take, in bytes: memory of its process, and disk for its folder.
type Needs struct {
	Memory int64 `json:"memory"`
	Disk   int64 `json:"disk"`
}

// The ceilings of an ordinary experiment.
const (
	DefaultMemory = 48 << 20
	DefaultDisk   = 16 << 20
)

// needs returns what a run of e takes with a set-up.
func (e Experiment) needs(setup Args) Needs {
	if e.Needs != nil {
		return e.Needs(setup)
	}
	return Needs{Memory: cmp.Or(e.Memory, DefaultMemory), Disk: DefaultDisk}
}
