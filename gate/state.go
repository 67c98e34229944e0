package gate

import "time"

// Hold is one run's grip on one name.
type Hold struct {
	Name  Name
	Mode  Mode
	Scope Scope
	// Ended says why a hold of no run is one; zero for a living hold.
	Ended End
	// Limit is the key's limit; zero for references.
	Limit uint32
	// Run is empty for a hold of no run: a lock delay.
	Run     string
	Session SessionID
	Token   uint64
	At      Wall
	Reason  string
	Client  *Client
	// Request is the number of the request that was granted as this hold, or
	// zero if the acquire did not wait.
	Request uint64
	// Delay is the whole lock delay of a hold of no run.
	Delay time.Duration
}

// Request is a waiting acquire in its place in the queue. Requests are immutable:
// a change replaces the request, so that versions of the table can share it.
type Request struct {
	// Number orders all requests of the cluster.
	Number  uint64
	Run     string
	Session SessionID
	Wants   []Want
	Limit   uint32
	Wait    time.Duration
	At      Wall
	Reason  string
	Client  *Client
	// Joins are the session commands whose answers become fixed when the
	// request ends.
	Joins []Join
}

// Join is one command that waits for a request.
type Join struct {
	Session uint64
	Seq     uint64
}

// Session is a client's liveness lease. Sessions are immutable, like requests.
type Session struct {
	ID     SessionID
	Client *Client
	// clientHash is the client's, for the hashes of holds.
	clientHash uint64
	TTL        time.Duration
	LockDelay  time.Duration
	// Private sessions were opened by an acquire with a TTL and end with
	// their last hold or request.
	Private bool
	// Lost counts the holds taken from the session by break or move.
	Lost uint64
	At   Wall
	// Restart is the number of the last logged command that gave a private
	// session its full TTL again; zero for none.
	Restart uint64
}

// Ledger is a session's exactly-once state (contract rule 12), beside its
// answers. A session that never sent a seq has none. Ledgers are immutable.
type Ledger struct {
	// Session is the session's number.
	Session uint64
	// Acked: all seqs up to it are seen. Done: later ones that are, in order
	// and with gaps between.
	Acked uint64
	Done  []SeqRange
	// Answers counts the session's answers in the table.
	Answers uint32
}

// SeqRange is the sequence numbers From to To, both included.
type SeqRange struct{ From, To uint64 }

// SeqAnswer is what a session keeps of one command.
type SeqAnswer struct {
	Session uint64
	Seq     uint64
	Digest  uint64
	// Request is the request that the command waits for; zero when it has its
	// Result.
	Request uint64
	// Result is nil while Request waits.
	Result *Result
}

// Counters are the table's replicated scalars.
type Counters struct {
	// Token is the highest token granted so far.
	Token uint64
	// Number is the highest session or request number given so far.
	Number uint64
	// Ending is the highest order of an ending so far.
	Ending uint64
	// Restart is the highest number of a restart of a session so far.
	Restart   uint64
	Term      uint64
	Leader    string
	ClientURL string
}
