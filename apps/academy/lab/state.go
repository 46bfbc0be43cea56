package lab

import (
	"strconv"
	"time"
)

// State is what the page shows of a run. It grows with each change of Version.
type State struct {
	Version  int64             `json:"version"`
	Setup    map[string]string `json:"setup"`
	View     View              `json:"view"`
	Requests []Request         `json:"requests,omitempty"` // the newest, oldest first
	Events   []Event           `json:"events,omitempty"`   // the newest, oldest first
	Findings Findings          `json:"findings,omitempty"`
	Step     int               `json:"step"`               // of the guided path, the one to do next; len(Steps) when all are done
	Foretold map[string]int    `json:"foretold,omitempty"` // the guess made at a step, by its ID
	Busy     string            `json:"busy,omitempty"`     // the control that is being carried out
	Ended    string            `json:"ended,omitempty"`    // why the run is over; "" while it runs
}

// View is what an apparatus shows beside its log. Everything in it may be missing.
type View struct {
	Picture  *Picture           `json:"picture,omitempty"`
	Facts    []Fact             `json:"facts,omitempty"` // labelled values: who am I, which cookie
	Panels   []Panel            `json:"panels,omitempty"`
	Charts   []Chart            `json:"charts,omitempty"`
	Tables   []Table            `json:"tables,omitempty"`
	Progress *Progress          `json:"progress,omitempty"`
	Controls map[string]Adjusts `json:"controls,omitempty"` // how controls stand just now, by name
}

// Adjusts is how a control stands just now.
type Adjusts struct {
	Hidden   bool              `json:"hidden,omitempty"`
	Disabled string            `json:"disabled,omitempty"` // why it can't be pressed, a sentence
	Label    string            `json:"label,omitempty"`    // instead of its own
	Values   map[string]string `json:"values,omitempty"`   // of its fields, instead of the defaults
}

// Picture is the estate of the experiment: browsers at the left, the balancer, servers
// at the right, and what they all ask below it. Requests travel in it.
type Picture struct {
	Browsers []Node `json:"browsers,omitempty"` // one unless told: "you"
	Balancer *Node  `json:"balancer,omitempty"` // nil for none: requests go straight to the servers
	Servers  []Node `json:"servers"`
	Shared   []Node `json:"shared,omitempty"` // Redis, the identity provider
	Grid     bool   `json:"grid,omitempty"`   // many servers, as small squares without labels
	Text     string `json:"text"`             // all of it, for who can't see it
}

// The states of a Node.
const (
	Up       = "up"
	Down     = "down"
	Starting = "starting"
	Cut      = "cut"    // runs, but is cut off from what it needs
	Denied   = "denied" // knows of the ban
	Busy     = "busy"
)

// Node is something in the picture.
type Node struct {
	ID    string        `json:"id"`    // "branch-2"
	Label string        `json:"label"` // "Branch 2"
	State string        `json:"state"`
	Note  string        `json:"note,omitempty"` // second line: "3 sessions"
	Count int64         `json:"count"`          // requests answered
	Took  time.Duration `json:"took,omitempty"` // until it knew, where that is measured
}

// The outcomes of a Request.
const (
	Recognised = "recognised" // the server knew who it is from
	Unknown    = "unknown"    // it did not
	Refused    = "refused"    // it said no, and why
	Lost       = "lost"       // nobody answered
	Answered   = "answered"   // nobody's identity was asked for
)

// Request is one that travelled: From and To are IDs of nodes.
type Request struct {
	N       int64         `json:"n"` // counts from 1
	At      time.Time     `json:"at"`
	From    string        `json:"from"`
	To      string        `json:"to"`
	Via     string        `json:"via,omitempty"` // Shared node that was asked, if any
	Method  string        `json:"method"`
	Path    string        `json:"path"`
	Status  int           `json:"status"` // 0 when there was no answer
	Outcome string        `json:"outcome"`
	Who     string        `json:"who,omitempty"` // as recognised
	Took    time.Duration `json:"took"`
	Text    string        `json:"text"` // one sentence: what the server said
}

// The kinds of Event.
const (
	Note   = "note"
	Good   = "good"
	Bad    = "bad"
	Acted  = "act"  // the learner pressed something
	Travel = "http" // a request and its answer
)

// Event is one line of the log.
type Event struct {
	N    int64          `json:"n"` // counts from 1
	At   time.Time      `json:"at"`
	Kind string         `json:"kind"`
	Text string         `json:"text"`
	Data map[string]any `json:"data,omitempty"` // for the exported timeline
}

// Finding is something measured.
type Finding struct {
	Label string  `json:"label"`
	Text  string  `json:"text"`  // "3 of 4"
	Value float64 `json:"value"` // the same as a number
	Unit  string  `json:"unit,omitempty"`
}

// Findings are what a run has measured, by name.
type Findings map[string]Finding

// Value is a finding's number; 0 for what was not measured.
func (f Findings) Value(name string) float64 { return f[name].Value }

// Has reports whether something was measured.
func (f Findings) Has(name string) bool { _, ok := f[name]; return ok }

// Fact is a labelled value. Code sets it in a monospaced face.
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
	Code      string // shown as it is, in a monospaced face
	Tone      string // Good, Bad or ""
}

// Chart is drawn as SVG on the server, with its table beside it. Each series has as many
// values as there are labels.
type Chart struct {
	ID, Title, Subtitle string
	Kind                string // "line" or "bar"
	XLabel, YLabel      string
	Labels              []string
	Series              []Series
	Log                 bool // the values' axis is logarithmic
}

// Series is one line of a chart, or one colour of its bars.
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

// Progress is of something that takes long.
type Progress struct {
	Label  string        `json:"label"`
	Share  float64       `json:"share"`            // 0 to 1
	Left   time.Duration `json:"left"`             // negative: not known yet
	Cancel string        `json:"cancel,omitempty"` // the control that stops it
}

// Int is an argument as a number; 0 for what is none.
func (a Args) Int(name string) int { n, _ := strconv.Atoi(a[name]); return n }

// True reports whether an argument of the type Bool is set.
func (a Args) True(name string) bool { return a[name] == "true" }
