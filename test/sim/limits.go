package sim

import "time"

// Every bound of the simulation stands here.
const (
	// minLatency and maxLatency bound how long an ordinary message takes, and
	// veryLate one that is late.
	minLatency = 500 * time.Microsecond
	maxLatency = 8 * time.Millisecond
	veryLate   = 3 * time.Second

	// The timing of a node, as cluster.DefaultTiming has it.
	stall    = 250 * time.Millisecond
	tick     = 50 * time.Millisecond
	election = 200 * time.Millisecond
	lease    = 150 * time.Millisecond
	// heartbeat is how often an idle leader sends something.
	heartbeat = 80 * time.Millisecond
	// appendTime is how long a leader waits at least for an answer to what it sent.
	appendTime = 260 * time.Millisecond

	// mostAppended bounds the entries in one message, mostUnder the entries that
	// a leader has under way (as many as cluster's), mostExpired the timers that
	// one expiry ends.
	mostAppended = 64
	mostUnder    = 1
	mostExpired  = 4096

	// attempt is how long a client waits for an answer before it asks another
	// node, and poll how long while its request waits.
	attempt = 400 * time.Millisecond
	poll    = 1200 * time.Millisecond

	// mostTime bounds the virtual time of the operations, healTime that of the
	// recovery after the last fault, and restTime that until nothing is held.
	mostTime = 30 * time.Minute
	healTime = 20 * time.Second
	restTime = 60 * time.Second
)
