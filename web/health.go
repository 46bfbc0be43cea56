package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// readyTimeout is the timeout of all the checks of /readyz.
const readyTimeout = time.Second

// checkReady handles GET /readyz: it runs all checks concurrently, and answers 200, or 503 with the names of those that
// failed. The errors are only logged.
func (s *server) checkReady(c echo.Context) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), readyTimeout)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	states := make(map[string]string, len(s.Ready))
	status := http.StatusOK
	for name, ask := range s.Ready {
		wg.Go(func() {
			err := ask(ctx)
			mu.Lock()
			defer mu.Unlock()
			states[name] = "ok"
			if err != nil {
				states[name], status = "not responding", http.StatusServiceUnavailable
				s.Logger.Warn("not ready", "needs", name, "error", err)
			}
		})
	}
	wg.Wait()
	return c.JSON(status, states)
}
