//go:build unix

package faults_test

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gatehouse.example/tests/estate"
)

// A replica that is started without what it needs names all of it at once.
func TestReplica_SaysWhatIsMissing(t *testing.T) {
	app := []string{"--redis-url", "--database-url", "--client-secret"}
	for service, needs := range map[string][]string{
		"portal":    {"--redis-url", "--database-url", "--key", "--client-secrets"},
		"shop":      app,
		"forum":     app,
		"analytics": app,
		"academy":   app,
		"migrate":   {"--database-url"},
	} {
		t.Run(service, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, estate.Binary(t), service)
			cmd.Env = []string{"HOME=" + t.TempDir()}
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("ended with %v, want exit code 1", err)
			}
			said := strings.TrimSuffix(string(out), "\n")
			if strings.Contains(said, "\n") {
				t.Errorf("said %q, want one sentence", said)
			}
			for _, flag := range needs {
				if !strings.Contains(said, flag+"=") {
					t.Errorf("said %q, without %s", said, flag)
				}
			}
		})
	}
}
