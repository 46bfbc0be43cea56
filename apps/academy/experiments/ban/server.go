package ban

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/denylist"
	"gatehouse.example/sso/token"
)

// The time without contact with Redis after which a server refuses: the default bound, and a longer one from server
// 101 on. Each server queries Redis twice within its bound, and all share the cores of one machine.
const (
	bound     = denylist.DefaultBound
	longBound = 3 * time.Second
	manyFrom  = 101
)

// server is a replica of an app: a listener, the check of cards, and a mirror of the denylist.
type server struct {
	number   int
	bound    time.Duration
	id       string
	link     *link
	rdb      *redis.Client
	mirror   *denylist.Mirror
	verifier *token.Verifier
	http     *http.Server
	url      string
	stop     context.CancelFunc
	ended    chan struct{} // closed when the mirror has stopped
	closing  atomic.Bool
	answered atomic.Int64

	mu        sync.Mutex
	you, them seen          // newest answers to the learner's card and to the other user's
	took      time.Duration // until it confirmed the last ban; negative if it has not
	cutAt     time.Time     // zero if it is not cut off
	healing   bool          // reconnected to Redis and catching up
}

// seen is an answer's status, and when its request was sent.
type seen struct {
	status int
	sent   time.Time
}

// openServer starts the listener and the mirror, which is not ready yet.
func (e *estate) openServer(number int) (*server, error) {
	s := &server{number: number, bound: bound, id: fmt.Sprintf("server-%d", number), link: newLink(), took: -1, ended: make(chan struct{})}
	if number >= manyFrom {
		s.bound = longBound
	}
	s.rdb = e.client(s.link.dial)
	var err error
	s.mirror, err = denylist.NewMirror(denylist.Options{
		Redis: s.rdb, Service: "bank", Replica: s.id, Logger: slog.New(slog.DiscardHandler), Bound: s.bound,
	})
	if err == nil {
		s.verifier, err = token.NewVerifier(e.issuer.Name(), audience, e.issuer, nil)
	}
	var ln net.Listener
	if err == nil {
		ln, err = (&net.ListenConfig{}).Listen(e.life, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		_ = s.rdb.Close()
		return nil, fmt.Errorf("ban: %s: %w", s.id, err)
	}
	s.url = "http://" + ln.Addr().String() + "/account"
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: patience, IdleTimeout: 5 * time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	go func() { _ = s.http.Serve(ln) }()
	ctx, stop := context.WithCancel(e.life)
	s.stop = stop
	go func() { defer close(s.ended); _ = s.mirror.Run(ctx) }()
	return s, nil
}

// ServeHTTP answers with the account's owner: 401 to an invalid card or a banned user, 503 if the mirror is too old
// to know.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.answered.Add(1)
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	claims, err := s.verifier.Access(r.Context(), raw)
	if err == nil {
		err = s.mirror.Check(claims.Subject, claims.SID, claims.ID, claims.Authenticated())
	}
	switch {
	case errors.Is(err, denylist.ErrStale):
		w.Header().Set("Retry-After", "1")
		http.Error(w, "This server can't reach Redis, so it can't know whether you are banned. Keep your card and try again.", http.StatusServiceUnavailable)
	case errors.Is(err, denylist.ErrDenied):
		http.Error(w, "Your card is good, but you are banned.", http.StatusUnauthorized)
	case err != nil:
		http.Error(w, "This card is not to be believed.", http.StatusUnauthorized)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{"account": claims.Subject})
	}
}

// close stops the server; its mirror deregisters, so that the denylist's writer no longer waits for it.
func (s *server) close() {
	s.closing.Store(true)
	s.stop()
	<-s.ended
	_ = s.http.Close()
	_ = s.rdb.Close()
}

// link is a server's connection to Redis, which can be cut.
type link struct {
	dialer net.Dialer
	mu     sync.Mutex
	cut    bool
	open   map[*wire]struct{}
}

func newLink() *link { return &link{open: map[*wire]struct{}{}} }

// errCut is the dial error of a server that is cut off.
var errCut = errors.New("ban: this server is cut off from Redis")

func (l *link) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if l.isCut() {
		return nil, errCut
	}
	c, err := l.dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: c, link: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut { // meanwhile
		_ = c.Close()
		return nil, errCut
	}
	l.open[w] = struct{}{}
	return w, nil
}

func (l *link) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut
}

// set cuts the link, which closes all its connections, or allows new ones again.
func (l *link) set(cut bool) {
	l.mu.Lock()
	l.cut = cut
	var open []*wire
	if cut {
		for w := range l.open {
			open = append(open, w)
		}
	}
	l.mu.Unlock()
	for _, w := range open {
		_ = w.Close()
	}
}

// wire is a connection of a link.
type wire struct {
	net.Conn
	link *link
}

// Close closes the connection and removes it from the link's list.
func (w *wire) Close() error {
	w.link.mu.Lock()
	delete(w.link.open, w)
	w.link.mu.Unlock()
	return w.Conn.Close()
}
