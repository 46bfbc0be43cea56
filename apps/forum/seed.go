package forum

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"gatehouse.example/apps/forum/store"
)

// boards are the forum's boards. They are defined in code, so that a name or description changes with a deployment.
// icons: megaphone compass package truck wrench trees graduation-cap
var boards = []store.Board{
	{Slug: "house", Name: "House rules & news", Description: "Community rules and what's new.", Icon: "megaphone", StaffOnly: true},
	{Slug: "start", Name: "Getting started", Description: "Accounts, sign-in and finding your way around.", Icon: "compass"},
	{Slug: "products", Name: "Products", Description: "Choosing, using and caring for our products.", Icon: "package"},
	{Slug: "orders", Name: "Orders & delivery", Description: "Parcels, returns and delivery times.", Icon: "truck"},
	{Slug: "workshop", Name: "Workshop", Description: "Hanging doors, fitting locks and sharpening tools.", Icon: "wrench"},
	{Slug: "garden", Name: "Garden & outdoors", Description: "Pots, paths and weather.", Icon: "trees"},
	{Slug: academyBoard, Name: "Academy", Description: "A thread for each lesson, and your own questions.", Icon: "graduation-cap"},
}

//go:embed seed/*.md
var demoThreads embed.FS

// people are the authors of the demo threads. Alice, Bob, Carol and Admin are the portal's demo
// accounts; the others only write.
var people = map[string]store.Author{
	"alice": {Sub: "demo-alice", Name: "Alice Demo"}, "bob": {Sub: "demo-bob", Name: "Bob Demo"},
	"carol": {Sub: "demo-carol", Name: "Carol Demo"}, "frida": {Sub: "demo-frida", Name: "Frida Demo"},
	"gus": {Sub: "demo-gus", Name: "Gus Demo"}, "hana": {Sub: "demo-hana", Name: "Hana Demo"},
	"ivo": {Sub: "demo-ivo", Name: "Ivo Demo"}, "lena": {Sub: "demo-lena", Name: "Lena Demo"}, "admin": {Sub: "demo-admin", Name: "Admin Demo"},
}

func (a *App) seed(ctx context.Context) error {
	for i, b := range boards {
		b.Position = i
		if err := a.store.PutBoard(ctx, b); err != nil {
			return fmt.Errorf("forum: %w", err)
		}
	}
	if !a.Demo {
		return nil
	}
	now := a.Now()
	threads, err := readSeed(demoThreads, now)
	if err != nil {
		return fmt.Errorf("forum: %w", err)
	}
	return a.store.Seed(ctx, "demo threads", now, threads)
}

// readSeed reads the demo threads, one per file. A file consists of posts separated by lines of "---"; each post has
// lines "name: value", an empty line, and its Markdown.
func readSeed(files fs.FS, now time.Time) ([]store.SeedThread, error) {
	names, err := fs.Glob(files, "seed/*.md")
	if err != nil {
		return nil, err
	}
	var threads []store.SeedThread
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		t, err := readThread(string(raw), now)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		// The id is fixed, so that links to a demo thread work in every demo.
		t.ID = strings.TrimSuffix(strings.TrimPrefix(name, "seed/"), ".md")
		threads = append(threads, t)
	}
	return threads, nil
}

func readThread(raw string, now time.Time) (store.SeedThread, error) {
	var t store.SeedThread
	for i, part := range strings.Split(raw, "\n---\n") {
		head, body, _ := strings.Cut(strings.TrimSpace(part), "\n\n")
		p, err := readPost(head)
		if err != nil {
			return t, err
		}
		body = strings.TrimSpace(body)
		if i > 0 {
			t.Replies = append(t.Replies, store.SeedReply{Author: p.by, Source: body, After: p.at, Voters: p.voters, Accepted: p.accepted})
			continue
		}
		t.NewThread = store.NewThread{Board: p.board, Title: p.title, Source: body, Author: p.by, At: now.Add(-p.at), Product: p.product}
		t.Voters, t.Pinned, t.Locked = p.voters, p.pinned, p.locked
	}
	return t, nil
}

type seedPost struct {
	by             store.Author
	at             time.Duration // "ago" for a thread, "after" for a reply
	voters         []string
	title, board   string
	product        store.Product
	pinned, locked bool
	accepted       bool // as the answer of its thread
}

func readPost(head string) (p seedPost, err error) {
	for _, line := range strings.Split(head, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "by":
			p.by = people[value]
		case "ago", "after":
			if p.at, err = time.ParseDuration(value); err != nil {
				return p, err
			}
		case "votes":
			for _, v := range strings.Fields(value) {
				p.voters = append(p.voters, people[v].Sub)
			}
		case "title":
			p.title = value
		case "board":
			p.board = value
		case "product":
			slug, product, _ := strings.Cut(value, " ")
			p.product = store.Product{Slug: slug, Name: product, Path: "/products/" + slug}
		case "state":
			p.pinned, p.locked, p.accepted = strings.Contains(value, "pinned"), strings.Contains(value, "locked"), value == "accepted"
		default:
			return p, fmt.Errorf("unknown field %q in a seed", name)
		}
	}
	if p.by.Sub == "" || p.at <= 0 {
		return p, fmt.Errorf("who wrote %q, and when?", head)
	}
	return p, nil
}
