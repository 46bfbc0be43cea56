package door

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"gatehouse.example/apps/academy/lab"
	"gatehouse.example/sso/trace"
)

// Bank is the ID of the door's node in a picture.
const Bank = "bank"

// Walk reports every request of the browsers and of the door to a bench, and keeps the hops since the last Begin. It
// is safe for concurrent use.
type Walk struct {
	bench    *lab.Bench
	door     *Door
	provider func(host string) lab.Node

	mu          sync.Mutex
	known       map[string]string // name that the bank recognised a browser by, by node ID
	count       map[string]int64  // requests answered, by node ID
	rows        [][]string
	front, back int
}

// NewWalk returns a Walk that watches d. provider returns the node of a host other than the door's.
func NewWalk(b *lab.Bench, d *Door, provider func(host string) lab.Node) *Walk {
	return &Walk{bench: b, door: d, provider: provider, known: map[string]string{}, count: map[string]int64{}}
}

// Browser returns a new browser of the user name, with the picture's node ID id.
func (w *Walk) Browser(id, name string) *Browser {
	return NewBrowser(func(p Page) { w.saw(id, name, p) })
}

// Begin clears the table of hops.
func (w *Walk) Begin() {
	w.door.Noted()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rows, w.front, w.back, w.known = nil, 0, 0, map[string]string{}
}

// Known returns the name that the bank recognised a browser by in its last response; "a guest" for none.
func (w *Walk) Known(id string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if who := w.known[id]; who != "" {
		return who
	}
	return "a guest"
}

// Count returns the number of requests that a node has answered.
func (w *Walk) Count(id string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.count[id]
}

// Hops returns the number of requests through browsers, and of requests from server to server.
func (w *Walk) Hops() (front, back int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.front, w.back
}

// Tables returns the table of hops, or nil if there are none.
func (w *Walk) Tables() []lab.Table {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rows) == 0 {
		return nil
	}
	return []lab.Table{{
		ID: "hops", Title: "The hops, one by one", Columns: []string{"No.", "From → to", "Way", "Request", "Parameters", "Answer", "Took"},
		Numeric: []bool{true, false, false, false, false, true, true}, Rows: slices.Clone(w.rows),
	}}
}

// saw records a browser's request, after the requests that the door made to its provider meanwhile.
func (w *Walk) saw(from, name string, p Page) {
	at := lab.Node{ID: Bank, Label: "Bank"}
	if origin := p.URL.Scheme + "://" + p.URL.Host; origin != w.door.BaseURL {
		at = w.provider(p.URL.Host)
	}
	for _, h := range w.door.Noted() {
		if !h.FrontChannel() && !h.Internal() {
			w.called(h)
		}
	}
	said := Answer{}
	if at.ID == Bank {
		said = Read(p.Body)
	}
	r := lab.Request{At: p.At, From: from, To: at.ID, Method: p.Method, Path: p.URL.Path, Status: p.Status, Took: p.Took, Outcome: lab.Answered, Who: said.Who}
	switch {
	case p.Status >= http.StatusBadRequest:
		r.Outcome = lab.Refused
		r.Text = fmt.Sprintf("%s: %s %s of %s answered %d. %s", name, p.Method, p.URL.Path, at.Label, p.Status, said.Error)
	case p.To != nil:
		r.Text = fmt.Sprintf("%s: %s %s of %s answered %d: on to %s.", name, p.Method, p.URL.Path, at.Label, p.Status, trace.Address(p.To))
	case at.ID == Bank && said.Who != "":
		r.Outcome = lab.Recognised
		r.Text = fmt.Sprintf("%s: the bank answered %d and knows %s.", name, p.Status, said.Who)
	case at.ID == Bank:
		r.Outcome = lab.Unknown
		r.Text = fmt.Sprintf("%s: the bank answered %d to a guest.", name, p.Status)
	default:
		r.Text = fmt.Sprintf("%s: %s %s of %s answered %d with a page.", name, p.Method, p.URL.Path, at.Label, p.Status)
	}
	w.bench.Request(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.front++
	w.count[at.ID]++
	if at.ID == Bank {
		w.known[from] = said.Who
	}
	w.row(name+" → "+at.Label, "browser", p.Method+" "+p.URL.Path, trace.Values(trace.InQuery, p.URL.Query()), p.Status, p.Took)
}

// called records a request from the door to its provider.
func (w *Walk) called(h trace.Step) {
	u, err := url.Parse(h.Address)
	if err != nil {
		return
	}
	at := w.provider(u.Host)
	outcome, why := lab.Answered, ""
	if h.Status >= http.StatusBadRequest {
		outcome = lab.Refused
		for _, v := range h.Answer {
			why += " " + v.Text
		}
	}
	w.bench.Request(lab.Request{
		At: h.At, From: Bank, To: at.ID, Method: h.Method, Path: u.Path, Status: h.Status, Took: h.Took, Outcome: outcome,
		Text: fmt.Sprintf("Server to server: %s %s of %s answered %d.%s", h.Method, u.Path, at.Label, h.Status, why),
	})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.back++
	w.count[at.ID]++
	w.row("Bank → "+at.Label, "server to server", h.Method+" "+u.Path, h.Sent, h.Status, h.Took)
}

func (w *Walk) row(way, channel, request string, sent []trace.Value, status int, took time.Duration) {
	parameters := make([]string, 0, len(sent))
	for _, v := range sent {
		parameters = append(parameters, v.Name+"="+v.Text)
	}
	w.rows = append(w.rows, []string{
		fmt.Sprint(len(w.rows) + 1), way, channel, request, strings.Join(parameters, ", "), fmt.Sprint(status), fmt.Sprintf("%.1f ms", float64(took.Microseconds())/1000),
	})
}
