package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/components"
)

// Error is an error with a stable code, a message that is safe to show, and a hidden cause that is only logged.
type Error struct {
	Status     int    // HTTP status
	Code       string // for programs: not_found
	Title      string // headline of the page; default by status
	Message    string // for the user, a whole sentence
	RetryAfter time.Duration
	Err        error // hidden cause; may be nil

	ActionLabel, ActionURL string // an additional button for what the user can do
}

// Error returns the code and the cause. It is for the log, not for users.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the hidden cause.
func (e *Error) Unwrap() error { return e.Err }

// WithCause sets the cause and returns e.
func (e *Error) WithCause(err error) *Error { e.Err = err; return e }

// WithTitle sets the headline and returns e.
func (e *Error) WithTitle(title string) *Error { e.Title = title; return e }

// Fail returns an error with a status, a code and a message for the user.
func Fail(status int, code, message string) *Error {
	return &Error{Status: status, Code: code, Message: message}
}

// Invalid returns a 422 error: the request was understood and can't be carried out as it is.
func Invalid(message string) *Error {
	return Fail(http.StatusUnprocessableEntity, "invalid", message)
}

// BadRequest returns a 400 error for an invalid API request.
func BadRequest(message string) *Error {
	return Fail(http.StatusBadRequest, "invalid_request", message)
}

// TooManyRequests returns a 429 error with Retry-After. format is the message, in which %s is the waiting time.
func TooManyRequests(code, format string, wait time.Duration) *Error {
	e := Fail(http.StatusTooManyRequests, code, fmt.Sprintf(format, WaitText(wait)))
	e.RetryAfter = wait
	return e
}

// WaitText returns a waiting time in minutes, rounded up: "2 minutes".
func WaitText(wait time.Duration) string {
	return components.Plural(int((wait+time.Minute-1)/time.Minute), "minute", "minutes")
}

// NotFound returns a 404 error that names what is missing: "This product".
func NotFound(what string) *Error {
	return Fail(http.StatusNotFound, "not_found", what+" doesn't exist, or no longer does.")
}

// Forbidden returns a 403 error.
func Forbidden(message string) *Error { return Fail(http.StatusForbidden, "forbidden", message) }

// Unavailable returns a 503 error with the cause err: a server that is needed does not answer.
func Unavailable(err error) *Error {
	e := Fail(http.StatusServiceUnavailable, "unavailable",
		"A server that this page needs isn't responding. Nothing is lost, and you haven't been signed out. Please try again in a moment.")
	e.RetryAfter, e.Err = 2*time.Second, err
	return e
}

// Responder is an error that writes its own response, such as an OAuth redirect or OAuth JSON.
type Responder interface {
	error
	Respond(c echo.Context) error
}

// offer is a cause that gives the error's page a title and a button.
type offer interface {
	error
	Offer() (title, label, address string)
}

// Translate converts an error that a handler returned into an [Error].
func Translate(err error) *Error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if e := (*echo.HTTPError)(nil); errors.As(err, &e) {
		return fromEcho(e)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return Fail(499, "client_gone", "The request was cancelled.").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded), isUnavailable(err):
		return Unavailable(err)
	}
	return Fail(http.StatusInternalServerError, "internal",
		"This is our fault, and we've recorded the error. If you contact support, give them the request ID below.").WithCause(err)
}

