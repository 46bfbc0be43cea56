package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse/components"
)

// Error is a fault with a stable code, a message that is safe to show, and a
// hidden cause that only the log tells.
type Error struct {
	Status     int    // of HTTP
	Code       string // for programs: not_found
	Title      string // headline of the page; the status' own when empty
	Message    string // for the person, a whole sentence
	RetryAfter time.Duration
	Err        error // hidden cause

	ActionLabel, ActionURL string // a button for what the person can do about it
}

// Error tells code and cause. It is for the log, not for people.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Message
}

// Unwrap is the hidden cause.
func (e *Error) Unwrap() error { return e.Err }

// Because is e with its cause.
func (e *Error) Because(err error) *Error { e.Err = err; return e }

// Titled is e with a headline of its own.
func (e *Error) Titled(title string) *Error { e.Title = title; return e }

// Fail makes an error out of its status, its code and what people are told.
func Fail(status int, code, message string) *Error {
	return &Error{Status: status, Code: code, Message: message}
}

// Invalid is a 422: the request was understood and can't be done as it is.
func Invalid(message string) *Error {
	return Fail(http.StatusUnprocessableEntity, "invalid", message)
}

// NotFound is a 404 that names what is missing: "This product".
func NotFound(what string) *Error {
	return Fail(http.StatusNotFound, "not_found", what+" does not exist, or no longer does.")
}

// Forbidden is a 403.
func Forbidden(message string) *Error { return Fail(http.StatusForbidden, "forbidden", message) }

// Unavailable is a 503: something that is needed does not answer.
func Unavailable(err error) *Error {
	e := Fail(http.StatusServiceUnavailable, "unavailable",
		"Something this page needs does not answer just now. Nothing is lost, and you are not signed out. Please try again in a moment.")
	e.RetryAfter, e.Err = 2*time.Second, err
	return e
}

// Responder is an error that answers in a form of its own, such as an OAuth
// redirect or OAuth JSON.
type Responder interface {
	error
	Respond(c echo.Context) error
}

// offer is a cause of an error whose page has a title and a button of its own.
type offer interface {
	error
	Offer() (title, label, address string)
}

// Translate makes an [Error] of whatever a handler returned.
func Translate(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if e := (*echo.HTTPError)(nil); errors.As(err, &e) {
		return fromEcho(e)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Fail(499, "client_gone", "The request was given up.").Because(err)
	case errors.Is(err, context.DeadlineExceeded), away(err):
		return Unavailable(err)
	}
	return Fail(http.StatusInternalServerError, "internal",
		"This is our fault, not yours. It has been written down under the request id below.").Because(err)
}

