//go:build unix

package estate

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built returns the path of the program, built once for each test process.
var built = sync.OnceValues(func() (string, error) {
	if given := os.Getenv("GATEHOUSE_BINARY"); given != "" {
		return filepath.Abs(given)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "gatehouse-tests")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	// Build it under another name first: another test process may be running the existing one.
	fresh := filepath.Join(folder, fmt.Sprintf("gatehouse.%d", os.Getpid()))
	if out, err := exec.Command("go", "build", "-o", fresh, "gatehouse.example/cmd/gatehouse").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	binary := filepath.Join(folder, "gatehouse")
	return binary, os.Rename(fresh, binary)
})

// Binary builds the program and returns its path; GATEHOUSE_BINARY names an existing one.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
