package session

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/gorilla/sessions"

	"gatehouse.example/sso/seal"
)

// Record is the content of a session: the signed-in user, as the ID token describes them.
type Record struct {
	Subject   string    `cbor:"1,keyasint"`           // sub
	SID       string    `cbor:"2,keyasint,omitempty"` // the sign-in on this browser
	Name      string    `cbor:"3,keyasint,omitempty"`
	Email     string    `cbor:"4,keyasint,omitempty"`
	Roles     []string  `cbor:"5,keyasint,omitempty"`
	AuthTime  time.Time `cbor:"6,keyasint"` // when the user last authenticated
	CreatedAt time.Time `cbor:"7,keyasint"` // set by Start unless given; the absolute timeout counts from here
	SeenAt    time.Time `cbor:"8,keyasint"` // set by Start and, at intervals, by Load
}

// HasRole reports whether the user has any of roles. It returns false if r is nil.
func (r *Record) HasRole(roles ...string) bool {
	return r != nil && slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(r.Roles, role) })
}

// recordKey is the key of the record among a gorilla session's values.
const recordKey = "record"

var (
	encoding = must(cbor.EncOptions{Time: cbor.TimeUnixDynamic}.EncMode())
	decoding = must(cbor.DecOptions{MaxArrayElements: 128, MaxMapPairs: 64}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the options are constant
	}
	return v
}

// sealed implements redisstore.SessionSerializer for sessions that hold one Record. It seals each record for its key,
// so that an attacker who can write to Redis can't forge a session or move one to another id.
type sealed struct {
	hashedKeys hashedKeys
	sealer     *seal.Sealer
}

func (c sealed) seal(id string, rec *Record) ([]byte, error) {
	raw, err := encoding.Marshal(rec)
	return c.sealer.Seal(raw, c.hashedKeys.key(id)), err
}

// open returns the record that is stored for the session with this id. Its errors wrap errUnreadable.
func (c sealed) open(id string, stored []byte) (*Record, error) {
	raw, err := c.sealer.Open(stored, c.hashedKeys.key(id))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	rec := new(Record)
	if err := decoding.Unmarshal(raw, rec); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return rec, nil
}

// Serialize implements redisstore.SessionSerializer.
func (c sealed) Serialize(s *sessions.Session) ([]byte, error) {
	rec, ok := s.Values[recordKey].(*Record)
	if !ok {
		return nil, errors.New("session: it contains no record")
	}
	return c.seal(s.ID, rec)
}

// Deserialize implements redisstore.SessionSerializer.
func (c sealed) Deserialize(stored []byte, s *sessions.Session) error {
	rec, err := c.open(s.ID, stored)
	if err != nil {
		return err
	}
	s.Values[recordKey] = rec
	return nil
}

// errUnreadable is returned if Redis has an invalid value under a session's key. It counts as no session.
var errUnreadable = errors.New("session: record can't be read")
