package cluster

import "time"

// Every bound of the package stands here.
const (
	// MaxMembers bounds the members of a cluster.
	MaxMembers = 9
	// MaxMemberNameBytes bounds a member's name.
	MaxMemberNameBytes = 64

	// MaxBatchCommands and MaxBatchBytes bound one log entry and one frame of
	// forwarded commands; a single command may be larger than MaxBatchBytes.
	MaxBatchCommands = 1000
	MaxBatchBytes    = 64 << 10
	// MaxFramesInFlight bounds the batches that a follower has sent to one leader
	// and that are not answered yet, MaxEntriesInFlight the entries of a leader
	// that are not applied. While they are, the next batch fills up.
	MaxFramesInFlight  = 3
	MaxEntriesInFlight = 1
	// entryCrowd and frameCrowd are how many callers must be away for a leader's
	// entry, and a follower's frame, to wait for them: of two callers on a follower
	// one may wait for what happens elsewhere.
	entryCrowd, frameCrowd = 2, 4
	// maxGather bounds that wait, and maxGatherSkips the batches that go without one
	// after waits in vain.
	maxGather      = time.Millisecond
	maxGatherSkips = 63
	// MaxQueuedCommands and MaxQueuedBytes bound what waits for a batch.
	MaxQueuedCommands = 32_768
	MaxQueuedBytes    = 32 << 20
	// MaxCommandBytes bounds one encoded command: an acquire with as many
	// names and acknowledgements as gate admits is below it.
	MaxCommandBytes = 256 << 10
	// usualCommandBytes is how long most encoded commands are at most.
	usualCommandBytes = 96
	// usualVerdictBytes is how long most encoded verdicts are at most.
	usualVerdictBytes = 96

	// MaxWaiting bounds the queued requests whose late answers a node awaits.
	MaxWaiting = 262_144
	// MaxResends bounds the waiting requests that are sent again at once after
	// the loss of a leader.
	MaxResends = 512

	// MaxRefusedNames bounds the names at which a try is expected to be refused.
	MaxRefusedNames = 4096
	// MaxConfirmations bounds the reads and keepalives that wait for the proof
	// that their leader still leads.
	MaxConfirmations = 65_536
	// MaxKeepaliveIDs bounds the sessions of one keepalive message between nodes.
	MaxKeepaliveIDs = 4096
	// MaxQueuedKeepaliveIDs bounds the sessions that wait for the next message.
	MaxQueuedKeepaliveIDs = 262_144
	// keepaliveGap is the least time from one keepalive message of a node to the
	// next, unless that is full.
	keepaliveGap = 10 * time.Millisecond
	// MaxServed bounds the requests of other nodes that are being served on a
	// goroutine of their own.
	MaxServed = 16_384

	// MaxExpired bounds the timers that one logged expiry ends.
	MaxExpired = 1024

	// EventsKept is how many events a node keeps for readers.
	EventsKept = 65_536
	// MaxEventsRead bounds the events that one Next returns.
	MaxEventsRead = 256

	// maxTerms is how many terms back a node knows that it led: of an earlier one
	// nobody waits for an entry.
	maxTerms = 16
	// logCacheEntries is how many recent entries are kept in memory.
	logCacheEntries = 512
	// maxAppendEntries bounds the entries of one message to a follower.
	maxAppendEntries = 64
	// maxCutEntries is how many entries are cut off the log's front at once.
	maxCutEntries = 256
	// minTrailingLogs is how much of the log must stay behind a snapshot.
	minTrailingLogs = 2
	// walSegmentBytes is the size of a file of the write-ahead log, taken on disk
	// at once.
	walSegmentBytes = 16 << 20
	// walMarkEvery is how many entries the write-ahead log grows by before its
	// end is marked again.
	walMarkEvery = 256
	// snapshotStint is how long a snapshot is written before it pauses three times
	// as long, at most snapshotPause.
	snapshotStint = time.Millisecond
	snapshotPause = 20 * time.Millisecond
	// snapshotSyncBytes is how much of a snapshot the disk gets at once.
	snapshotSyncBytes = 1 << 20
	// snapshotReapBytes is how much of an old one is removed at once, and
	// snapshotReapPause the pause after that.
	snapshotReapBytes = 2 << 20
	snapshotReapPause = 5 * time.Millisecond
	// rareSnapshots is how often raft looks by itself whether one is due, which is
	// left to the node.
	rareSnapshots = 365 * 24 * time.Hour
	// snapshotsKept is how many snapshots stay on disk.
	snapshotsKept = 2

	// alarmBeats is in how many parts the time is counted that a write to disk takes.
	alarmBeats = 8

	// maxHandOver bounds the time that a node which shuts down spends on giving
	// leadership away.
	maxHandOver = time.Second
	// statusWait bounds the time that Status waits for the other members.
	statusWait = 300 * time.Millisecond
)
