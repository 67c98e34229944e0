package redis

import "time"

const (
	// defaultTTL is that of a caller without one.
	defaultTTL = 60 * time.Second
	// renewalsPerTTL is how often a lock is extended within its TTL, and
	// maxExtended how many are by one message.
	renewalsPerTTL = 3
	maxExtended    = 500
	// shortestPoll and longestPoll bound the pause between two tries of who
	// waits.
	shortestPoll = 50 * time.Millisecond
	longestPoll  = 250 * time.Millisecond
	// answerTime bounds the wait for any answer.
	answerTime = 30 * time.Second
)
