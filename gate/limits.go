package gate

import "time"

// Every bound of the lock table stands here. They are part of the replicated
// behaviour: two replicas with different bounds would differ, so a change needs
// a new command version.
const (
	// MaxNameBytes bounds a key and a canonical reference.
	MaxNameBytes = 512
	// MaxSegments bounds the depth of a reference.
	MaxSegments = 32
	// MaxRunBytes bounds a run id.
	MaxRunBytes = 128
	// MaxReasonBytes bounds the reason of a hold or a break.
	MaxReasonBytes = 512
	// MaxClientBytes bounds each of a client's name and host.
	MaxClientBytes = 256
	// MaxWants bounds the references that one acquire or release may name.
	MaxWants = 64
	// MaxLimit bounds the holders of one key.
	MaxLimit = 10_000
	// MaxToken is the first integer that a token must stay below, so that
	// every JSON reader can hold a token exactly (RFC 8259, section 6).
	MaxToken = 1 << 53

	// MinTTL and MaxTTL bound a session's TTL.
	MinTTL = time.Second
	MaxTTL = 24 * time.Hour
	// MaxWait bounds the wait of one request.
	MaxWait = 24 * time.Hour
	// MaxLockDelay bounds a session's lock delay.
	MaxLockDelay = 60 * time.Second

	// MaxSessions bounds the live sessions of the cluster.
	MaxSessions = 1_000_000
	// MaxHolds bounds the holds of the cluster when an acquire is taken in: it is
	// refused, and not queued either, if what it wants would be too many. What was
	// queued is granted in its turn all the same, or nobody would wake it later.
	MaxHolds = 10_000_000
	// MaxRequests bounds the waiting requests of the cluster.
	MaxRequests = 1_000_000
	// MaxQueue bounds the requests that wait at one name.
	MaxQueue = 10_000
	// MaxAnswers bounds the finished answers that a session keeps for repeats
	// before the client has acknowledged them.
	MaxAnswers = 1024
	// MaxDoneRanges bounds the runs of adjacent sequence numbers that a session
	// remembers as done above its acked mark.
	MaxDoneRanges = 1024
	// MaxDone bounds the sequence numbers that one command names as done.
	MaxDone = 4096
	// MaxJoins bounds the commands that wait for the answer of one request.
	MaxJoins = 64
	// MaxHistory bounds the endings that a name's history tells.
	MaxHistory = 8
	// MaxHistories bounds the histories of names whose last holder ended well,
	// and those of names whose last holder ended badly; of either, that of the
	// name which has gone longest without an ending is forgotten first.
	MaxHistories = 16_384
	// MaxWalk bounds the pointers that one walk along rules 5 and 6 follows. A
	// request whose own refusal cannot be decided within it is refused as
	// overloaded; a waiting request that cannot be shown grantable within it
	// keeps its place.
	MaxWalk = 100_000
	// MaxListed bounds the runs that a waiter's blocked_by and the holds that
	// one refusal's conflict lists name together; a name for which these leave
	// none tells of one.
	MaxListed = 1000
)
