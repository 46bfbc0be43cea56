package session

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/sessions"
	"github.com/rbcervilla/redisstore/v9"
	"github.com/redis/go-redis/v9"

	"gatehouse.example/sso/luascript"
	"gatehouse.example/sso/seal"
)

// ErrUnavailable is wrapped by the errors for a Redis that does not answer, so that it is unknown whether there is a
// session. Keep the cookie.
var ErrUnavailable = errors.New("sessions are temporarily unavailable")

// ErrEnded is returned for a session that was not started because its sign-in was ended.
var ErrEnded = errors.New("this sign-in has ended")

// ErrConflict is returned for a request with sessions of different users: none of them may be used.
var ErrConflict = errors.New("session: the browser sent sessions of different users")

// The lifetimes of sessions of the portal and of apps, unless Options say otherwise.
const (
	DefaultIdle     = 8 * time.Hour
	DefaultAbsolute = 24 * time.Hour
)

// Options configure a Store.
type Options struct {
	Service  string        // names the keys in Redis and the cookie
	Keys     [][]byte      // seal the records, of 16 random bytes or more: the first seals, all open
	Secure   bool          // the cookie is sent by https only and bound to the host (__Host-)
	Idle     time.Duration // a session that is not used for so long ends; default DefaultIdle
	Absolute time.Duration // a session ends after so long; default DefaultAbsolute
	Now      func() time.Time

	// Recover, if given, returns the session of a well-formed cookie that is not in Redis, or nil if there is none:
	// users whose sessions are also stored elsewhere stay signed in when Redis loses its data. key is what Start
	// returned. The session is written back to Redis, unless its sign-in was ended.
	Recover func(ctx context.Context, key string) (*Record, error)
	// Seen, if given, is called at intervals while a session is in use.
	Seen func(ctx context.Context, key string, now time.Time)
}

// Store stores one service's sessions.
type Store struct {
	rdb        redis.UniversalClient
	scripts    *luascript.Runner
	inner      *redisstore.RedisStore
	hashedKeys hashedKeys
	options    Options
	records    sealed
	cookie     string
}

