package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"gatehouse.example/apps/academy/experiments/emails"
	"gatehouse.example/apps/academy/experiments/upout"
	"gatehouse.example/apps/academy/lab"
)

// maxStep is the timeout of a step.
const maxStep = 2 * time.Minute

func main() {
	for _, m := range []struct {
		experiment lab.Experiment
		findings   []string
	}{
		{upout.Experiment(), []string{"throughput-small", "throughput-up", "throughput-more", "price-up", "price-out"}},
		{emails.Experiment(), []string{"rows", "ratio"}},
	} {
		if err := measure(context.Background(), m.experiment, m.findings); err != nil {
			fmt.Fprintln(os.Stderr, "experiments:", err)
			os.Exit(1)
		}
	}
}

// measure runs the guided path of e and prints these findings.
func measure(ctx context.Context, e lab.Experiment, findings []string) (err error) {
	dir, err := os.MkdirTemp("", "gatehouse-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	run, err := lab.Open(ctx, e, lab.Options{Mode: lab.Guided, Person: "Bench", Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = firstError(err, run.Close("the measurement is over")) }()
	for i, step := range e.Steps {
		guess := -1
		if step.Expect != nil {
			guess = step.Expect.Right
		}
		if _, err := run.Step(ctx, step.ID, guess, fmt.Sprint("step-", i)); err != nil {
			return fmt.Errorf("step %s: %w", step.ID, err)
		}
		for end := time.Now().Add(maxStep); run.State().Step == i; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				return fmt.Errorf("step %s was not done within %s", step.ID, maxStep)
			}
		}
	}
	for _, name := range findings {
		f := run.State().Findings[name]
		fmt.Printf("%-28s %-20s %s\n", e.Title, name, f.Text)
	}
	return nil
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}
