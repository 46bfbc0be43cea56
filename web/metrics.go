package web

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// One process is one replica of one service: the metrics are of the process.
var (
	requests = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "gatehouse_http_requests_total", Help: "Requests answered.",
	}, []string{"method", "route", "status"})
	seconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "gatehouse_http_request_seconds", Help: "Time to answer a request, in seconds.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	}, []string{"route"})
)

// answered has the same total as requests, and can be read without iterating over its labels.
var answered atomic.Int64

// RequestCount returns the number of requests that this process has answered since it started.
func RequestCount() int64 { return answered.Load() }

func observeRequest(method, route string, status int, took time.Duration) {
	answered.Add(1)
	requests.WithLabelValues(knownMethod(method), route, strconv.Itoa(status)).Inc()
	seconds.WithLabelValues(route).Observe(took.Seconds())
}

// knownMethod returns "other" for made-up methods, which would grow the metrics without a limit.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// MetricsHandler returns a handler that serves the metrics of this process in Prometheus' format. Don't serve it on a
// public address.
func MetricsHandler() http.Handler { return promhttp.Handler() }
