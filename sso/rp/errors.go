package rp

import (
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
)

// Error is the reason why a request was refused.
type Error struct {
	Status  int    // HTTP status of the response
	Message string // for the user; may be empty
	Err     error  // cause, for the log; may be nil
}

// Error returns the status, the message and the cause.
func (e *Error) Error() string {
	return fmt.Sprintf("rp: %d %s: %v", e.Status, e.text(), e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) text() string {
	if e.Message == "" {
		return http.StatusText(e.Status)
	}
	return e.Message
}

// WriteError answers a request with a plain page that shows err's message. Errors that are no [*Error] are answered 500
// without details.
func WriteError(w http.ResponseWriter, _ *http.Request, err error) {
	e := &Error{Status: http.StatusInternalServerError}
	errors.As(err, &e)
	title, link := http.StatusText(e.Status), ""
	if o := (*signInOffer)(nil); errors.As(err, &o) {
		var label, address string
		title, label, address = o.Offer()
		link = fmt.Sprintf(`<p><a href="%s">%s</a></p>`, html.EscapeString(address), html.EscapeString(label))
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(e.Status)
	title = html.EscapeString(title)
	// html/template would keep the linker from leaving out unused methods, which doubles the size of a small app.
	_, _ = fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>%s</title>\n<h1>%s</h1><p>%s</p>%s\n",
		title, title, html.EscapeString(e.text()), link)
}

// logErrors returns an error handler that logs the causes of errors 5xx before it calls next. It does not answer a
// client that has gone.
func logErrors(log *slog.Logger, next func(http.ResponseWriter, *http.Request, error)) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		if r.Context().Err() != nil {
			return
		}
		if e := (*Error)(nil); !errors.As(err, &e) || e.Status >= http.StatusInternalServerError {
			log.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		}
		next(w, r, err)
	}
}

// handler returns h as an http.Handler. ErrorHandler answers h's errors.
func (a *RP) handler(h func(w http.ResponseWriter, r *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		if s := stateOf(r.Context()); s != nil {
			s.failure = err
		}
		a.ErrorHandler(w, r, err)
	})
}

// redirect redirects to target as it is; http.Redirect would clean its path.
func redirect(w http.ResponseWriter, status int, target string) error {
	w.Header().Set("Location", target)
	w.WriteHeader(status)
	return nil
}

// unavailable returns a 503 error while Redis or the provider does not answer: the cookie stays, and the browser may
// retry.
func unavailable(w http.ResponseWriter, err error) error {
	w.Header().Set("Retry-After", "2")
	return &Error{Status: http.StatusServiceUnavailable, Err: err}
}
