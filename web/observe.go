package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"gatehouse.example/sso/netaddr"
)

// SIDKey is the key of the Echo context under which middleware stores the sid of the request's sign-in, for the log.
const SIDKey = "sid"

const requestIDKey = "gatehouse/web.request_id"

// observe wraps all other handlers: it sets the request id and the replica's name, calls next, converts a panic to an
// error, and records the log line and the metrics.
func (s *server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		id := rand.Text()
		c.Set(serverKey, s)
		c.Set(requestIDKey, id)
		h := c.Response().Header()
		h.Set(echo.HeaderXRequestID, id)
		h.Set("X-Served-By", s.Replica)

		err := callRecovering(next, c)
		if err != nil {
			c.Error(err)
		}
		s.recordRequest(c, began, err)
		return nil
	}
}

// errPanic is the cause of a 500 error after a panic.
type errPanic struct {
	value any
	stack []byte
}

func (e *errPanic) Error() string { return fmt.Sprintf("panic: %v", e.value) }

func callRecovering(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares it in the same way
				panic(v)
			}
			err = &errPanic{value: v, stack: debug.Stack()}
		}
	}()
	return next(c)
}

func (s *server) recordRequest(c echo.Context, began time.Time, err error) {
	route, took := c.Path(), time.Since(began)
	status := c.Response().Status
	if route == "" {
		route = "none"
	}
	observeRequest(c.Request().Method, route, status, took)
	if isRoutine(c.Request().URL.Path) && status < http.StatusInternalServerError {
		return
	}
	level := slog.LevelInfo
	attrs := make([]slog.Attr, 0, 9)
	attrs = append(attrs,
		slog.String("request_id", RequestID(c)),
		slog.String("method", c.Request().Method),
		// The path without its query, which may contain a code or a token.
		slog.String("path", c.Request().URL.Path),
		slog.Int("status", status),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("ip", ClientIP(c)),
	)
	if sid, ok := c.Get(SIDKey).(string); ok && sid != "" {
		attrs = append(attrs, slog.String("sid", sid))
	}
	if err != nil {
		t := Translate(err)
		attrs = append(attrs, slog.String("code", t.Code))
		if status >= http.StatusInternalServerError {
			level = slog.LevelError
			attrs = append(attrs, slog.String("error", t.Error()))
			if p := (*errPanic)(nil); errors.As(err, &p) {
				attrs = append(attrs, slog.String("stack", string(p.stack)))
			}
		}
	}
	s.Logger.LogAttrs(context.WithoutCancel(c.Request().Context()), level, "request", attrs...)
}

// maxLogValue is how many bytes of one value a line of the log has.
const maxLogValue = 500

// CutLogValue shortens a long text in a line of the log (slog.HandlerOptions.ReplaceAttr): requests choose how long
// paths, methods and errors are. It leaves the stack of a panic whole.
func CutLogValue(_ []string, a slog.Attr) slog.Attr {
	text := ""
	switch a.Value.Kind() {
	case slog.KindString:
		text = a.Value.String()
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			text = err.Error()
		}
	}
	if len(text) > maxLogValue && a.Key != "stack" {
		a.Value = slog.StringValue(strings.ToValidUTF8(text[:maxLogValue], "") + "…")
	}
	return a
}

// isRoutine reports whether successful requests of path are left out of the log.
func isRoutine(path string) bool {
	return path == "/healthz" || path == "/readyz" || strings.HasPrefix(path, "/assets/")
}

// RequestID returns the request's id, which its page and every log line show.
func RequestID(c echo.Context) string {
	id, _ := c.Get(requestIDKey).(string)
	return id
}

// Logger returns the service's logger with the request's id.
func Logger(c echo.Context) *slog.Logger {
	if s := serverOf(c); s != nil {
		return s.Logger.With("request_id", RequestID(c))
	}
	return slog.Default()
}

// Replica returns the name of the process that answers the request.
func Replica(c echo.Context) string {
	if s := serverOf(c); s != nil {
		return s.Replica
	}
	return ""
}

// ClientIP returns the client's address, as told by a trusted proxy.
func ClientIP(c echo.Context) string { return c.RealIP() }

// ClientNetwork returns the part of the client's address that identifies a household or an office: the whole IPv4
// address, or the first 64 bits of an IPv6 address.
func ClientNetwork(c echo.Context) string { return netaddr.Network(ClientIP(c)) }