// away reports whether err says that a server which the handler needs, such as the
// database, can't be reached, is just starting or stopping, or has no room. All of it
// can pass without a restart of the service.
func away(err error) bool {
	if n := net.Error(nil); errors.As(err, &n) {
		return true
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	// SQLSTATE classes: 08 connection exception, 53 out of resources, 57P by operator.
	if s := interface{ SQLState() string }(nil); errors.As(err, &s) {
		code := s.SQLState()
		return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P")
	}
	// SQLite's result codes; an extended code adds bits above the lowest eight (https://www.sqlite.org/rescode.html).
	if s := interface{ Code() int }(nil); errors.As(err, &s) {
		switch s.Code() & 0xff {
		case 5, 6, 7, 8, 10, 13, 14: // BUSY, LOCKED, NOMEM, READONLY (as a disk with faults becomes), IOERR, FULL, CANTOPEN
			return true
		}
	}
	return false
}

func fromEcho(e *echo.HTTPError) *Error {
	out := &Error{Status: e.Code, Err: e.Internal}
	switch e.Code {
	case http.StatusNotFound:
		out.Code, out.Message = "not_found", "There is nothing at this address."
	case http.StatusMethodNotAllowed:
		out.Code, out.Message = "method_not_allowed", "This address can't be used in that way."
	case http.StatusUnauthorized:
		out.Code, out.Message = "unauthorized", "You have to sign in first."
	case http.StatusForbidden:
		out.Code, out.Message = "forbidden", "You may not open this page."
	case http.StatusServiceUnavailable:
		out.Code, out.Message = "unavailable", Unavailable(nil).Message
		out.RetryAfter = 2 * time.Second
	default:
		out.Code, out.Message = strings.ReplaceAll(strings.ToLower(http.StatusText(e.Code)), " ", "_"), http.StatusText(e.Code)
	}
	if o := offer(nil); errors.As(e.Internal, &o) {
		out.Title, out.ActionLabel, out.ActionURL = o.Offer()
	}
	// A message that somebody wrote, and not Echo's repetition of the status.
	if m, ok := e.Message.(string); ok && m != http.StatusText(e.Code) && m != "" {
		out.Message = m
	}
	return out
}

func asPanic(err error) *errPanic {
	var p *errPanic
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// answerError is the one place where an error becomes an answer.
func (s *server) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if r := Responder(nil); errors.As(err, &r) {
		if err := r.Respond(c); err != nil {
			s.Logger.Error("an error's answer can't be sent", "error", err, "request_id", RequestID(c))
		}
		return
	}
	e := Translate(err)
	h := c.Response().Header()
	if e.RetryAfter > 0 && h.Get("Retry-After") == "" {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	h.Set("Cache-Control", "no-store")
	if err := s.sendError(c, e); err != nil && !errors.Is(err, context.Canceled) {
		s.Logger.Error("an error's answer can't be sent", "error", err, "request_id", RequestID(c))
	}
}

func (s *server) sendError(c echo.Context, e *Error) error {
	if c.Request().Method == http.MethodHead {
		return c.NoContent(e.Status)
	}
	if WantsJSON(c) {
		return c.JSON(e.Status, map[string]string{
			"error": e.Code, "error_description": e.Message, "request_id": RequestID(c),
		})
	}
	title := e.Title
	if title == "" {
		title = titles[e.Status]
	}
	if title == "" {
		title = http.StatusText(e.Status)
	}
	view := components.ErrorView{
		Shell: Shell(c, title), Status: e.Status, Code: e.Code, Title: title, Message: e.Message,
		RequestID: RequestID(c), HomeURL: "/", ActionLabel: e.ActionLabel, ActionURL: e.ActionURL,
	}
	if c.Request().Method == http.MethodGet { // the page may try again by itself
		view.RetryAfter = int(e.RetryAfter / time.Second)
	}
	if e.Status == http.StatusForbidden { // this app's own start may take the same role
		view.HomeURL, view.HomeName = s.Estate.URL("portal")+"/", s.Estate.app("portal").Name
	}
	if WantsFragment(c) {
		// The fragment is about the request and not what its target was to show.
		c.Response().Header().Set("HX-Retarget", "#toasts")
		c.Response().Header().Set("HX-Reswap", "beforeend")
	}
	return Render(c, e.Status, components.ErrorPage(view), components.ErrorFragment(view))
}

var titles = map[int]string{
	http.StatusBadRequest:            "We could not understand that request",
	http.StatusForbidden:             "You do not have access to this page",
	http.StatusNotFound:              "Page not found",
	http.StatusMethodNotAllowed:      "That is not possible here",
	http.StatusRequestEntityTooLarge: "That is too large",
	http.StatusUnprocessableEntity:   "That can't be done as it is",
	http.StatusTooManyRequests:       "Too many tries, please wait a moment",
	http.StatusInternalServerError:   "Something broke on our side",
	http.StatusServiceUnavailable:    "Not available right now",
}

// WantsJSON reports whether errors are told in JSON: under /api/, and to whoever
// asks for JSON and not for a page.
func WantsJSON(c echo.Context) bool {
	if strings.HasPrefix(c.Request().URL.Path, "/api/") {
		return true
	}
	accept := c.Request().Header.Get(echo.HeaderAccept)
	return strings.Contains(accept, echo.MIMEApplicationJSON) && !strings.Contains(accept, echo.MIMETextHTML)
}