// isUnavailable reports whether err says that a server which the handler needs, such as the database, is unreachable,
// is starting or stopping, or has no space. All of these can pass without a restart of the service.
func isUnavailable(err error) bool {
	if n := net.Error(nil); errors.As(err, &n) {
		return true
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	// SQLSTATE classes: 08 connection exception, 53 insufficient resources, 57P operator intervention.
	if s := interface{ SQLState() string }(nil); errors.As(err, &s) {
		code := s.SQLState()
		return strings.HasPrefix(code, "08") || strings.HasPrefix(code, "53") || strings.HasPrefix(code, "57P")
	}
	// SQLite's result codes; an extended code adds bits above the lowest eight (https://www.sqlite.org/rescode.html).
	if s := interface{ Code() int }(nil); errors.As(err, &s) {
		switch s.Code() & 0xff {
		case 5, 6, 7, 8, 10, 13, 14: // BUSY, LOCKED, NOMEM, READONLY (a faulty disk), IOERR, FULL, CANTOPEN
			return true
		}
	}
	return false
}

func fromEcho(e *echo.HTTPError) *Error {
	out := &Error{Status: e.Code, Err: e.Internal}
	switch e.Code {
	case http.StatusNotFound:
		out.Code, out.Message = "not_found", "There's no page at this address. Check the address for typing mistakes."
	case http.StatusMethodNotAllowed:
		out.Code, out.Message = "method_not_allowed", "This address doesn't support that kind of request."
	case http.StatusUnauthorized:
		out.Code, out.Message = "unauthorized", "Please sign in first."
	case http.StatusForbidden:
		out.Code, out.Message = "forbidden", "You don't have permission to open this page."
	case http.StatusServiceUnavailable:
		out.Code, out.Message = "unavailable", Unavailable(nil).Message
		out.RetryAfter = 2 * time.Second
	default:
		out.Code, out.Message = strings.ReplaceAll(strings.ToLower(http.StatusText(e.Code)), " ", "_"), http.StatusText(e.Code)
	}
	if o := offer(nil); errors.As(e.Internal, &o) {
		out.Title, out.ActionLabel, out.ActionURL = o.Offer()
	}
	// Use a message of the app, but not Echo's copy of the status text.
	if m, ok := e.Message.(string); ok && m != http.StatusText(e.Code) && m != "" {
		out.Message = m
	}
	return out
}

// errorPageTimeout bounds what an error page asks for beyond the request, such as who is signed in.
const errorPageTimeout = 2 * time.Second

// answerError writes the response for an error: the Responder's own, or a page, a fragment or JSON.
func (s *server) answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if r := Responder(nil); errors.As(err, &r) {
		if err := r.Respond(c); err != nil {
			s.Logger.Error("cannot send an error response", "error", err, "request_id", RequestID(c))
		}
		return
	}
	e := Translate(err)
	h := c.Response().Header()
	if e.RetryAfter > 0 && h.Get("Retry-After") == "" {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	h.Set("Cache-Control", "no-store")
	// The handler's deadline ended with it. The page still asks who is signed in, if the handler has not.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), errorPageTimeout)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	if err := s.sendError(c, e); err != nil && !errors.Is(err, context.Canceled) {
		s.Logger.Error("cannot send an error response", "error", err, "request_id", RequestID(c))
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
	if c.Request().Method == http.MethodGet { // the page may retry by itself
		view.RetryAfter = int(e.RetryAfter / time.Second)
	}
	if e.Status == http.StatusForbidden { // the app's own start page may require the same role
		view.HomeURL, view.HomeName = s.Estate.URL("portal")+"/", s.Estate.appOf("portal").Name
	}
	if WantsFragment(c) {
		// The fragment is about the request; it must not replace the target.
		c.Response().Header().Set("HX-Retarget", "#toasts")
		c.Response().Header().Set("HX-Reswap", "beforeend")
	}
	return Render(c, e.Status, components.ErrorPage(view), components.ErrorFragment(view))
}

var titles = map[int]string{
	http.StatusBadRequest:            "We couldn't understand that request",
	http.StatusForbidden:             "You don't have access to this page",
	http.StatusNotFound:              "Page not found",
	http.StatusMethodNotAllowed:      "That isn't possible here",
	http.StatusRequestEntityTooLarge: "That's too large",
	http.StatusUnprocessableEntity:   "We couldn't do that",
	http.StatusTooManyRequests:       "Too many requests",
	http.StatusInternalServerError:   "Something went wrong",
	http.StatusServiceUnavailable:    "Temporarily unavailable",
}

// WantsJSON reports whether errors should be sent as JSON: under /api/, and to clients that accept JSON and not HTML.
func WantsJSON(c echo.Context) bool {
	if strings.HasPrefix(c.Request().URL.Path, "/api/") {
		return true
	}
	accept := c.Request().Header.Get(echo.HeaderAccept)
	return strings.Contains(accept, echo.MIMEApplicationJSON) && !strings.Contains(accept, echo.MIMETextHTML)
}
