package virtual

import "time"

const (
	// usualLeast and usualMost bound how long a message is under way.
	usualLeast, usualMost = 100 * time.Microsecond, 2 * time.Millisecond
	// rpcLimit bounds one message of raft with its answer, dialLimit the opening
	// of a connection; a cut connection is noticed after silenceNoticed.
	rpcLimit       = time.Second
	dialLimit      = 500 * time.Millisecond
	silenceNoticed = time.Second
	// retransmit is what a lost packet delays a connection by.
	retransmit = 200 * time.Millisecond

	// Small snapshots and a short log behind them make a node that was away for
	// a moment need one. A log shorter than one message of raft (64 entries) is
	// beyond what raft can bear: a follower whose answers were lost would be sent
	// a snapshot older than its own.
	snapshotEntries = 100
	trailingLogs    = 80
	snapshotsKept   = 2

	// requestLimit is how long a client waits for an answer, beside its poll, and
	// patience how long it repeats a request.
	requestLimit = 5 * time.Second
	patience     = 30 * time.Second
	// What clients do takes up to so long, drawn anew each time.
	thinkMS = 1500
	waitMS  = 8000
	pollMS  = 15_000
	holdMS  = 2000

	// watchEvery is how often the tables are looked at.
	watchEvery = 100 * time.Millisecond
	// hashesKept bounds the indices whose hashes are compared.
	hashesKept = 4096
	// remembered is how long the book keeps what was released.
	remembered = 20 * time.Second
	// burial bounds the end of a process.
	burial = 2 * time.Minute
	// traceLines is how much is told of a broken promise.
	traceLines = 200
)

// sessionTTLs, keys and refs are few, so that clients meet.
var (
	sessionTTLs = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}
	keys        = []name{{"deploy", 1}, {"build", 1}, {"crawl", 3}}
	refs        = []string{"prod", "prod/api", "prod/api/eu", "prod/web", "test"}
)

const (
	// runLength is one seed's virtual time.
	runLength = 15 * time.Minute
	// leastPartitions is what a run must have, or the faults are no trouble.
	leastPartitions = 20
	// workers have sessions of their own.
	workers = 5
)

// scales are the timing multipliers of the runs, in turn.
var scales = []int{1, 4, 4, 4}
