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
func (s *Sender) SetDeadline(d time.Duration) { s.times.deadline = d }

// SetPatience is for how long Deliver waits for clients that failed.
func (s *Sender) SetPatience(d time.Duration) { s.times.patience = d }

// SetRecording lets a test's busy machine take its time to write.
func (s *Sender) SetRecording(d time.Duration) { s.times.recording = d }
