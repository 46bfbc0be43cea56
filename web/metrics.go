package web

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// One process is one replica of one service: the process's metrics are its own.
var (
	requests = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_http_requests_total", Help: "Requests answered.",
	}, []string{"method", "route", "status"})
	seconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "gatehouse_http_request_seconds", Help: "Time to answer a request, in seconds.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"route"})
)

// answered counts what requests counts, to be read without a walk through its labels.
var answered atomic.Int64

// RequestCount is how many requests this process has answered since it started.
func RequestCount() int64 { return answered.Load() }

func observeRequest(method, route string, status int, took time.Duration) {
	answered.Add(1)
	requests.WithLabelValues(knownMethod(method), route, statusText(status)).Inc()
	seconds.WithLabelValues(route).Observe(took.Seconds())
}

// knownMethod keeps made-up methods from growing the metrics.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// MetricsHandler answers with the metrics of this process in Prometheus' format.
// It belongs on an address that the public does not reach.
func MetricsHandler() http.Handler { return promhttp.Handler() }
