package bank

import (
	"fmt"
	"strings"

	"gatehouse.example/apps/academy/lab"
)

// maxDrawn is the maximum number of browsers that the picture shows.
const maxDrawn = 4

// Picture returns the current picture of the bank, with the first few browsers only.
func (b *Bank) Picture() *lab.Picture {
	b.mu.Lock()
	up := b.redisUp
	p := &lab.Picture{Balancer: &lab.Node{ID: BalancerNode, Label: "Load balancer", State: lab.Up}}
	for _, br := range b.browsers {
		if !br.drawn || len(p.Browsers) == maxDrawn {
			continue
		}
		n := lab.Node{ID: br.id, Label: br.label, State: lab.Up}
		if br.Token() != "" {
			n.Note = "has a cookie"
			if b.o.Kind == Card || b.o.Kind == CardDenylist {
				n.Note = "has a card"
			}
		}
		p.Browsers = append(p.Browsers, n)
	}
	b.mu.Unlock()
	for _, br := range b.Branches() {
		p.Servers = append(p.Servers, br.node())
	}
	if b.redis != nil {
		n := lab.Node{ID: RedisNode, Label: "Redis", State: lab.Down, Note: "stopped"}
		if up {
			n.State, n.Note = lab.Up, "the shared notebook"
			if b.o.Kind == CardDenylist {
				n.Note = "the denylist"
			}
		}
		p.Shared = append(p.Shared, n)
	}
	p.Text = describe(p)
	return p
}

func (br Branch) node() lab.Node {
	n := lab.Node{ID: br.ID, Label: br.Label, State: br.State, Count: br.Answered}
	switch {
	case br.State == lab.Down:
		n.Note = "down"
	case br.Capacity > 0:
		n.Note = fmt.Sprintf("%d at once", br.Capacity)
		if br.Working == br.Capacity {
			n.State, n.Note = lab.Busy, fmt.Sprintf("%d at work, %d waiting", br.Working, br.Waiting)
		}
	case br.Sessions >= 0:
		n.Note = count(br.Sessions, "session")
	}
	return n
}

// describe returns the picture's content as text.
func describe(p *lab.Picture) string {
	var s strings.Builder
	for i, n := range p.Browsers {
		if i > 0 {
			s.WriteString(", ")
		}
		s.WriteString(n.Label)
		if n.Note != "" {
			s.WriteString(" (" + n.Note + ")")
		}
	}
	fmt.Fprintf(&s, " → load balancer → %s: ", count(len(p.Servers), "branch"))
	for i, n := range p.Servers {
		if i > 0 {
			s.WriteString("; ")
		}
		fmt.Fprintf(&s, "%s is %s", n.Label, n.State)
		if n.Note != "" && n.Note != n.State {
			s.WriteString(", " + n.Note)
		}
		fmt.Fprintf(&s, ", %s answered", count(int(n.Count), "request"))
	}
	s.WriteString(".")
	for _, n := range p.Shared {
		fmt.Fprintf(&s, " %s is %s, %s.", n.Label, n.State, n.Note)
	}
	return s.String()
}
