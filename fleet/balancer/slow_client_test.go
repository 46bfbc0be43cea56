package balancer_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"gatehouse.example/fleet/balancer"
)

func TestTimeout_OfAClientThatDoesNotRead(t *testing.T) {
	e := newEstate(t, func(o *balancer.Options) { o.AnswerTimeout = 100 * time.Millisecond })
	cut := make(chan struct{})
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		piece := make([]byte, 1<<20)
		for { // until the balancer hangs up
			if _, err := w.Write(piece); err != nil {
				close(cut)
				return
			}
		}
	})
	conn, err := net.Dial("tcp", e.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-cut
}

func TestTimeout_OfAnAnswerStartsAnew(t *testing.T) {
	e := newEstate(t, func(o *balancer.Options) { o.AnswerTimeout = 100 * time.Millisecond })
	pause := func() { time.Sleep(150 * time.Millisecond) } // longer than one piece may take
	e.backend(t, "shop", "shop-1", func(w http.ResponseWriter, r *http.Request) {
		for range 2 {
			_, _ = io.WriteString(w, "piece ")
			_ = http.NewResponseController(w).Flush()
			pause()
		}
	})
	for range 2 { // the second request comes over the same connection
		if _, body := e.get(t, "shop.localhost", "/"); body != "piece piece " {
			t.Errorf("a slow answer was cut: %q", body)
		}
		pause()
	}
}
