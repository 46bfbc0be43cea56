package ephemeral

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"gatehouse/sso/seal"
)

const prefix = "gatehouse:portal:"

// Store is the portal's short-lived data in Redis. It is safe for concurrent use.
type Store struct {
	rdb    redis.UniversalClient
	sealer *seal.Sealer
}

// New returns a store in rdb that seals with the first of secrets and opens with all of them. It returns an error if
// there is no secret.
func New(rdb redis.UniversalClient, secrets ...[]byte) (*Store, error) {
	if rdb == nil {
		return nil, errors.New("ephemeral: Redis is required")
	}
	sealer, err := seal.New("gatehouse portal: authorization codes, v1", secrets...)
	if err != nil {
		return nil, fmt.Errorf("ephemeral: %w", err)
	}
	return &Store{rdb, sealer}, nil
}
