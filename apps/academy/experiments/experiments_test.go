package experiments_test

import (
	"strings"
	"testing"

	"gatehouse.example/apps/academy/experiments"
	"gatehouse.example/apps/academy/lab"
)

// A link may carry any set-up. The guided paths that could not come to their end with it
// begin with one that they can, and free mode takes it as it is.
func TestPath_BeginsWithWhatItCan(t *testing.T) {
	for name, asked := range map[string]map[string]string{ // the parameter, and what becomes of it
		"up-or-out":              {"branches 12": "1", "size 16": "2"},
		"notebook-in-the-branch": {"branches 1": "2", "branches 12": "7", "branches 4": "4"},
		"sticky-sessions":        {"branches 1": "2"},
		"shared-notebook":        {"branches 12": "7"},
		"steal-the-token":        {"kind denylist": "plain"},
	} {
		e, _ := experiments.Find(name)
		for given, want := range asked {
			param, value, _ := strings.Cut(given, " ")
			for mode, want := range map[string]string{lab.Guided: want, lab.Free: value} {
				run, err := lab.Open(t.Context(), e, lab.Options{Setup: lab.Args{param: value}, Mode: mode, Dir: t.TempDir()})
				if err != nil {
					t.Fatalf("%s, %s, %s: %v", name, given, mode, err)
				}
				if got := run.State().Setup[param]; got != want {
					t.Errorf("%s, %s: %s begins with %s, want %s", name, given, mode, got, want)
				}
				if err := run.Close("the test is over"); err != nil {
					t.Error(err)
				}
			}
		}
	}
}
