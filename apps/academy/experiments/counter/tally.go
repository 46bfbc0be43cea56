package counter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gatehouse.example/apps/academy/bank"
	"gatehouse.example/apps/academy/lab"
)

// Tally counts answers by branch. It is safe for concurrent use.
type Tally struct {
	mu sync.Mutex
	by map[string]Count // by the ID of the branch or balancer that answered
}

// Count is the number of answers of each outcome.
type Count struct{ Asked, Recognised, Unknown, Refused, Lost int }

// Add counts one answer.
func (c *Count) Add(r lab.Request) {
	c.Asked++
	switch r.Outcome {
	case lab.Recognised:
		c.Recognised++
	case lab.Unknown:
		c.Unknown++
	case lab.Refused:
		c.Refused++
	case lab.Lost:
		c.Lost++
	}
}

// Plus returns the sum of two counts.
func (c Count) Plus(d Count) Count {
	return Count{c.Asked + d.Asked, c.Recognised + d.Recognised, c.Unknown + d.Unknown, c.Refused + d.Refused, c.Lost + d.Lost}
}

// Of returns the finding "n of all that were asked".
func (c Count) Of(n int, label string) lab.Finding {
	return lab.Finding{Label: label, Text: fmt.Sprintf("%d of %d", n, c.Asked), Value: float64(n)}
}

// All returns the finding of how many were asked.
func (c Count) All(label string) lab.Finding {
	return lab.Finding{Label: label, Text: strconv.Itoa(c.Asked), Value: float64(c.Asked)}
}

// Add counts one answer.
func (t *Tally) Add(r lab.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by = map[string]Count{}
	}
	c := t.by[r.To]
	c.Add(r)
	t.by[r.To] = c
}

// Of returns the count of one branch.
func (t *Tally) Of(id string) Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.by[id]
}

// Total returns the sum of all counts.
func (t *Tally) Total() Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sum Count
	for _, c := range t.by {
		sum = sum.Plus(c)
	}
	return sum
}

// Table returns a table of each branch's answers, with the balancer's own answers at the end.
func (t *Tally) Table(branches []bank.Branch) lab.Table {
	table := lab.Table{
		ID: "answers", Title: "Who knew you?",
		Columns: []string{"Branch", "Asked", "Knew you", "Did not know you", "Could not say"},
		Numeric: []bool{false, true, true, true, true},
	}
	row := func(label string, c Count) {
		table.Rows = append(table.Rows, []string{
			label, strconv.Itoa(c.Asked), strconv.Itoa(c.Recognised), strconv.Itoa(c.Unknown), strconv.Itoa(c.Refused + c.Lost),
		})
	}
	for _, br := range branches {
		row(br.Label, t.Of(br.ID))
	}
	if c := t.Of(bank.BalancerNode); c.Asked > 0 {
		row("Nobody", c)
	}
	return table
}

// Chart returns the counts as a bar chart.
func (t *Tally) Chart(branches []bank.Branch) lab.Chart {
	knew, not := lab.Series{Label: "Knew you"}, lab.Series{Label: "Did not"}
	chart := lab.Chart{ID: "answers", Title: "Who knew you?", Subtitle: "Answers of each branch to “who are you?”", Kind: "bar", YLabel: "answers"}
	for _, br := range branches {
		c := t.Of(br.ID)
		chart.Labels = append(chart.Labels, br.Label)
		knew.Values = append(knew.Values, float64(c.Recognised))
		not.Values = append(not.Values, float64(c.Asked-c.Recognised))
	}
	chart.Series = []lab.Series{knew, not}
	return chart
}

// Cookies returns facts about the cookies that the learner's browser sends, with shortened values. names maps cookie
// names to labels.
func Cookies(b *bank.Browser, names map[string]string) []lab.Fact {
	var facts []lab.Fact
	for _, c := range b.Cookies() {
		label := names[c.Name]
		if label == "" {
			label = "Cookie"
		}
		facts = append(facts, lab.Fact{Label: label, Value: c.Name + "=" + short(c.Value), Code: true})
	}
	slices.SortFunc(facts, func(a, b lab.Fact) int { return strings.Compare(a.Value, b.Value) })
	if len(facts) == 0 {
		facts = append(facts, lab.Fact{Label: "Cookies of your browser", Value: "none"})
	}
	return facts
}

// short returns the first 8 characters of a secret, enough to tell it from another.
func short(s string) string {
	if len(s) > 8 {
		return s[:8] + "…"
	}
	return s
}
