package analytics

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse.example/apps/analytics/chart"
	"gatehouse.example/components"
	"gatehouse.example/db"
	"gatehouse.example/events"
)

// banApp is the app that bans are counted for: the service that records them.
const banApp = "portal"

// bans lists the bans of users. Charts mark them.
var bans = panel{key: "bans", title: "Bans", types: []string{events.UserBanned}}

// hideParam is the parameter with the kinds of marks that are not shown, separated by commas.
const hideParam = "hide"

// markKind is what a mark on the charts stands for.
type markKind struct {
	key, label string
	shape      chart.Shape
}

const deployments = "deployments"

var markKinds = []markKind{{bans.key, "Bans", chart.Triangle}, {deployments, "Deployments", chart.Diamond}}

// hiddenMarks returns the kinds of marks that the parameters hide.
func hiddenMarks(params url.Values) map[string]bool {
	hidden := map[string]bool{}
	for key := range strings.SplitSeq(params.Get(hideParam), ",") {
		if slices.ContainsFunc(markKinds, func(k markKind) bool { return k.key == key }) {
			hidden[key] = true
		}
	}
	return hidden
}

// maxMarks limits how many marks the list below the charts explains.
const maxMarks = 20

// marksView is the list below the charts that explains their marks.
type marksView struct {
	kinds []markToggle
	marks []markView // newest first
	more  int        // older marks that are not listed
}

// markToggle shows or hides the marks of a kind.
type markToggle struct {
	markKind
	hidden bool
	url    string
}

type markView struct {
	at, url string // url of the events, "" for none
	text    string
}

// marked returns the indexes of the buckets with a mark of that kind.
func (f *figures) marked(kind string) []int {
	if f.hidden[kind] {
		return nil
	}
	var marked []int
	if kind == bans.key {
		for i, n := range f.bans {
			if n > 0 {
				marked = append(marked, i)
			}
		}
		return marked
	}
	for _, d := range slices.Backward(f.deployments) {
		if i := f.period.Index(db.Time(d.At)); i >= 0 {
			marked = append(marked, i)
		}
	}
	return slices.Compact(marked) // they are in the order of time
}

func (f *figures) chartMarks() (marks []chart.Mark) {
	for _, k := range markKinds {
		for _, i := range f.marked(k.key) {
			marks = append(marks, chart.Mark{Index: i, Shape: k.shape})
		}
	}
	return marks
}

// notes returns what the marks of each bucket are about, a line for each.
func (f *figures) notes() []string {
	notes := make([][]string, len(f.starts))
	for _, i := range f.marked(bans.key) {
		notes[i] = append(notes[i], components.Plural(int(f.bans[i]), "ban", "bans"))
	}
	if !f.hidden[deployments] {
		started := map[startOf][]string{} // services
		for _, d := range slices.Backward(f.deployments) {
			at := db.Time(d.At)
			k := startOf{f.period.Index(at), d.Version, f.clock(at)}
			started[k] = append(started[k], f.names(d.Service))
		}
		for k, services := range started {
			if k.bucket >= 0 {
				slices.Sort(services)
				notes[k.bucket] = append(notes[k.bucket], "Version "+k.version+" of "+listNames(services)+" started at "+k.clock)
			}
		}
	}
	lines := make([]string, len(notes))
	for i, n := range notes {
		slices.Sort(n) // a number of bans is before versions
		lines[i] = strings.Join(n, "\n")
	}
	return lines
}

// startOf groups services of which the same version started at the same time.
type startOf struct {
	bucket         int
	version, clock string
}

// clock formats the time of something in a bucket, with the day if a bucket is longer than a day.
func (f *figures) clock(t time.Time) string {
	if f.period.Step > 24*time.Hour {
		return f.period.Local(t).Format("15:04 on 2 Jan")
	}
	return f.period.Local(t).Format("15:04")
}

func (a *App) marksOf(f *figures, q query) marksView {
	var v marksView
	for _, k := range markKinds {
		t := markToggle{markKind: k, hidden: f.hidden[k.key]}
		var hide []string
		for _, other := range markKinds {
			if f.hidden[other.key] != (other.key == k.key) {
				hide = append(hide, other.key)
			}
		}
		t.url = q.urlWith("/", hideParam, strings.Join(hide, ",")) + "#marks"
		v.kinds = append(v.kinds, t)
	}
	for i, note := range slices.Backward(f.notes()) {
		if note == "" {
			continue
		}
		if len(v.marks) == maxMarks {
			v.more++
			continue
		}
		m := markView{at: f.period.Label(f.starts[i]), text: strings.ReplaceAll(note, "\n", "; ")}
		if f.bans[i] > 0 && !f.hidden[bans.key] {
			m.url = eventsURL(bans.key, "", f.starts[i], f.starts[i].Add(f.period.Step))
		}
		v.marks = append(v.marks, m)
	}
	return v
}

// serviceName returns the name of a service, or its key if it is unknown.
func (a *App) serviceName(key string) string { return cmp.Or(a.Estate.Name(key), key) }

func markCount(n int) string { return components.Plural(n, "older mark", "older marks") }

// listNames joins names: "Forum, Portal and Shop".
func listNames(names []string) string {
	if n := len(names) - 1; n > 0 {
		return strings.Join(names[:n], ", ") + " and " + names[n]
	}
	return strings.Join(names, "")
}
