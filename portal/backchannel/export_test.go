package backchannel

import "time"

// Pause is the pause after so many failures.
var Pause = pause

// The bounds that tests hold senders to.
const (
	Width        = width
	FailingOnes  = failingOnes
	Lease        = lease
	GiveUpAfter  = giveUpAfter
	LongestPause = longestPause
)

// SetDeadline lets a test wait shorter or longer for an answer.
func (s *Sender) SetDeadline(d time.Duration) { s.deadline = d }
