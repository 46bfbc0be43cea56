package card

import (
	"fmt"
	"strings"

	"gatehouse.example/apps/academy/lab"
)

// View implements lab.Apparatus.
func (a *apparatus) View(v *lab.View) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v.Picture = a.picture()
	v.Facts = []lab.Fact{
		{Label: "Keys that are published", Value: a.office.keyNames(), Code: true},
		{Label: "Keys were fetched", Value: times(a.office.fetched.Load())},
		{Label: "Requests with a card", Value: fmt.Sprint(a.asked)},
		{Label: "Redis commands for them", Value: fmt.Sprint(a.looked)},
	}
	v.Panels = a.panels()
	if a.progress != nil {
		p := *a.progress
		v.Progress = &p
	}
	v.Controls = map[string]lab.Adjusts{}
	if a.waiting {
		for _, c := range Experiment().Controls {
			v.Controls[c.Name] = lab.Adjusts{Disabled: string(errWaiting)}
		}
		return
	}
	if a.card == "" {
		for _, name := range []string{"show", "alter", "none", "hs256", "algorithm", "rotate", "rotation"} {
			v.Controls[name] = lab.Adjusts{Disabled: string(errNoCard)}
		}
	}
	if a.before == "" || len(a.office.cards.KIDs()) < 2 {
		v.Controls["drop"] = lab.Adjusts{Disabled: string(errOneKey)}
	}
}

func times(n int64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func (a *apparatus) picture() *lab.Picture {
	you := lab.Node{ID: "you", Label: "You", State: lab.Up, Note: "no card yet"}
	if a.card != "" {
		you.Note = "with a card"
	}
	p := &lab.Picture{
		Browsers: []lab.Node{you},
		Shared:   []lab.Node{{ID: "redis", Label: "Redis", State: lab.Up, Note: "notebook"}, {ID: "office", Label: "Head office", State: lab.Up, Note: "signs cards"}},
	}
	var told []string
	for _, b := range a.branches {
		n := b.answered.Load()
		p.Servers = append(p.Servers, lab.Node{ID: b.id, Label: b.label, State: lab.Up, Count: n})
		told = append(told, fmt.Sprintf("%s has answered %d requests", b.label, n))
	}
	p.Text = "You send your card straight to each branch. " + strings.Join(told, "; ") + ". Below them stand Redis, which is asked for cookies only, and the head office, whose public keys they have fetched."
	return p
}

// panels returns the last sent card and its three parts.
func (a *apparatus) panels() []lab.Panel {
	if a.shown.raw == "" {
		return []lab.Panel{{ID: "card", Title: "Your card", Text: "You have none yet. What stands on it will be shown here."}}
	}
	p, s := split(a.shown.raw), a.shown
	tone := func(forged bool) string {
		if forged {
			return lab.Bad
		}
		return ""
	}
	signature := p.signature
	if signature == "" {
		signature = "(none)"
	}
	return []lab.Panel{
		{ID: "card", Title: "Sent last: " + s.what, Text: "Three parts with dots between them: header, payload and signature. Everybody can read the first two; only who has the bank's private key can make the third.", Code: wrapped(s.raw)},
		{ID: "header", Title: "Header", Text: "How it is signed, and with which key. It is written by who made the card, so a branch does not believe it: it only picks from what the branch accepts.", Code: readable(p.header), Tone: tone(s.header)},
		{ID: "payload", Title: "Payload", Text: "Who issued it (iss), whom it is about (sub), whom it is for (aud), until when it is good (exp), and the role.", Code: readable(p.payload), Tone: tone(s.payload)},
		{ID: "signature", Title: "Signature", Text: "Of exactly the header and the payload, letter by letter.", Code: wrapped(signature), Tone: tone(s.signature)},
	}
}

// wrapped breaks a text without spaces into lines of 72 characters.
func wrapped(s string) string {
	const width = 72
	var lines []string
	for ; len(s) > width; s = s[width:] {
		lines = append(lines, s[:width])
	}
	return strings.Join(append(lines, s), "\n")
}
