package tests_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// run runs a program in dir and returns its output.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// "./..." does not enter a nested module: what Make, vet and staticcheck name must cover every folder with Go code.
func TestModules_HoldEveryPackage(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(run(t, root, "go", "list", "-e", "-f", "{{.Dir}}", "./...", "./sso/..."))
	for _, file := range strings.Fields(run(t, root, "git", "ls-files", "--cached", "--others", "--exclude-standard", "*.go")) {
		if dir := filepath.Dir(filepath.Join(root, file)); !slices.Contains(listed, dir) {
			if _, err := os.Stat(filepath.Join(root, file)); err == nil {
				t.Errorf("%s is in neither module", file)
				listed = append(listed, dir)
			}
		}
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(makefile)) {
		if strings.Contains(line, "./...") && !strings.Contains(line, "./... ./sso/...") {
			t.Errorf("the Makefile names one module only: %s", line)
		}
	}
}

func TestModules_SSOStandsAlone(t *testing.T) {
	root := module + "/"
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-test", "./...")
	cmd.Dir, cmd.Env = "../sso", append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for _, dep := range strings.Fields(string(out)) {
		if strings.HasPrefix(dep, root) && !strings.HasPrefix(dep, root+"sso/") {
			t.Errorf("sso needs %s", dep)
		}
	}
}

func TestModulePath_RenamesBothModules(t *testing.T) {
	// A copy of the work tree, in a repository of its own: the script renames what git knows. Its folder is always the
	// same one, so that the build cache helps.
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "gatehouse-tests", "renamed")
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	run(t, "..", "sh", "-c", `git ls-files -z --cached --others --exclude-standard | xargs -0 ls -d 2>/dev/null | tar -T - -cf - | tar -xf - -C "$0"`, dir)
	run(t, dir, "sh", "-c", "git init -q && git add -A")

	for _, bad := range []string{"", "login", "/example.com", "example.com/", "example.com/a b", "https://example.com/login"} {
		if out, err := exec.CommandContext(t.Context(), "sh", filepath.Join(dir, "deploy/module-path.sh"), bad).CombinedOutput(); err == nil {
			t.Errorf("the module path %q is taken: %s", bad, out)
		}
	}
	run(t, dir, "make", "-s", "module-path", "MODULE=example.com/login")
	if found, err := exec.CommandContext(t.Context(), "git", "-C", dir, "grep", "-lF", module+"/").Output(); err == nil {
		t.Errorf("the old path is still in %s", found)
	}
	if unformatted := run(t, dir, "sh", "-c", "git ls-files '*.go' | grep -v '_templ[.]go$' | xargs gofmt -l"); unformatted != "" {
		t.Errorf("gofmt would change %s", unformatted)
	}
	run(t, dir, "go", "build", "-o", filepath.Join(dir, "built"), "./cmd/gatehouse")
	run(t, dir, "go", "build", "./sso/...")
}
