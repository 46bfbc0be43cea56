package balancer_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// BenchmarkRequest compares a backend asked directly with the same backend behind the balancer: the difference
// is what the balancer costs. Client, balancer and backend share the process.
func BenchmarkRequest(b *testing.B) {
	page := []byte(strings.Repeat("x", 12_000))
	for _, kind := range []string{"small", "page", "chunked"} {
		handler := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			switch kind {
			case "small":
				_, _ = io.WriteString(w, "hello")
			case "page":
				w.Header().Set("Content-Length", strconv.Itoa(len(page)))
				_, _ = w.Write(page)
			case "chunked":
				_, _ = w.Write(page)
			}
		}
		b.Run(kind+"/direct", func(b *testing.B) {
			s := httptest.NewServer(http.HandlerFunc(handler))
			defer s.Close()
			load(b, s.Listener.Addr().String())
		})
		b.Run(kind+"/balanced", func(b *testing.B) {
			e := newEstate(b, nil)
			e.backend(b, "shop", "shop-1", handler)
			load(b, e.addr)
		})
	}
}

// BenchmarkOpenTab measures the memory that one open tab takes in the balancer's process.
func BenchmarkOpenTab(b *testing.B) {
	bytes := 0
	for range b.N {
		bytes += tabMemory(b, 1000)
	}
	b.ReportMetric(0, "ns/op") // the time is that of starting a process
	b.ReportMetric(float64(bytes)/float64(b.N)/1000, "KB/tab")
}

func load(b *testing.B, addr string) {
	b.ReportAllocs()
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	defer transport.CloseIdleConnections()
	before := cpu(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+addr+"/products?page=2", nil)
		if err != nil {
			b.Error(err)
			return
		}
		req.Host = "shop.localhost:8080"
		req.Header = http.Header{
			"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
			"Accept-Language": {"en"}, "Cookie": {"shop_session=0123456789abcdef0123456789abcdef; theme=dark"},
			"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
		}
		for pb.Next() {
			res, err := transport.RoundTrip(req)
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
				b.Error(res.Status, err)
			}
			res.Body.Close()
		}
	})
	b.ReportMetric(float64(cpu(b)-before)/float64(b.N)/1000, "cpu-µs/op")
}

// cpu is the processor time that this process has used, in nanoseconds: unlike the time on the clock it
// does not depend on what else the machine does.
func cpu(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
