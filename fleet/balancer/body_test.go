package balancer_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// posts is how many forms TestPost_IsAnsweredWhole sends; `go test ./fleet/balancer -posts 20000` for a longer look.
var posts = flag.Int("posts", 2000, "number of forms that are sent through the balancer")

// closedBody is a body of three bytes that the server has closed when its end was reached, as net/http does once the
// answer begins.
type closedBody struct {
	sent  bool
	later atomic.Int32 // reads after the end
}

func (b *closedBody) Read(p []byte) (int, error) {
	if b.sent {
		b.later.Add(1)
		return 0, http.ErrBodyReadAfterClose
	}
	b.sent = true
	return copy(p, "a=b"), io.EOF
}

func (*closedBody) Close() error { return nil }

// An answer arrives whole although the transport reads the request's body once more after its end.
func TestPost_IsNotReadPastItsEnd(t *testing.T) {
	page := strings.Repeat("x", 10_059)
	e := newEstate(t, nil)
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, page)
	})
	body := &closedBody{}
	req := httptest.NewRequest(http.MethodPost, "http://shop.localhost/nothing", body)
	req.ContentLength = 3
	w := httptest.NewRecorder()
	e.Balancer.ServeHTTP(w, req)
	if w.Code != http.StatusOK || w.Body.String() != page {
		t.Errorf("%d, %d bytes of %d", w.Code, w.Body.Len(), len(page))
	}
	if n := body.later.Load(); n != 0 {
		t.Errorf("%d reads past the end of the body", n)
	}
}

// Forms on kept connections get their whole answer (RFC 9112 §6.3), also where the service does not read them.
func TestPost_IsAnsweredWhole(t *testing.T) {
	const clients = 8
	page := strings.Repeat("x", 10_059)
	e := newEstate(t, nil)
	for n := range 4 { // each form takes a connection of its own to a backend, whose ports are not without end
		e.backend(t, "shop", fmt.Sprint("shop-", n+1), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(page)))
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, page[:4096])
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, page[4096:])
		})
	}
	var wg sync.WaitGroup
	var short atomic.Int32
	for range clients {
		wg.Go(func() {
			for range *posts / clients {
				req := e.request(t, http.MethodPost, "shop.localhost", "/nothing", strings.NewReader("a=b"))
				res, err := e.client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := io.ReadAll(res.Body); err != nil || string(got) != page {
					short.Add(1)
				}
				_ = res.Body.Close()
			}
		})
	}
	wg.Wait()
	if n := short.Load(); n != 0 {
		t.Errorf("%d of %d answers came short", n, *posts)
	}
}
