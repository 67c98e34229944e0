package api

import "time"

// The bounds of the HTTP API. What the lock table itself bounds (names, counts,
// TTLs) is refused by the server with a problem that says the bound.
const (
	// MaxBodyBytes bounds a request body; a longer one is refused as too_large.
	MaxBodyBytes = 64 << 10
	// MaxListed and DefaultListed bound the entries of one page of a list.
	MaxListed     = 1000
	DefaultListed = 100
	// MaxKeepalives bounds the sessions that one batch keepalive names.
	MaxKeepalives = 1000
	// MaxRefs bounds the references that one acquire or release names.
	MaxRefs = 64
	// DefaultPoll is how long one HTTP answer to a waiting acquire is held back.
	DefaultPoll = 50 * time.Second
	// MaxPoll bounds what a request may ask for as poll.
	MaxPoll = time.Hour

	// MaxStreamBytes bounds one message that a client sends over a stream; a
	// longer one ends it.
	MaxStreamBytes = 1 << 20
	// MaxStreamInFlight bounds the requests of one stream that are not answered
	// yet, and MaxStreamWaiting those that are queued for a lock; more are refused
	// as overloaded.
	MaxStreamInFlight = 4096
	MaxStreamWaiting  = 65_536
)

// The headers that every answer carries, errors included.
const (
	// HeaderNode is the name of the node that answered.
	HeaderNode = "Lockd-Node"
	// HeaderIndex is the log index at which the answer holds.
	HeaderIndex = "Lockd-Index"
	// HeaderRequestID names the request; a client may choose it.
	HeaderRequestID = "Lockd-Request-Id"
	// HeaderLeader is the leader's client URL; absent when unknown.
	HeaderLeader = "Lockd-Leader"
	// HeaderStaleness is how old a stale answer may be, in milliseconds.
	HeaderStaleness = "Lockd-Staleness-Ms"
)

// The media types of answers.
const (
	ContentJSON    = "application/json"
	ContentProblem = "application/problem+json"
	ContentEvents  = "text/event-stream"
)
