package backchannel

import (
	"context"
	"sync"
	"time"
)

// RetryDelay returns the delay after so many failures.
var RetryDelay = retryDelay

// The bounds that tests hold senders to.
const (
	MaxPerClient  = maxPerClient
	MaxFailing    = maxFailing
	ClaimTimeout  = claimTimeout
	MaxNoticeAge  = maxNoticeAge
	MaxRetryDelay = maxRetryDelay
)

// SetDeliveryTimeout lets a test wait shorter or longer for an answer.
func (s *Sender) SetDeliveryTimeout(d time.Duration) { s.timeouts.delivery = d }

// SetFailingTimeout sets how long Deliver waits for clients that failed.
func (s *Sender) SetFailingTimeout(d time.Duration) { s.timeouts.failing = d }

// SetRecordTimeout lets a test's busy machine take its time to write.
func (s *Sender) SetRecordTimeout(d time.Duration) { s.timeouts.record = d }

// Flush delivers the notices that are due now, as Run does, and returns when each has been tried once.
func (s *Sender) Flush(ctx context.Context) error {
	var workers sync.WaitGroup
	defer workers.Wait()
	return s.startWorkers(ctx, &workers)
}
