package web_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/labstack/echo/v4"

	"gatehouse.example/web"
)

// Of many guests, few are answered at a time, some wait for their turn, and the rest are told to come again; who is
// signed in is answered all the same.
func TestAdmitGuests_OneAfterTheOther(t *testing.T) {
	const running, waiting = 2, 2 * 16
	var mu sync.Mutex
	now, most := 0, 0
	entered, leave := make(chan struct{}, running), make(chan struct{})
	e := echo.New()
	admit := web.AdmitGuests(running, func(c echo.Context) bool { return c.QueryParam("person") == "" })
	handle := admit(func(c echo.Context) error {
		if c.QueryParam("person") != "" {
			return c.NoContent(http.StatusOK)
		}
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		select {
		case entered <- struct{}{}:
		default:
		}
		<-leave
		mu.Lock()
		now--
		mu.Unlock()
		return nil
	})
	ask := func(path string) error {
		return handle(e.NewContext(httptest.NewRequest(http.MethodGet, path, nil), httptest.NewRecorder()))
	}
	answers := make(chan error)
	const asked = 2 * (running + waiting)
	for range asked {
		go func() { answers <- ask("/search") }()
	}
	for range running {
		<-entered
	}
	for range asked - running - waiting { // these are not waited for by anybody
		refused := (*web.Error)(nil)
		if err := <-answers; !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable || refused.RetryAfter <= 0 {
			t.Fatalf("a guest too many: %v", err)
		}
	}
	if err := ask("/search?person=maria"); err != nil {
		t.Errorf("who is signed in: %v", err)
	}
	close(leave)
	for range running + waiting {
		if err := <-answers; err != nil {
			t.Errorf("a guest who waited: %v", err)
		}
	}
	if most != running {
		t.Errorf("%d guests were answered at a time; want %d", most, running)
	}
}
