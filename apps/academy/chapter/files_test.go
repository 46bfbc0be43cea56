//go:build unix

package chapter_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gatehouse.example/apps/academy/chapter"
)

func TestLoad_ReadsFilesOfAModestSizeOnly(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "a-pipe.md"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"b-large.md": front + strings.Repeat("x", 256<<10), "c-good.md": front + "Text\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, faults := chapter.Load(chapter.Options{Dir: dir})
	if len(c.Lessons) != 1 {
		t.Errorf("%d lessons", len(c.Lessons))
	}
	if len(faults) != 2 || !strings.Contains(faults[0].String(), "a-pipe.md") || !strings.Contains(faults[1].String(), "takes at most 262144") {
		t.Errorf("faults: %v", faults)
	}
}
