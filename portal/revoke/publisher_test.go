package revoke_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"gatehouse.example/portal/revoke"
	"gatehouse.example/sso/denylist"
)

// stuck is a log that writes when it may.
type stuck struct {
	revoke.Log
	writing, may chan struct{}
}

func (l stuck) Write(ctx context.Context, entries ...denylist.Entry) (denylist.Written, error) {
	l.writing <- struct{}{}
	<-l.may
	return l.Log.Write(ctx, entries...)
}

// A revocation waits no longer than it has time, though the batch before it is still being written.
func TestPublish_EndsWithItsContext(t *testing.T) {
	each(t, func(h *house) {
		h.check(h.service.Sync(h.Context()))
		log := stuck{h.log, make(chan struct{}, 9), make(chan struct{})}
		s := h.with(log, h.told)
		first, second := h.commit("first"), h.commit("second")
		published := make(chan error, 2)
		go func() { _, err := s.Publish(h.Context(), first); published <- err }()
		<-log.writing
		ctx, cancel := context.WithCancel(h.Context())
		cancel()
		go func() { _, err := s.Publish(ctx, second); published <- err }()
		select {
		case err := <-published:
			if !errors.Is(err, context.Canceled) {
				h.Error(err)
			}
		case <-time.After(20 * time.Second):
			h.Error("it waits for the batch before it")
		}
		close(log.may)
		h.check(<-published)
		if _, err := s.Publish(h.Context(), h.commit("third")); err != nil || !h.denied("first") || !h.denied("second") || !h.denied("third") {
			h.Errorf("not all are denied: %v", err)
		}
	})
}

// large is a log whose set takes longer to rebuild than one exchange with Redis may take.
type large struct {
	revoke.Log
	wrote *context.Context
}

func (l large) Write(ctx context.Context, entries ...denylist.Entry) (denylist.Written, error) {
	*l.wrote = ctx
	return l.Log.Write(ctx, entries...)
}

func (l large) Rebuild(ctx context.Context, high int64, all iter.Seq2[denylist.Entry, error]) error {
	<-(*l.wrote).Done()
	return l.Log.Rebuild(ctx, high, all)
}

func TestPublish_AfterALongRebuild(t *testing.T) {
	each(t, func(h *house) {
		s := h.with(large{h.log, new(context.Context)}, h.told)
		if _, err := s.Publish(h.Context(), h.commit("token")); err != nil || !h.denied("token") {
			h.Errorf("not published: %v", err)
		}
	})
}
