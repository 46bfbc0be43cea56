package supervisor

import (
	"os"
	"strings"
	"sync"
)

// maxTail is the number of bytes of a process's last output that are kept.
const maxTail = 4096

// tail keeps the end of a process's output: from its log file, or as a writer.
type tail struct {
	file *os.File // nil if tail is used as a writer
	from int64    // the file's size when the process started

	mu   sync.Mutex
	last []byte
}

// Write keeps the end of what is written and never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, b...)
	if extra := len(t.last) - maxTail; extra > 0 {
		t.last = append([]byte(nil), t.last[extra:]...)
	}
	return len(b), nil
}

// readFile reads the end of the file before it is closed.
func (t *tail) readFile() {
	info, err := t.file.Stat()
	if err != nil {
		return
	}
	end := make([]byte, min(maxTail, max(0, info.Size()-t.from)))
	n, _ := t.file.ReadAt(end, info.Size()-int64(len(end))) // on an error, use what could be read
	_, _ = t.Write(end[:n])
}

// lastLines returns the last three lines as one, or the line of a panic, at most 400 bytes; "" if there was no output.
func (t *tail) lastLines() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(string(t.last), "")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") {
			lines = []string{line}
			break
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	words := strings.Join(lines[max(0, len(lines)-3):], "; ")
	if extra := len(words) - 400; extra > 0 {
		words = "…" + strings.ToValidUTF8(words[extra:], "")
	}
	return words
}
