package tests_test

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The image is built from what .dockerignore lets through: a folder that main began to need must be there.
func TestDockerignore_LetsThroughWhatMainNeeds(t *testing.T) {
	file, err := os.Open("../.dockerignore")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	through := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "!"); ok {
			through[name] = true
		}
	}
	deps := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", module+"/cmd/gatehouse")
	deps.Dir = ".."
	out, err := deps.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for _, name := range strings.Fields(string(out)) {
		inner, ours := strings.CutPrefix(name, module+"/")
		if folder, _, _ := strings.Cut(inner, "/"); ours && !through[folder] {
			t.Errorf("main needs %s, which the build of the image does not see", inner)
			through[folder] = true
		}
	}
	for _, name := range []string{"go.mod", "go.sum", "go.work"} {
		if !through[name] {
			t.Errorf("the build of the image does not see %s", name)
		}
	}
}
