package work

import "time"

const (
	// sessionTTL is that of sessions which should not end while they are used.
	sessionTTL = 60 * time.Second
	// dialers is how many clients are dialled or closed at a time.
	dialers = 64
	// sharedHistograms is how many histograms all clients of a setting share.
	sharedHistograms = 8
	// settleTime is what a service gets between two phases.
	settleTime = 500 * time.Millisecond
	// memorySettleTime is what a service gets to come to rest before its memory
	// is read.
	memorySettleTime = 3 * time.Second
	// comebackTime bounds the time that clients need after a node was killed.
	comebackTime = 30 * time.Second
	// watchedHolds is how many locks are held while the leader is killed, half
	// of them by a session.
	watchedHolds = 100
	// holders is how many clients take the many locks of W5.
	holders = 64
	// fillers is how many clients take the locks of W9, and cyclers how many
	// measure the cost of a cycle beside them.
	fillers = 1024
	cyclers = 64
	// lightClients go on, a cycle after the other, while snapshots are written.
	lightClients = 4
	// snapshotTime bounds the wait until each node has written one, and calmTime is
	// how long they are measured after that: lockd collects garbage that often.
	snapshotTime = 90 * time.Second
	calmTime     = 10 * time.Second
	// quietTime is what a service gets to bring its memory in order after load.
	quietTime = 15 * time.Second
	// snapshotWatch is how often it is looked whether one is being written, and
	// aftermath what counts to it behind its end, when the log is cut.
	snapshotWatch = 10 * time.Millisecond
	aftermath     = time.Second
	// closeTime bounds the clean-up of the clients of a workload.
	closeTime = 30 * time.Second
)
