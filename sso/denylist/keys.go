package denylist

import (
	"errors"
	"fmt"
	"strings"
)

// Keys in Redis. They share a hash tag, so that a Redis Cluster keeps them in one slot, where one script can write
// them.
const (
	logKey      = "gatehouse:{denied}:log"      // stream; the ids are "position-0", without gaps
	setKey      = "gatehouse:{denied}:set"      // hash: kind:value → header|json
	untilKey    = "gatehouse:{denied}:until"    // sorted set: kind:value by expiry, milliseconds since 1970
	epochKey    = "gatehouse:{denied}:epoch"    // random; exists if and only if the set is complete
	positionKey = "gatehouse:{denied}:position" // of the last entry
	highKey     = "gatehouse:{denied}:high"     // the highest Seq written
	namesKey    = "gatehouse:{denied}:replicas" // set: the registered replicas
	infoPrefix  = "gatehouse:{denied}:info:"    // a replica's description of itself, JSON
	beatPrefix  = "gatehouse:{denied}:beat:"    // exists while a replica may still admit requests
	acksKey     = "gatehouse:{denied}:acks"     // stream of confirmations; the ids are Redis's time
	buildKey    = "gatehouse:{denied}:building" // lock of the replica that rebuilds the set
)

// Fields of a message in the log.
const (
	fieldName       = "k" // the entry's kind:value
	fieldText       = "e" // header|json
	fieldWriteID    = "w" // identifies the Write that added the entry
	fieldPreviousID = "b" // the write id of the previous entry
)

// Fields of a confirmation.
const (
	ackReplica  = "r"
	ackPosition = "p"
	ackEpoch    = "e"
)

// ErrEmpty is returned when Redis has no epoch: the set must be rebuilt before anything is written or allowed.
var ErrEmpty = errors.New("denylist: the denylist in Redis is incomplete")

// ErrForeign is returned when Redis holds another type of value under a key of the denylist.
var ErrForeign = errors.New("denylist: Redis has other data under a key of the denylist (gatehouse:{denied}:*)")

// translateError translates an error of Redis into ErrForeign, ErrEmpty or an error with the package's prefix.
func translateError(err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "WRONGTYPE"), strings.Contains(err.Error(), "not an integer"):
		// go-redis has no error types for these; the texts are Redis's error codes.
		return fmt.Errorf("%w: %w", ErrForeign, err)
	case strings.Contains(err.Error(), emptyReply):
		return ErrEmpty
	}
	return fmt.Errorf("denylist: Redis: %w", err)
}

// emptyReply is the error code that our scripts return when there is no epoch.
const emptyReply = "NOEPOCH"
