package bank

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// Branch is a snapshot of a branch.
type Branch struct {
	ID, Label string // "branch-2", "Branch 2"
	State     string // lab.Up or lab.Down
	Sessions  int    // in its memory; -1 if the kind keeps none there
	Answered  int64  // requests, since it was opened first
	Capacity  int    // requests at once; 0 is unlimited
	Working   int    // requests in progress and waiting; only with a Capacity
	Waiting   int
}

// stopTime limits how long a branch may take to finish its requests in progress.
const stopTime = 3 * time.Second

// Branches returns all branches, including those that are down.
func (b *Bank) Branches() []Branch {
	b.mu.Lock()
	branches := slices.Clone(b.branches)
	b.mu.Unlock()
	list := make([]Branch, len(branches))
	for i, br := range branches {
		list[i] = br.look()
	}
	return list
}

// Branch returns the branch with this ID, and false if there is none.
func (b *Bank) Branch(id string) (Branch, bool) {
	br, err := b.find(id)
	if err != nil {
		return Branch{}, false
	}
	return br.look(), true
}

func (br *branch) look() Branch {
	br.mu.Lock()
	defer br.mu.Unlock()
	l := Branch{ID: br.id, Label: br.label, State: lab.Down, Sessions: -1, Answered: br.answered.Load(), Capacity: br.capacity}
	if o := br.open; o != nil {
		l.State, l.Sessions = lab.Up, o.keeper.sessions()
		l.Working, l.Waiting = o.gate.busy()
	}
	return l
}

// AddBranch opens another branch. It returns a Refusal if the bank has MaxBranches already.
func (b *Bank) AddBranch(ctx context.Context) (Branch, error) {
	b.changing.Lock()
	defer b.changing.Unlock()
	br, err := b.open(ctx)
	if err != nil {
		return Branch{}, err
	}
	b.bench.Log(lab.Note, "%s opened, with nothing in its memory.", br.label)
	return br.look(), nil
}

// open starts a branch with the lowest free number. The caller holds b.changing.
func (b *Bank) open(ctx context.Context) (*branch, error) {
	b.mu.Lock()
	number, at := 1, 0
	for ; at < len(b.branches) && b.branches[at].number == number; at++ {
		number++
	}
	full, closed := len(b.branches) >= MaxBranches, b.closed
	b.mu.Unlock()
	switch {
	case closed:
		return nil, errClosed
	case full:
		return nil, lab.Refusal(fmt.Sprintf("The bank has %d branches already, as many as there is room for.", MaxBranches))
	}
	br := &branch{
		bank: b, id: fmt.Sprintf("branch-%d", number), label: fmt.Sprintf("Branch %d", number), number: number,
		addr: "127.0.0.1:0", capacity: b.o.Capacity,
	}
	if err := b.serve(ctx, br); err != nil {
		return nil, err
	}
	b.mu.Lock()
	b.branches = slices.Insert(b.branches, at, br)
	b.mu.Unlock()
	return br, nil
}

const errClosed = lab.Refusal("This experiment is over.")

// serve starts a branch and adds it to the balancer.
func (b *Bank) serve(ctx context.Context, br *branch) error {
	if err := br.start(ctx); err != nil {
		return err
	}
	return b.balancer.Add(pool, br.id, br.addr)
}

func (b *Bank) find(id string) (*branch, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, br := range b.branches {
		if br.id == id {
			return br, nil
		}
	}
	return nil, lab.Refusal("That branch no longer exists.")
}

// RemoveBranch closes a branch for good, after its requests in progress have finished. It returns a Refusal for the
// last branch.
func (b *Bank) RemoveBranch(ctx context.Context, id string) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	br, err := b.find(id)
	if err != nil {
		return err
	}
	if len(b.Branches()) == 1 {
		return lab.Refusal("A bank needs at least one branch.")
	}
	ctx, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	_ = b.balancer.Remove(ctx, pool, id) // the balancer drops it even if a client still waits for an answer
	br.stop(ctx)
	b.mu.Lock()
	b.branches = slices.DeleteFunc(b.branches, func(one *branch) bool { return one == br })
	b.mu.Unlock()
	b.bench.Log(lab.Note, "%s was closed permanently.", br.label)
	return nil
}

// Kill takes a branch down at once: its listener and all its connections are closed, and the contents of its memory
// are lost. The balancer is not told. The branch stays down until Restart.
func (b *Bank) Kill(_ context.Context, id string) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	br, err := b.find(id)
	if err != nil {
		return err
	}
	was := br.look()
	if was.State == lab.Down {
		return lab.Refusal(br.label + " is down already.")
	}
	br.kill()
	switch {
	case was.Sessions > 0:
		b.bench.Log(lab.Bad, "%s was killed. %s in its memory: gone.", br.label, count(was.Sessions, "session"))
	default:
		b.bench.Log(lab.Bad, "%s was killed.", br.label)
	}
	return nil
}

// Restart starts a branch that is down, or stops and starts one that is up. Its memory is empty afterwards.
func (b *Bank) Restart(ctx context.Context, id string) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	br, err := b.find(id)
	if err != nil {
		return err
	}
	return b.restart(ctx, br, "%s was started again, with nothing in its memory.", br.label)
}

// restart stops a branch if it runs, starts it and logs the formatted note.
func (b *Bank) restart(ctx context.Context, br *branch, format string, args ...any) error {
	bounded, cancel := context.WithTimeout(ctx, stopTime)
	defer cancel()
	_ = b.balancer.Remove(bounded, pool, br.id)
	br.stop(bounded)
	if err := b.serve(ctx, br); err != nil {
		return err
	}
	b.bench.Log(lab.Note, format, args...)
	return nil
}

// RestartAll restarts the branches one after the other, so that the others stay available. It also starts those that
// are down.
func (b *Bank) RestartAll(ctx context.Context) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	b.mu.Lock()
	branches := slices.Clone(b.branches)
	b.mu.Unlock()
	for _, br := range branches {
		if err := b.restart(ctx, br, "%s was started again, with nothing in its memory.", br.label); err != nil {
			return err
		}
	}
	return nil
}

// Resize changes a branch's capacity. As this stands for a move to another machine, the branch is restarted.
func (b *Bank) Resize(ctx context.Context, id string, capacity int) error {
	b.changing.Lock()
	defer b.changing.Unlock()
	br, err := b.find(id)
	if err != nil {
		return err
	}
	br.mu.Lock()
	br.capacity = capacity
	br.mu.Unlock()
	return b.restart(ctx, br, "%s moved to a machine that serves %d at once. It was closed while it moved.", br.label, capacity)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %s", n, plural(what))
}

func plural(what string) string {
	if what == "branch" {
		return "branches"
	}
	return what + "s"
}
