// Package ephemeral keeps in Redis what the portal forgets by itself: authorization
// codes.
//
// Keys hold hashes, never what a browser or client carries. Errors mean that Redis
// does not answer, unless they say otherwise.
package ephemeral

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"gatehouse/sso/seal"
)

const prefix = "gatehouse:portal:"

// Store is the portal's part of Redis. It is safe for concurrent use.
type Store struct {
	rdb    redis.UniversalClient
	sealer *seal.Sealer
}

// New keeps things in rdb, sealed with the first of secrets; all of them open. It returns an error if there is none.
func New(rdb redis.UniversalClient, secrets ...[]byte) (*Store, error) {
	if rdb == nil {
		return nil, errors.New("ephemeral: Redis is needed")
	}
	sealer, err := seal.New("gatehouse portal: authorization codes, v1", secrets...)
	if err != nil {
		return nil, fmt.Errorf("ephemeral: %w", err)
	}
	return &Store{rdb, sealer}, nil
}
