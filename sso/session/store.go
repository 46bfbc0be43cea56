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

	"gatehouse/sso/luascript"
	"gatehouse/sso/seal"
)

// ErrUnavailable is wrapped by errors that say: Redis does not answer, so that
// nobody knows whether there is a session. The cookie must be kept.
var ErrUnavailable = errors.New("sessions can't be read just now")

// ErrEnded says that a session did not start, since its sign-in is over already.
var ErrEnded = errors.New("this sign-in is over")

// ErrConflict is returned for a request that brings sessions of different people: none of them may be used.
var ErrConflict = errors.New("session: the browser sends sessions of different people")

// Options are what the sessions of services differ in.
type Options struct {
	Service  string        // names the keys in Redis and the cookie
	Keys     [][]byte      // seal the records, of 16 random bytes or more: the first seals, all open
	Secure   bool          // the cookie travels by https only and is bound to the host (__Host-)
	Idle     time.Duration // a session not used for so long is over; 8 h unless told
	Absolute time.Duration // a session so old is over; 24 h unless told
	Now      func() time.Time

	// Recover, if given, is asked about the session of a well-formed cookie that Redis
	// does not have: who is kept elsewhere is not signed out by a Redis that lost its
	// memory. key is what Begin returned. It answers nil where there is no such session
	// (any more). The session is written back to Redis, unless its sign-in was ended.
	Recover func(ctx context.Context, key string) (*Record, error)
	// Seen, if given, hears now and then that a session is in use. It must not fail a
	// request.
	Seen func(ctx context.Context, key string, now time.Time)
}

// Store holds one service's sessions.
type Store struct {
	rdb     redis.UniversalClient
	scripts *luascript.Runner
	inner   *redisstore.RedisStore
	vault   vault
	o       Options
	records sealed
	cookie  string
}

