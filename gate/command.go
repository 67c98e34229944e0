package gate

import "time"

// Wall is a wall-clock time in Unix milliseconds. It is stored for display
// only; nothing in the table is decided by it.
type Wall int64

// Mode says whether a hold excludes every other run or only the exclusive ones.
type Mode uint8

const (
	// Exclusive overlaps no other run's hold. It is the default.
	Exclusive Mode = 0
	// Shared overlaps only shared holds.
	Shared Mode = 1
)

// String returns the wire word for the mode.
func (m Mode) String() string {
	if m == Shared {
		return "shared"
	}
	return "exclusive"
}

// Scope says how far down a reference a hold reaches.
type Scope uint8

const (
	// Node covers the reference alone. It is the default.
	Node Scope = 0
	// Tree covers the reference and everything below it.
	Tree Scope = 1
)

// String returns the wire word for the scope.
func (s Scope) String() string {
	if s == Tree {
		return "tree"
	}
	return "node"
}

// SessionID names a session. Number comes from a replicated counter and is
// unique for ever; Nonce was drawn by the node that proposed the session and
// makes the id unguessable. The zero value means no session.
type SessionID struct {
	Number uint64
	Nonce  uint64
}

// IsZero reports whether id names no session.
func (id SessionID) IsZero() bool { return id == SessionID{} }

// Client is what a holder says about itself, for display.
type Client struct {
	Name string
	Host string
	PID  uint32
}

// Command is one entry's worth of intent. With Session and Seq it is applied
// once, however often it is in the log (contract rule 12).
type Command struct {
	// Session is the session that the operation belongs to; zero for none.
	Session SessionID
	// Seq numbers the session's commands from 1; zero asks for no exactly-once.
	Seq uint64
	// Acked says that the client has seen the answers of all seqs up to it.
	Acked uint64
	// Done names later seqs whose answers the client has seen.
	Done []uint64
	// Op is the operation; never nil.
	Op Op
}

// Op is one of the operations below, always by pointer.
type Op interface{ isOp() }

// Want is one name of an acquire, with the strength asked for.
type Want struct {
	Name  Name
	Mode  Mode
	Scope Scope
}

// Acquire asks for all of Wants at once (rule 4). Wants must be non-empty,
// sorted by name, each name once, of one kind, and a single one if a key:
// MergeWants does that.
type Acquire struct {
	Run   string
	Wants []Want
	// Limit is the number of holders a key admits; zero means the key's
	// present value, else 1. Zero for references.
	Limit uint32
	// Wait queues the request for at most that long; zero only tries.
	Wait time.Duration
	// TTL, when positive, opens a session private to this acquire; then
	// Command.Session is zero and Nonce its nonce.
	TTL    time.Duration
	Nonce  uint64
	Reason string
	Client Client
	// Resume is the number of the request that an earlier copy of this
	// command queued; the table then only reports or joins that request and
	// never takes the names anew. Zero for a first copy.
	Resume uint64
}

// Give is one name of a release. A zero Token matches whatever the run holds.
type Give struct {
	Name  Name
	Token uint64
}

// Release gives back what Run holds, all of Gives or nothing, and withdraws
// its waiting request if that names one of them.
type Release struct {
	Run   string
	Gives []Give
}

// Downgrade weakens a hold to Mode and Scope and keeps its token. With KeepMode
// or KeepScope that one stays as it is held.
type Downgrade struct {
	Run       string
	Name      Name
	Token     uint64
	Mode      Mode
	Scope     Scope
	KeepMode  bool
	KeepScope bool
}

// Break ends the hold with Token on Name, by an operator's word.
type Break struct {
	Name   Name
	Token  uint64
	Reason string
	// Actor is where the word came from; Client what the operator says of
	// itself, zero for nothing.
	Actor  string
	Client Client
}

// OpenSession opens a session.
type OpenSession struct {
	TTL       time.Duration
	LockDelay time.Duration
	Client    Client
	Nonce     uint64
}

// CloseSession ends Command.Session with its holds and requests.
type CloseSession struct{}

// ReleaseRun gives back everything Run holds and withdraws its request.
type ReleaseRun struct{ Run string }

// StartTerm is the first command of every leader: the term is ready once it is
// applied, and every node knows from it where the leader serves clients.
type StartTerm struct {
	Term      uint64
	Leader    string
	ClientURL string
}

// Expire ends what the leader's timekeeper found to be over. It is ignored
// unless Term is the term of the last StartTerm; unknown numbers are ignored.
type Expire struct {
	Term uint64
	// Seen is the highest Timer.Restart that the timekeeper knew of when it
	// found Sessions to be over. A session that was given its full TTL again
	// since, by a command that overtook this one, lives on.
	Seen     uint64
	Sessions []uint64
	// Requests are the numbers of requests whose wait is over.
	Requests []uint64
	// Delays are the tokens of holds of no run whose lock delay is over.
	Delays []uint64
}

func (*Acquire) isOp()      {}
func (*Release) isOp()      {}
func (*Downgrade) isOp()    {}
func (*Break) isOp()        {}
func (*OpenSession) isOp()  {}
func (*CloseSession) isOp() {}
func (*ReleaseRun) isOp()   {}
func (*StartTerm) isOp()    {}
func (*Expire) isOp()       {}
