package signoutpush

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"gatehouse.example/sso/denylist"
)

// writeTimeout is the timeout of writing one event.
const writeTimeout = 10 * time.Second

// Stream handles GET /auth/live: it sends events to a tab until the sign-in ends, the tab is closed, the server shuts
// down, or some minutes have passed. It answers a guest 204, which tells an EventSource not to reconnect.
func (h *Handler) Stream(w http.ResponseWriter, r *http.Request) {
	v, ok := h.requestSignIn(w, r)
	if !ok {
		return
	}
	if v == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	// A denied sign-in is reported by Watch; with any other error the state is unknown.
	if err := h.Watcher.Check(v.sub, v.sid, "", v.authenticated); err != nil && !errors.Is(err, denylist.ErrDenied) {
		h.unavailable(w, r, err)
		return
	}
	release, ok := h.streams.acquire(v.sub)
	if !ok {
		h.Logger.WarnContext(r.Context(), "a stream was refused, because the user or the replica has too many", "sub", v.sub)
		w.Header().Set("Retry-After", "10")
		writeError(w, http.StatusServiceUnavailable, "unavailable", "Too many tabs are open. Please close some.")
		return
	}
	defer release()
	hit, stop := h.Watcher.Watch(v.sub, v.sid, v.authenticated)
	defer stop()
	var unread <-chan int
	if h.Unread != nil {
		numbers, stop := h.Unread.Watch(v.sub)
		defer stop()
		unread = numbers
	}

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // turns off nginx's buffering
	if r.Method == http.MethodHead {
		return
	}
	events := &eventWriter{w, http.NewResponseController(w)}
	// The server's deadlines are for whole requests; this stream has one for each event.
	_ = events.control.SetReadDeadline(time.Time{})
	defer func() { _ = events.control.SetWriteDeadline(time.Time{}) }() // the connection may serve other requests
	h.sendEvents(r, events, *v, hit, unread)
}

// sendEvents writes events until the sign-in ends, the stream's time is over, the server shuts down, or the client is
// gone.
func (h *Handler) sendEvents(r *http.Request, w *eventWriter, v signInRef, hit <-chan denylist.Entry, unread <-chan int) {
	ctx := r.Context()
	closing := h.shutdownOf(ctx)
	select { // ended before the stream began
	case e := <-hit:
		w.sendEvent("out", h.outcomeOf(v, e))
		return
	default:
	}
	pause := max(h.streams.reconnectDelay(), minDelay/2)
	if !w.write(fmt.Sprintf("retry: %d\n", pause.Milliseconds())) || !w.sendEvent("hello", struct {
		pageIDs
		Pause int64 `json:"pause"` // milliseconds
	}{h.newPageIDs(v), pause.Milliseconds()}) {
		return
	}
	beat, life := time.NewTicker(jitter(h.BeatInterval)), time.NewTimer(jitter(h.StreamTimeout))
	defer beat.Stop()
	defer life.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-hit:
			w.sendEvent("out", h.outcomeOf(v, e))
			return
		case n := <-unread:
			if !w.sendEvent("unread", struct {
				Person string `json:"person"`
				Number int    `json:"number"`
			}{hashID("person", v.sub), n}) {
				return
			}
		case <-closing:
			w.sendBye(h.streams.reconnectDelay())
			return
		case <-life.C:
			w.sendBye(minDelay)
			return
		case <-beat.C:
			if h.isGone(r) {
				if out, known := h.loadOutcome(r, v); known {
					w.sendEvent("out", out)
				} else {
					w.sendBye(h.streams.reconnectDelay())
				}
				return
			}
			if !w.sendEvent("beat", 1) {
				return
			}
		}
	}
}

// isGone reports whether the session no longer exists, though the denylist has no entry: signed out in this app, idle
// for too long, or lost.
func (h *Handler) isGone(r *http.Request) bool {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	rec, err := h.Sessions.Peek(r.WithContext(ctx))
	return rec == nil && err == nil
}

// shutdownOf returns a channel that is closed when the request's server shuts down: shutdown waits for running
// requests, and an open stream would delay it.
func (h *Handler) shutdownOf(ctx context.Context) <-chan struct{} {
	server, ok := ctx.Value(http.ServerContextKey).(*http.Server)
	if !ok {
		return nil
	}
	fresh := make(chan struct{})
	known, loaded := h.servers.LoadOrStore(server, fresh)
	if !loaded {
		server.RegisterOnShutdown(func() { close(fresh) })
	}
	closing, _ := known.(chan struct{})
	return closing
}

// eventWriter writes Server-Sent Events.
type eventWriter struct {
	http.ResponseWriter
	control *http.ResponseController
}

func (w *eventWriter) sendBye(pause time.Duration) {
	w.sendEvent("bye", struct {
		Pause int64 `json:"pause"` // milliseconds
	}{pause.Milliseconds()})
}

// sendEvent writes an event, and reports whether the write succeeded.
func (w *eventWriter) sendEvent(kind string, data any) bool {
	raw, err := json.Marshal(data)
	return err == nil && w.write(fmt.Sprintf("event: %s\ndata: %s\n\n", kind, raw))
}

func (w *eventWriter) write(text string) bool {
	_ = w.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := w.ResponseWriter.Write([]byte(text)); err != nil {
		return false
	}
	return w.control.Flush() == nil
}