// New is the store of a service's sessions. It does not talk to Redis.
func New(rdb redis.UniversalClient, o Options) (*Store, error) {
	if rdb == nil || o.Service == "" {
		return nil, errors.New("session: a store needs Redis and the name of its service")
	}
	if o.Idle <= 0 {
		o.Idle = 8 * time.Hour
	}
	if o.Absolute <= 0 {
		o.Absolute = 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{rdb: rdb, scripts: luascript.NewRunner(rdb), o: o, vault: vault{rdb, "gatehouse:" + o.Service + ":session:"}, cookie: CookieName(o.Service, o.Secure)}
	sealer, err := seal.New("gatehouse session of "+o.Service, o.Keys...)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	s.records = sealed{s.vault, sealer}
	inner, err := redisstore.NewRedisStore(context.Background(), s.vault)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	inner.KeyPrefix("")
	inner.KeyGen(func() (string, error) { return rand.Text(), nil })
	inner.Serializer(s.records)
	inner.Options(s.options())
	s.inner = inner
	return s, nil
}

// CookieName is the name of a service's session cookie.
func CookieName(service string, secure bool) string { return cookieName(service, "session", secure) }

func cookieName(service, kind string, secure bool) string {
	if secure {
		return "__Host-" + service + "_" + kind
	}
	return service + "_" + kind
}

// options are the cookie's. It is a browser-session cookie in the browser; how
// long the session lives is for Redis to say, so MaxAge here is for redisstore,
// which takes it for the time to live.
func (s *Store) options() sessions.Options {
	return sessions.Options{
		Path: "/", MaxAge: int(s.o.Idle / time.Second),
		HttpOnly: true, Secure: s.o.Secure, SameSite: http.SameSiteLaxMode,
	}
}

func (s *Store) fresh() *sessions.Session {
	sess := sessions.NewSession(s.inner, s.cookie)
	opts := s.options()
	sess.Options, sess.IsNew = &opts, true
	return sess
}

// expired judges by the record, too, since the bound of a session's whole life
// must hold whatever time to live its key has.
func (s *Store) expired(rec *Record) bool {
	now := s.o.Now()
	return now.Sub(rec.CreatedAt) >= s.o.Absolute || now.Sub(rec.SeenAt) >= s.o.Idle
}

// Load is the session that r comes with, nil for a guest. It costs one round
// trip to Redis, and now and then a second one that says the session is in use.
// The error wraps ErrUnavailable when Redis does not answer; it is ErrConflict if r
// brings sessions of different people.
func (s *Store) Load(r *http.Request) (*Record, error) {
	id, rec, err := s.get(r)
	if err != nil || rec == nil {
		return nil, err
	}
	if now := s.o.Now(); now.Sub(rec.SeenAt) >= s.touchEvery() {
		rec.SeenAt = now.UTC().Truncate(time.Second)
		switch err := s.replace(r.Context(), id, rec); {
		case errors.Is(err, errGone): // ended between the two round trips
			return nil, nil
		case errors.Is(err, errFull): // it is noted another time: the session is good all the same
			return rec, nil
		case err != nil:
			return nil, err
		}
		if s.o.Seen != nil {
			s.o.Seen(r.Context(), s.vault.hash(id), rec.SeenAt)
		}
	}
	return rec, nil
}

// touchEvery is how exact "idle" is.
func (s *Store) touchEvery() time.Duration { return min(s.o.Idle/4, 5*time.Minute) }

// Start gives the browser a new session, of which rec tells whose it is, and ends
// those that it came with. It fails with ErrEnded when rec's sign-in was ended.
func (s *Store) Start(ctx context.Context, w http.ResponseWriter, r *http.Request, rec Record) error {
	_, err := s.Begin(ctx, w, r, rec)
	return err
}

// Begin is Start. It returns the key of the session in Redis, from which the cookie
// can't be found, for Options.Recover.
func (s *Store) Begin(ctx context.Context, w http.ResponseWriter, r *http.Request, rec Record) (key string, err error) {
	if rec.Subject == "" {
		return "", errors.New("session: a session belongs to somebody")
	}
	now := s.o.Now().UTC().Truncate(time.Second)
	rec.SeenAt = now
	if rec.CreatedAt.IsZero() {
		rec.CreatedAt = now
	}
	if err := s.dropAll(ctx, r); err != nil {
		return "", err
	}
	sess := s.fresh()
	sess.ID = rand.Text()
	// The lists come first: a session that is on no list could outlive its sign-in.
	if err := s.enlist(ctx, sess.ID, &rec); err != nil {
		return "", err
	}
	sess.Values[recordKey] = &rec
	// redisstore writes the cookie, too; its Max-Age would keep the cookie in the
	// browser after it is closed, so we write our own.
	if err := s.inner.Save(r.WithContext(ctx), discard{}, sess); err != nil {
		return "", fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := s.unlessEnded(ctx, sess.ID, &rec); err != nil {
		return "", err
	}
	s.setCookie(w, s.cookie, sess.ID, 0)
	return s.vault.hash(sess.ID), nil
}

// unlessEnded takes a session away again, and fails with ErrEnded, when its sign-in
// was ended while it began.
func (s *Store) unlessEnded(ctx context.Context, id string, rec *Record) error {
	over, err := s.ended(ctx, rec.SID)
	if err != nil || !over {
		return err
	}
	if err := s.drop(ctx, id, rec); err != nil {
		return err
	}
	return ErrEnded
}

// Update changes what the session of r says, unless it has ended meanwhile.
func (s *Store) Update(r *http.Request, change func(*Record)) error {
	id, rec, err := s.get(r)
	if err != nil || rec == nil {
		return err
	}
	change(rec)
	if err := s.replace(r.Context(), id, rec); !errors.Is(err, errGone) {
		return err
	}
	return nil
}

var (
	errGone = errors.New("session: ended meanwhile")
	errFull = errors.New("session: Redis is full")
)

// replace writes rec only where a session still is: an ended one stays ended.
func (s *Store) replace(ctx context.Context, id string, rec *Record) error {
	raw, err := s.records.seal(id, rec)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	err = s.rdb.SetArgs(ctx, s.vault.key(id), raw, redis.SetArgs{Mode: "XX", TTL: s.ttl(rec)}).Err()
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

// ttl is the time that is left: until idle, or until the absolute end.
func (s *Store) ttl(rec *Record) time.Duration {
	return max(min(s.o.Idle, rec.CreatedAt.Add(s.o.Absolute).Sub(s.o.Now())), time.Second)
}

// End ends the sessions of r, if there are any, and takes the cookie away.
func (s *Store) End(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	if err := s.dropAll(ctx, r); err != nil {
		return err
	}
	s.setCookie(w, s.cookie, "", -1)
	return nil
}

// dropAll ends every session that r brings.
func (s *Store) dropAll(ctx context.Context, r *http.Request) error {
	all, err := s.brought(r)
	if err != nil {
		return err
	}
	for _, b := range all {
		if err := s.drop(ctx, b.id, b.rec); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.o.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// discard is a response that nobody sees.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}
