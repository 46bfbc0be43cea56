// Package ephemeral keeps in Redis what the portal forgets by itself: authorization
// codes.
//
// Keys hold hashes, never what a browser or client carries. Errors mean that Redis
// does not answer, unless they say otherwise.
package ephemeral

import (
	"errors"

	"github.com/redis/go-redis/v9"
)

const prefix = "gatehouse:portal:"

// Store is the portal's part of Redis. It is safe for concurrent use.
type Store struct{ rdb redis.UniversalClient }

// New keeps things in rdb.
func New(rdb redis.UniversalClient) (*Store, error) {
	if rdb == nil {
		return nil, errors.New("ephemeral: Redis is needed")
	}
	return &Store{rdb: rdb}, nil
}
