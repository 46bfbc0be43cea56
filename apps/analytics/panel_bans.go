package analytics

import (
	"slices"

	"gatehouse.example/events"
)

// banApp is the app that bans are counted for: the service that records them.
const banApp = "portal"

// bans lists the bans of users. Charts mark them.
var bans = panel{key: "bans", title: "Bans", types: []string{events.UserBanned}}

// maxMarks limits how many marks the list below the charts explains.
const maxMarks = 20

// marksView is the list below the charts that explains their marks.
type marksView struct {
	marks []markView // newest first
	more  int        // older marks that are not listed
}

type markView struct {
	at, url string
	bans    int64
}

// marked returns the indexes of the buckets with bans.
func (f *figures) marked() []int {
	var marked []int
	for i, n := range f.bans {
		if n > 0 {
			marked = append(marked, i)
		}
	}
	return marked
}

func marksOf(f *figures) marksView {
	var v marksView
	for _, i := range slices.Backward(f.marked()) {
		if len(v.marks) == maxMarks {
			v.more++
			continue
		}
		v.marks = append(v.marks, markView{
			at: f.period.Label(f.starts[i]), bans: f.bans[i], url: eventsURL(bans.key, "", f.starts[i], f.starts[i].Add(f.period.Step)),
		})
	}
	return v
}
