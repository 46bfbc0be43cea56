package balancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Serve serves the connections of ln with handler until ctx is done. Then it accepts no more, lets the running requests
// finish for at most grace, and closes the rest. Event streams, which have no end, end at once. It returns nil after
// such a stop, and an error if serving failed.
func Serve(ctx context.Context, ln net.Listener, handler http.Handler, grace time.Duration, log *slog.Logger) error {
	closing, closeStreams := context.WithCancel(context.Background())
	defer closeStreams()
	server := &http.Server{
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), closingKey{}, closing)
		},
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(closeStreams)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(ln) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serving %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(bound); err != nil {
		if !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("closing %s: %w", ln.Addr(), err)
		}
		_ = server.Close()
	}
	return nil
}
