package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// admissionTimeout is the maximum time that a guest's request waits in the queue.
	admissionTimeout = 5 * time.Second
	// maxAdmissionQueue is the maximum number of queued requests for each running one.
	maxAdmissionQueue = 16
)

// AdmitGuests returns middleware that runs at most running guest requests at a time and queues the others. It answers
// 503 with Retry-After when the queue is full or a request has waited for admissionTimeout. Requests for which guest
// returns false are not limited.
func AdmitGuests(running int, guest func(c echo.Context) bool) echo.MiddlewareFunc {
	turns, queue := make(chan struct{}, running), make(chan struct{}, running*(1+maxAdmissionQueue))
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !guest(c) {
				return next(c)
			}
			select {
			case queue <- struct{}{}:
				defer func() { <-queue }()
			default:
				return errBusy()
			}
			timeout := time.NewTimer(admissionTimeout)
			defer timeout.Stop()
			select {
			case turns <- struct{}{}:
				defer func() { <-turns }()
				return next(c)
			case <-timeout.C:
				return errBusy()
			case <-c.Request().Context().Done():
				return c.Request().Context().Err()
			}
		}
	}
}

func errBusy() *Error {
	e := Fail(http.StatusServiceUnavailable, "busy", "This page is very busy. Please try again in a few seconds.")
	e.RetryAfter = 2 * time.Second
	return e
}
