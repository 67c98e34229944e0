package fault

import "time"

// What the clients do.
const (
	// A third of the clients speak the HTTP API themselves, a third use the SDK over
	// plain HTTP, a third the SDK over its stream.
	rawClients    = 8
	plainClients  = 8
	streamClients = 8
	// sessionTTL is short, so that sessions are abandoned and expire in every run.
	sessionTTL = 3 * time.Second
	keepEvery  = sessionTTL / 3
	// lockDelay is that of some sessions, privateTTL that of some acquires.
	lockDelay  = 600 * time.Millisecond
	privateTTL = time.Second
	// answerTime is how long an attempt waits for its answer, beyond what the
	// server was asked to wait.
	answerTime = 1500 * time.Millisecond
	// patience is how long one command is sent again.
	patience = 6 * time.Second
	waitTime = 3 * time.Second
	pollTime = 250 * time.Millisecond
	// maxHold and maxThink bound a client's time with a lock and without.
	maxHold  = 10 * time.Millisecond
	maxThink = 20 * time.Millisecond
	slots    = 3
	// breakLooks bounds the names that one who means to break a hold looks at.
	breakLooks = 5
	// A watcher reads so often; so many of its reads may be unanswered.
	watchEvery = 30 * time.Millisecond
	maxWatches = 64
)

// The names that the clients contend for.
const (
	plainKeys = 12
	slotKeys  = 3
	families  = 10
)

// How scenarios run, and what must be so afterwards.
const (
	faultEvery = 3 * time.Second
	// electionTimeout is the nodes' default.
	electionTimeout = 200 * time.Millisecond
	// electionTime is the longest that an undisturbed election should take: a
	// follower notices within two timeouts, and is elected within two more.
	electionTime = 4 * electionTimeout
	graceTime    = time.Second
	drainTime    = 10 * time.Second
	boundsTries  = 3
	linearizeFor = 30 * time.Second
	// lagTime is how long nodes may take to drop the log that a follower lacks, and
	// droppedAfter how many entries that is at least: those that a leader keeps in
	// memory, and those between two snapshots.
	lagTime      = 20 * time.Second
	droppedAfter = 512 + 200 + 32
)
