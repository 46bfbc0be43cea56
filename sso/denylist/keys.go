package denylist

import (
	"errors"
	"fmt"
	"strings"
)

// The keys in Redis. They share a hash tag, so that a Redis Cluster keeps them in one
// place, where one script may write them together.
const (
	logKey      = "gatehouse:{denied}:log"      // stream; the ids are "position-0", without gaps
	setKey      = "gatehouse:{denied}:set"      // hash: kind:value → header|json
	untilKey    = "gatehouse:{denied}:until"    // sorted set: kind:value by its end, milliseconds since 1970
	epochKey    = "gatehouse:{denied}:epoch"    // random; there if and only if the set is complete
	positionKey = "gatehouse:{denied}:position" // of the last entry
	highKey     = "gatehouse:{denied}:high"     // the highest Seq that was written
	namesKey    = "gatehouse:{denied}:replicas" // set: the registered replicas
	infoPrefix  = "gatehouse:{denied}:info:"    // what a replica tells of itself, JSON
	beatPrefix  = "gatehouse:{denied}:beat:"    // there while a replica may still answer from memory
	acksKey     = "gatehouse:{denied}:acks"     // stream of confirmations; the ids are Redis's clock
	buildKey    = "gatehouse:{denied}:building" // held by who rebuilds the set
)

// ErrEmpty says that Redis has no epoch: the set has to be rebuilt before anything
// is written or allowed.
var ErrEmpty = errors.New("denylist: the denylist in Redis is not complete")

// ErrForeign says that Redis holds something else under one of our keys.
var ErrForeign = errors.New("denylist: Redis holds something else under a key of the denylist (gatehouse:{denied}:*)")

// told gives Redis's errors our names.
func told(err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "WRONGTYPE"), strings.Contains(err.Error(), "not an integer"):
		// go-redis has no type for it; these words are the protocol's error codes.
		return fmt.Errorf("%w: %w", ErrForeign, err)
	case strings.Contains(err.Error(), emptyReply):
		return ErrEmpty
	}
	return fmt.Errorf("denylist: Redis: %w", err)
}

// emptyReply is the error code of our own scripts.
const emptyReply = "NOEPOCH"
