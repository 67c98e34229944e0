package api

import "time"

// Word is the result that an answer names.
type Word string

// The results.
const (
	Acquired Word = "acquired"
	Queued   Word = "queued"
	Occupied Word = "occupied"
	Released Word = "released"
	NotHeld  Word = "not_held"
	Deadlock Word = "deadlock"
	Broken   Word = "broken"
)

// Mode says whom a hold excludes.
type Mode string

// The modes; an absent one is Exclusive.
const (
	Exclusive Mode = "exclusive"
	Shared    Mode = "shared"
)

// Scope says how far down a reference a hold reaches.
type Scope string

// The scopes; an absent one is Node.
const (
	Node Scope = "node"
	Tree Scope = "tree"
)

// End says how a hold ended.
type End string

// The ends. Expired and WasBroken are the bad ones, after which the next holder
// finds a Previous.
const (
	WasReleased End = "released"
	// WasClosed is the end with its session's close.
	WasClosed End = "closed"
	Expired   End = "expired"
	WasBroken End = "broken"
	// WasReplaced is the end of a token: the run's hold went on with a new one,
	// because it moved to another session or was strengthened.
	WasReplaced End = "replaced"
)

// Client is what a session's owner, or who breaks a hold, says about itself, for
// display.
type Client struct {
	Name string `json:"name,omitempty"`
	Host string `json:"host,omitempty"`
	PID  uint32 `json:"pid,omitempty"`
}

// Once asks for a command to be applied exactly once: it needs a session.
// With Seq zero there is no such promise.
type Once struct {
	// Seq numbers the session's commands from 1.
	Seq uint64 `json:"seq,omitempty"`
	// Acked says that the answers to all seqs up to it were seen.
	Acked uint64 `json:"acked,omitempty"`
	// Done names later seqs whose answers were seen.
	Done []uint64 `json:"done,omitempty"`
}

// Hold is one run's grip on one name.
type Hold struct {
	// RunID is empty during a lock delay.
	RunID   string `json:"run_id,omitempty"`
	Session string `json:"session,omitempty"`
	Token   uint64 `json:"token"`
	Mode    Mode   `json:"mode"`
	// Scope is absent for keys.
	Scope      Scope     `json:"scope,omitempty"`
	AcquiredAt time.Time `json:"acquired_at"`
	HeldMS     int64     `json:"held_ms"`
	Reason     string    `json:"reason,omitempty"`
	Client     Client    `json:"client"`
	// ExpiresInMS is what is left of the session's lease; absent without a
	// session, and in answers that the leader did not make.
	ExpiresInMS *int64 `json:"expires_in_ms,omitempty"`
	// Ended says how the run of a lock delay ended.
	Ended End `json:"ended,omitempty"`
}

// Wait is one waiting request, as seen at one name.
type Wait struct {
	RunID   string `json:"run_id"`
	Session string `json:"session"`
	Mode    Mode   `json:"mode"`
	// Position in the queue, from 1.
	Position uint32 `json:"position"`
	WaitedMS int64  `json:"waited_ms"`
	// BlockedBy are the runs that it waits for.
	BlockedBy []string `json:"blocked_by"`
	Client    Client   `json:"client"`
}

// Previous says that the last holder of a name ended badly.
type Previous struct {
	RunID string `json:"run_id"`
	End   End    `json:"end"`
}

// QueuedAnswer is the 202 answer to an acquire that still waits when its poll
// is over. Sending the same body again, to any node, resumes in the same place.
type QueuedAnswer struct {
	Result     Word   `json:"result"`
	Position   uint32 `json:"position"`
	Waiting    uint32 `json:"waiting"`
	WaitLeftMS int64  `json:"wait_left_ms"`
	Session    string `json:"session"`
}
