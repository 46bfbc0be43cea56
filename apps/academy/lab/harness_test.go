package lab_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse.example/apps/academy/lab"
)

// TestMain lets this test program be the lab process that its tests start.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "lab-process" {
		if err := lab.Serve(context.Background(), os.Stdin, os.Stdout, find, nil, slog.New(slog.DiscardHandler)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func find(name string) (lab.Experiment, bool) {
	e := counter
	e.Name = name
	e.Postgres = name == "large"
	if name == "growing" { // takes a MiB of memory and of disk for each
		e.Params = []lab.Param{{Name: "size", Label: "Size", Type: lab.Int, Default: "0", Max: 1000}}
		e.Controls = append([]lab.Control{{Name: "resize", Fields: e.Params}}, e.Controls...)
		e.Needs = func(setup lab.Args) lab.Needs {
			more := int64(setup.Int("size")) << 20
			return lab.Needs{Memory: lab.DefaultMemory + more, Disk: lab.DefaultDisk + more}
		}
	}
	return e, name == "counter" || name == "large" || name == "growing"
}

// counter adds up what it is told, and breaks when it is told to.
var counter = lab.Experiment{
	Params: []lab.Param{
		{Name: "from", Label: "From", Type: lab.Int, Default: "0", Min: 0, Max: 10},
		{Name: "kind", Label: "Kind", Type: lab.Choice, Default: "plain", Options: []lab.Option{{Value: "plain"}, {Value: "loud"}}},
	},
	Controls: []lab.Control{
		{Name: "add", Fields: []lab.Param{{Name: "n", Label: "How many", Type: lab.Int, Default: "1", Min: 1, Max: 5}}},
		{Name: "later"}, {Name: "refuse"}, {Name: "fault"}, {Name: "panic"}, {Name: "panic-beside"}, {Name: "exit"}, {Name: "hog"}, {Name: "hang"}, {Name: "off"},
		{Name: "touch", PerServer: true}, {Name: "fill"},
		{Name: "try", Fields: []lab.Param{{Name: "what", Type: lab.Text}, {Name: "at", Type: lab.Text}}},
	},
	Steps: []lab.Step{
		{ID: "one", Control: "add", Args: lab.Args{"n": "2"}},
		{ID: "guess", Control: "add", Expect: &lab.Expect{Question: "?", Options: []string{"a", "b"}, Right: 1}, Seen: func(f lab.Findings) bool { return f.Value("sum") >= 3 }},
		{ID: "wait", Control: "later", Once: true, Seen: func(f lab.Findings) bool { return f.Has("later") }},
		{ID: "read"},
	},
	Open: func(_ context.Context, b *lab.Bench) (lab.Apparatus, error) {
		c := &counting{bench: b}
		c.sum.Store(int64(b.Setup().Int("from")))
		if b.Setup()["kind"] == "loud" {
			return nil, errors.New("too loud")
		}
		return c, nil
	},
}

type counting struct {
	bench  *lab.Bench
	sum    atomic.Int64
	adds   atomic.Int64
	closed atomic.Bool
	hangs  atomic.Bool
	held   [][]byte
	tried  atomic.Value // what became of "try"
}

func (c *counting) Do(_ context.Context, control string, args lab.Args) error {
	switch control {
	case "add":
		c.adds.Add(1)
		sum := c.sum.Add(int64(args.Int("n")))
		c.bench.Find("sum", lab.Finding{Label: "Sum", Text: strconv.FormatInt(sum, 10), Value: float64(sum)})
		c.bench.Log(lab.Note, "now %d", sum)
	case "later":
		c.bench.Go(func(context.Context) { c.bench.Find("later", lab.Finding{Label: "Later", Value: 1}) })
	case "refuse":
		return lab.Refusal("Not today.")
	case "fault":
		return errors.New("a fault")
	case "panic":
		panic("in a control")
	case "panic-beside":
		c.bench.Go(func(context.Context) { panic("beside") })
	case "exit":
		os.Exit(3)
	case "resize":
		c.bench.Set("size", args["size"])
	case "fill":
		return os.WriteFile(filepath.Join(c.bench.Dir, "much"), make([]byte, lab.DefaultDisk+1), 0o600)
	case "try":
		c.tried.Store(try(args["what"], args["at"]))
	case "hang":
		c.hangs.Store(true)
	case "hog":
		block := make([]byte, 300<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		c.held = append(c.held, block)
	}
	return nil
}

func (c *counting) View(v *lab.View) {
	if c.hangs.Load() {
		select {}
	}
	v.Facts = []lab.Fact{{Label: "sum", Value: strconv.FormatInt(c.sum.Load(), 10)}, {Label: "adds", Value: strconv.FormatInt(c.adds.Load(), 10)}, {Label: "postgres", Value: c.bench.Postgres}}
	if tried, ok := c.tried.Load().(string); ok {
		v.Facts = append(v.Facts, lab.Fact{Label: "tried", Value: tried})
	}
	v.Picture = &lab.Picture{Servers: []lab.Node{{ID: "s-1"}}}
	v.Controls = map[string]lab.Adjusts{"off": {Disabled: "It is off."}}
}

func (c *counting) Close() error { c.closed.Store(true); return nil }

// manager runs until the test ends. ended receives the runs that are over.
func manager(t *testing.T, change func(*lab.ManagerOptions)) (m *lab.Manager, ended chan string) {
	t.Helper()
	o := lab.ManagerOptions{
		Command: []string{os.Args[0], "lab-process"}, Find: find, Key: "key of the test", Memory: 3 * lab.DefaultMemory,
		Dir: folder(t), Logger: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	m, err := lab.NewManager(o)
	if err != nil {
		t.Fatal(err)
	}
	ended = make(chan string, 10)
	m.Ended(func(id, why string, last lab.State) {
		ended <- fmt.Sprintf("%s: %s (%d events)", id, why, len(last.Events))
	})
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { defer close(stopped); _ = m.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-stopped
	})
	return m, ended
}

// folder is one that a lab process may reach as another user.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, m *lab.Manager, id string) string {
	t.Helper()
	addr, err := m.Start(t.Context(), lab.Start{ID: id, Experiment: "counter", Account: id, Network: id})
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// await receives from c; the deadline only ends a test that hangs.
func await(t *testing.T, c chan string) string {
	t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
		return ""
	}
}
