package lab

import (
	"strconv"
	"time"
)

// State is what the page shows of a run. Version increases with each change.
type State struct {
	Version  int64             `json:"version"`
	Setup    map[string]string `json:"setup"`
	View     View              `json:"view"`
	Requests []Request         `json:"requests,omitempty"` // the newest, in order of time
	Events   []Event           `json:"events,omitempty"`   // the newest, in order of time
	Findings Findings          `json:"findings,omitempty"`
	Step     int               `json:"step"`               // index of the next step; len(Steps) when all are done
	Foretold map[string]int    `json:"foretold,omitempty"` // index of the predicted option, by step ID
	Busy     string            `json:"busy,omitempty"`     // the control that is running
	Ended    string            `json:"ended,omitempty"`    // reason why the run has ended; "" while it runs
}

// View is what an apparatus shows apart from its log. All fields are optional.
type View struct {
	Picture  *Picture           `json:"picture,omitempty"`
	Facts    []Fact             `json:"facts,omitempty"` // labelled values, such as the user and the cookies
	Panels   []Panel            `json:"panels,omitempty"`
	Charts   []Chart            `json:"charts,omitempty"`
	Tables   []Table            `json:"tables,omitempty"`
	Progress *Progress          `json:"progress,omitempty"`
	Controls map[string]Adjusts `json:"controls,omitempty"` // current state of controls, by name
}

// Adjusts is the current state of a control.
type Adjusts struct {
	Hidden   bool              `json:"hidden,omitempty"`
	Disabled string            `json:"disabled,omitempty"` // reason why it can't be used, a sentence; "" if it can
	Label    string            `json:"label,omitempty"`    // replaces the control's own
	Values   map[string]string `json:"values,omitempty"`   // of its fields, replacing the defaults
}

// Picture shows the experiment's system: browsers on the left, the balancer, servers on the right, and the services
// that the servers share below. Requests move through it.
type Picture struct {
	Browsers []Node `json:"browsers,omitempty"` // default: one, "you"
	Balancer *Node  `json:"balancer,omitempty"` // nil: requests go straight to the servers
	Servers  []Node `json:"servers"`
	Shared   []Node `json:"shared,omitempty"` // Redis, the identity provider
	Grid     bool   `json:"grid,omitempty"`   // many servers, as small squares without labels
	Text     string `json:"text"`             // text alternative
}

// The states of a Node.
const (
	Up       = "up"
	Down     = "down"
	Starting = "starting"
	Cut      = "cut"    // runs, but is cut off from what it needs
	Denied   = "denied" // refuses the banned user
	Busy     = "busy"
)

// Node is a box in the picture.
type Node struct {
	ID    string        `json:"id"`    // "branch-2"
	Label string        `json:"label"` // "Branch 2"
	State string        `json:"state"`
	Note  string        `json:"note,omitempty"` // second line: "3 sessions"
	Count int64         `json:"count"`          // requests answered
	Took  time.Duration `json:"took,omitempty"` // until it confirmed the ban, if measured
}

// The outcomes of a Request.
const (
	Recognised = "recognised" // the server recognised the user
	Unknown    = "unknown"    // the server did not
	Refused    = "refused"    // the server refused, with a reason
	Lost       = "lost"       // no response
	Answered   = "answered"   // no user had to be recognised
)

// Request is a request in the picture: From and To are IDs of nodes.
type Request struct {
	N       int64         `json:"n"` // sequence number, from 1
	At      time.Time     `json:"at"`
	From    string        `json:"from"`
	To      string        `json:"to"`
	Via     string        `json:"via,omitempty"` // ID of the shared node that the server queried, if any
	Method  string        `json:"method"`
	Path    string        `json:"path"`
	Status  int           `json:"status"` // 0 without a response
	Outcome string        `json:"outcome"`
	Who     string        `json:"who,omitempty"` // the recognised user's name
	Took    time.Duration `json:"took"`
	Text    string        `json:"text"` // one sentence: the result
}

// The kinds of Event.
const (
	Note   = "note"
	Good   = "good"
	Bad    = "bad"
	Acted  = "act"  // an action of the learner
	Travel = "http" // a request and its response
)

// Event is a line of the log.
type Event struct {
	N    int64          `json:"n"` // sequence number, from 1
	At   time.Time      `json:"at"`
	Kind string         `json:"kind"`
	Text string         `json:"text"`
	Data map[string]any `json:"data,omitempty"` // for the exported timeline
}

// Finding is a measured value.
type Finding struct {
	Label string  `json:"label"`
	Text  string  `json:"text"`  // "3 of 4"
	Value float64 `json:"value"` // as a number
	Unit  string  `json:"unit,omitempty"`
}

// Findings are the measured values of a run, by name.
type Findings map[string]Finding

// Value returns a finding's number, or 0 if it was not measured.
func (f Findings) Value(name string) float64 { return f[name].Value }

// Has reports whether a finding was measured.
func (f Findings) Has(name string) bool { _, ok := f[name]; return ok }

// Fact is a labelled value. Code selects a monospaced font.
type Fact struct {
	Label string `json:"label"`
	Value string `json:"value"`
	Code  bool   `json:"code,omitempty"`
	Tone  string `json:"tone,omitempty"` // Good, Bad or ""
}

// Panel is a titled piece of text or code.
type Panel struct {
	ID, Title string
	Text      string // plain
	Code      string // verbatim, in a monospaced font
	Tone      string // Good, Bad or ""
}

// Chart is drawn as SVG on the server, with its table. Each series has as many values as there are labels.
type Chart struct {
	ID, Title, Subtitle string
	Kind                string // "line" or "bar"
	XLabel, YLabel      string
	Labels              []string
	Series              []Series
	Log                 bool // logarithmic axis of the values
}

// Series is a line of a chart, or the bars of one colour.
type Series struct {
	Label  string
	Values []float64
	Unit   string // of the values: "ms"
}

// Table is a small table.
type Table struct {
	ID, Title string
	Columns   []string
	Numeric   []bool // which columns are numbers
	Rows      [][]string
}

// Progress is the progress of a long task.
type Progress struct {
	Label  string        `json:"label"`
	Share  float64       `json:"share"`            // 0 to 1
	Left   time.Duration `json:"left"`             // negative: not known yet
	Cancel string        `json:"cancel,omitempty"` // the control that stops it
}

// Int returns an argument as a number, or 0 if it is none.
func (a Args) Int(name string) int { n, _ := strconv.Atoi(a[name]); return n }

// True reports whether an argument of the type Bool is set.
func (a Args) True(name string) bool { return a[name] == "true" }