// New returns the store of a service's sessions, or an error if Redis, the service or a valid key is missing. It does
// not connect.
func New(rdb redis.UniversalClient, o Options) (*Store, error) {
	if rdb == nil || o.Service == "" {
		return nil, errors.New("session: a store needs Redis and the name of its service")
	}
	if o.Idle <= 0 {
		o.Idle = DefaultIdle
	}
	if o.Absolute <= 0 {
		o.Absolute = DefaultAbsolute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{rdb: rdb, scripts: luascript.NewRunner(rdb), options: o, hashedKeys: hashedKeys{rdb, "gatehouse:" + o.Service + ":session:"}, cookie: CookieName(o.Service, o.Secure)}
	sealer, err := seal.New("gatehouse session of "+o.Service, o.Keys...)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	s.records = sealed{s.hashedKeys, sealer}
	inner, err := redisstore.NewRedisStore(context.Background(), s.hashedKeys)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	inner.KeyPrefix("")
	inner.KeyGen(func() (string, error) { return rand.Text(), nil })
	inner.Serializer(s.records)
	inner.Options(s.cookieOptions())
	s.inner = inner
	return s, nil
}

// CookieName returns the name of a service's session cookie.
func CookieName(service string, secure bool) string { return cookieName(service, "session", secure) }

func cookieName(service, kind string, secure bool) string {
	if secure {
		return "__Host-" + service + "_" + kind
	}
	return service + "_" + kind
}

// cookieOptions returns the cookie's options. In the browser it is a session cookie; Redis limits how long the session
// lasts, so MaxAge here is for redisstore, which uses it as the time to live.
func (s *Store) cookieOptions() sessions.Options {
	return sessions.Options{
		Path: "/", MaxAge: int(s.options.Idle / time.Second),
		HttpOnly: true, Secure: s.options.Secure, SameSite: http.SameSiteLaxMode,
	}
}

func (s *Store) newSession() *sessions.Session {
	sess := sessions.NewSession(s.inner, s.cookie)
	opts := s.cookieOptions()
	sess.Options, sess.IsNew = &opts, true
	return sess
}

// expired reports whether a session is past its idle or absolute timeout. It checks the record because the absolute
// timeout must hold whatever time to live the key has.
func (s *Store) expired(rec *Record) bool {
	now := s.options.Now()
	return now.Sub(rec.CreatedAt) >= s.options.Absolute || now.Sub(rec.SeenAt) >= s.options.Idle
}

// Load returns the session of r, or nil for a guest. It costs one round trip to Redis, and at intervals a second one
// that marks the session as used. The error wraps ErrUnavailable if Redis does not answer, and is ErrConflict if r has
// sessions of different users.
func (s *Store) Load(r *http.Request) (*Record, error) {
	id, rec, err := s.loadNewest(r)
	if err != nil || rec == nil {
		return nil, err
	}
	if now := s.options.Now(); now.Sub(rec.SeenAt) >= s.touchInterval() {
		rec.SeenAt = now.UTC().Truncate(time.Second)
		switch err := s.overwrite(r.Context(), id, rec); {
		case errors.Is(err, errGone): // ended between the two round trips
			return nil, nil
		case errors.Is(err, errFull): // SeenAt is updated another time; the session is valid
			return rec, nil
		case err != nil:
			return nil, err
		}
		if s.options.Seen != nil {
			s.options.Seen(r.Context(), s.hashedKeys.hash(id), rec.SeenAt)
		}
	}
	return rec, nil
}

// Peek returns the session of r without marking it as used, so that a background tab does not keep it from becoming
// idle. It returns nil for a guest and for sessions of different users.
func (s *Store) Peek(r *http.Request) (*Record, error) {
	_, rec, err := s.loadNewest(r)
	if errors.Is(err, ErrConflict) {
		return nil, nil
	}
	return rec, err
}

// touchInterval returns the interval at which a session's last use is stored.
func (s *Store) touchInterval() time.Duration { return min(s.options.Idle/4, 5*time.Minute) }

// Start gives the browser a new session with the record rec, and ends those that r has. It returns the session's key
// for Options.Recover, from which the cookie can't be derived, or ErrEnded if rec's sign-in was ended.
func (s *Store) Start(ctx context.Context, w http.ResponseWriter, r *http.Request, rec Record) (key string, err error) {
	if rec.Subject == "" {
		return "", errors.New("session: the record has no user")
	}
	now := s.options.Now().UTC().Truncate(time.Second)
	rec.SeenAt = now
	if rec.CreatedAt.IsZero() {
		rec.CreatedAt = now
	}
	if err := s.endPresented(ctx, r); err != nil {
		return "", err
	}
	sess := s.newSession()
	sess.ID = rand.Text()
	// Add it to the lists first: a session on no list could outlive its sign-in.
	if err := s.addToLists(ctx, sess.ID, &rec); err != nil {
		return "", err
	}
	sess.Values[recordKey] = &rec
	// redisstore also writes the cookie, with a Max-Age that would keep it after the browser is closed, so its cookie
	// is discarded and ours is set below.
	if err := s.inner.Save(r.WithContext(ctx), discard{}, sess); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := s.deleteIfEnded(ctx, sess.ID, &rec); err != nil {
		return "", err
	}
	s.setCookie(w, s.cookie, sess.ID, 0)
	return s.hashedKeys.hash(sess.ID), nil
}

// deleteIfEnded deletes a session and returns ErrEnded if its sign-in was ended while the session started.
func (s *Store) deleteIfEnded(ctx context.Context, id string, rec *Record) error {
	over, err := s.isEnded(ctx, rec.SID)
	if err != nil || !over {
		return err
	}
	if err := s.deleteSession(ctx, id, rec); err != nil {
		return err
	}
	return ErrEnded
}

// Update changes the record of r's session, unless the session has ended meanwhile.
func (s *Store) Update(r *http.Request, change func(*Record)) error {
	id, rec, err := s.loadNewest(r)
	if err != nil || rec == nil {
		return err
	}
	change(rec)
	if err := s.overwrite(r.Context(), id, rec); !errors.Is(err, errGone) {
		return err
	}
	return nil
}

var (
	errGone = errors.New("session: the session has ended in the meantime")
	errFull = errors.New("session: Redis is full")
)

// overwrite writes rec only if the session still exists, and returns errGone otherwise. It returns errFull if Redis is
// full.
func (s *Store) overwrite(ctx context.Context, id string, rec *Record) error {
	raw, err := s.records.seal(id, rec)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	err = s.rdb.SetArgs(ctx, s.hashedKeys.key(id), raw, redis.SetArgs{Mode: "XX", TTL: s.ttl(rec)}).Err()
	switch {
	case errors.Is(err, redis.Nil):
		return errGone
	case isFull(err):
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, errFull, err)
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// ttl returns the time until the idle or the absolute end of a session.
func (s *Store) ttl(rec *Record) time.Duration {
	return max(min(s.options.Idle, rec.CreatedAt.Add(s.options.Absolute).Sub(s.options.Now())), time.Second)
}

// End ends the sessions of r, if there are any, and deletes the cookie.
func (s *Store) End(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	if err := s.endPresented(ctx, r); err != nil {
		return err
	}
	s.setCookie(w, s.cookie, "", -1)
	return nil
}

// endPresented ends every session of r.
func (s *Store) endPresented(ctx context.Context, r *http.Request) error {
	all, err := s.loadPresented(r)
	if err != nil {
		return err
	}
	for _, b := range all {
		if err := s.deleteSession(ctx, b.id, b.rec); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.options.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// discard is a response writer that discards everything.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
