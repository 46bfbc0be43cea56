//go:build unix

package class_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse.example/tests/estate"
	"gatehouse.example/tests/learner"
)

const (
	learners = 30
	ceiling  = 2 << 30 // bytes that all experiments of a replica may have together (--labs-memory)
	measured = 8 * time.Second
	reading  = time.Second // between two clicks of a learner
)

// lessons are what the class works at, in turn; all of the guided paths that end by
// themselves in a class's time.
var lessons = []string{"notebook-in-the-branch", "sticky-sessions", "shared-notebook", "the-card", "steal-the-token"}

// Thirty learners are at once each in an experiment of their own, while others use the
// Shop. Every one of them gets on, the Shop answers every request, and the experiments
// stay below their ceiling. How quick all that was is printed, and held against nothing:
// machines differ.
func TestClass_ThirtyLearnersAtOnce(t *testing.T) {
	e := estate.Start(t, estate.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	shop := &shopper{url: e.URL("shop") + "/"}
	before := shop.during(ctx, t, func(ctx context.Context) { pause(ctx, measured) })

	class := enrol(ctx, t, e)
	pages, clicks := &times{}, &times{}
	for _, l := range class {
		l.Asked = func(method string, took time.Duration) {
			if method == http.MethodGet {
				pages.add(took)
			} else {
				clicks.add(took)
			}
		}
	}
	var peak int64
	during := shop.during(ctx, t, func(ctx context.Context) {
		var all sync.WaitGroup
		watching, stop := context.WithCancel(ctx)
		all.Go(func() { peak = watch(watching, e.Data) })
		var work sync.WaitGroup
		for i, l := range class {
			work.Go(func() { attend(ctx, t, l, lessons[i%len(lessons)]) })
		}
		work.Wait()
		stop()
		all.Wait()
	})
	if peak <= 0 || peak > ceiling {
		t.Errorf("the experiments held %d bytes at most; want some, and no more than %d", peak, ceiling)
	}
	t.Logf("%d learners on %s", learners, strings.Join(lessons, ", "))
	t.Logf("%-34s %8s %8s %8s", "", "requests", "median", "p99")
	for _, row := range []struct {
		name string
		*times
	}{{"Shop's first page, before", before}, {"Shop's first page, during", during}, {"Academy: a page, during", pages}, {"Academy: a click and its page", clicks}} {
		n, median, p99 := row.summary()
		t.Logf("%-34s %8d %8s %8s", row.name, n, median.Round(100*time.Microsecond), p99.Round(100*time.Microsecond))
	}
	t.Logf("memory of all experiments, at most: %d MiB of %d MiB", peak>>20, int64(ceiling)>>20)
}

// enrol signs the class in.
func enrol(ctx context.Context, t *testing.T, e *estate.Estate) (class []*learner.Learner) {
	t.Helper()
	for n := range learners {
		l, err := learner.New(ctx, e, n+1)
		if err != nil {
			t.Fatal(err)
		}
		class = append(class, l)
	}
	return class
}

// attend walks a guided path to its end.
func attend(ctx context.Context, t *testing.T, l *learner.Learner, experiment string) {
	run, err := l.Start(ctx, experiment)
	if err != nil {
		t.Error(err)
		return
	}
	for {
		pause(ctx, reading)
		_, done, err := l.Do(ctx, run)
		if err != nil {
			t.Errorf("%s: %v", experiment, err)
			return
		}
		if done {
			return
		}
	}
}

// shopper asks for the Shop's first page some twenty times a second.
type shopper struct{ url string }

// during is how long the requests took that were made while work went on.
func (s *shopper) during(ctx context.Context, t *testing.T, work func(context.Context)) *times {
	t.Helper()
	shopping, stop := context.WithCancel(ctx)
	took := &times{}
	var all sync.WaitGroup
	browser := estate.Browser()
	all.Go(func() {
		for shopping.Err() == nil {
			began := time.Now()
			res, err := browser.Get(s.url)
			if err != nil {
				t.Errorf("the Shop did not answer: %v", err)
				return
			}
			res.Body.Close()
			took.add(time.Since(began))
			if res.StatusCode != http.StatusOK {
				t.Errorf("the Shop answered %s", res.Status)
			}
			pause(shopping, 50*time.Millisecond)
		}
	})
	work(ctx)
	stop()
	all.Wait()
	return took
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// times are how long things took.
type times struct {
	mu  sync.Mutex
	all []time.Duration
}

func (t *times) add(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, d)
}

func (t *times) summary() (n int, median, p99 time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n = len(t.all); n == 0 {
		return 0, 0, 0
	}
	slices.Sort(t.all)
	return n, t.all[n/2], t.all[n*99/100]
}

// watch is the most memory that the lab processes of an estate held together until ctx
// ended: what each has for itself alone, in bytes.
func watch(ctx context.Context, data string) (peak int64) {
	for ctx.Err() == nil {
		var sum int64
		for _, pid := range labs(data) {
			sum += anonymous(pid)
		}
		peak = max(peak, sum)
		pause(ctx, 250*time.Millisecond)
	}
	return peak
}

// labs are the processes that the academy's replica has started.
func labs(data string) (pids []string) {
	raw, err := os.ReadFile(filepath.Join(data, "run", "academy-1.pid"))
	if err != nil {
		return nil
	}
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%s/task/*/children", strings.TrimSpace(string(raw))))
	for _, list := range lists {
		children, _ := os.ReadFile(list)
		pids = append(pids, strings.Fields(string(children))...)
	}
	return pids
}

// anonymous is the memory that a process has for itself alone.
func anonymous(pid string) int64 {
	status, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if kib, found := strings.CutPrefix(line, "RssAnon:"); found {
			n, _ := strconv.ParseInt(strings.Fields(kib)[0], 10, 64)
			return n << 10
		}
	}
	return 0
}
