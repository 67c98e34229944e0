package history

import (
	"math"
	"strings"
	"time"
)

// Kind is what an operation asks for.
type Kind string

// The kinds.
const (
	Open      Kind = "open"
	Keepalive Kind = "keepalive"
	Close     Kind = "close"
	Acquire   Kind = "acquire"
	Release   Kind = "release"
	Downgrade Kind = "downgrade"
	Break     Kind = "break"
	Read      Kind = "read"
)

// Outcome is what became of an operation.
type Outcome string

// The outcomes. Occupied, NotHeld and Gone (no such session) are answers of the
// lock table; None says that the cluster certainly did nothing; Unknown is also
// every operation that was never answered.
const (
	OK       Outcome = "ok"
	Occupied Outcome = "occupied"
	NotHeld  Outcome = "not_held"
	Gone     Outcome = "gone"
	None     Outcome = "none"
	Unknown  Outcome = "unknown"
)

// Never is the End of an operation without an answer.
const Never = math.MaxInt64

// Name is a key, "k:" and its text, or a reference, "r:" and its path.
type Name string

// Key returns the name of a key.
func Key(text string) Name { return Name("k:" + text) }

// Ref returns the name of a reference in canonical form.
func Ref(path string) Name { return Name("r:" + path) }

// IsKey says whether the name is a key's.
func (n Name) IsKey() bool { return strings.HasPrefix(string(n), "k:") }

// Text is the name as the API has it.
func (n Name) Text() string { return string(n[2:]) }

// Partition is what the name may depend on: the key itself, or the first segment
// of the reference. One acquire must stay within one partition.
func (n Name) Partition() string {
	if n.IsKey() {
		return string(n)
	}
	root, _, _ := strings.Cut(string(n), "/")
	return root
}

// A Want is one name of a command. That of a downgrade says what is kept.
type Want struct {
	Name   Name `json:"name"`
	Shared bool `json:"shared,omitempty"`
	Tree   bool `json:"tree,omitempty"`
	// Token was granted, or is released; zero if the client never learned it.
	Token uint64 `json:"token,omitempty"`
}

// A Holder is one hold that an answer shows. One without a run is a lock delay.
type Holder struct {
	Name   Name   `json:"name"`
	Run    string `json:"run"`
	Token  uint64 `json:"token"`
	Shared bool   `json:"shared,omitempty"`
	Tree   bool   `json:"tree,omitempty"`
}

// A Sighting is an answer that found a request in its queue.
type Sighting struct {
	At int64 `json:"at"`
}

// An Op is one operation of one client. Times are nanoseconds of Now.
type Op struct {
	Client  string  `json:"client"`
	Node    string  `json:"node,omitempty"`
	Kind    Kind    `json:"kind"`
	Start   int64   `json:"start"`
	End     int64   `json:"end"`
	Outcome Outcome `json:"outcome"`
	// Index is the answer's Lockd-Index; zero if it bore none. Exact says that a
	// change was made at this very index: neither the client nor a node can have
	// sent the command twice.
	Index uint64 `json:"index,omitempty"`
	Exact bool   `json:"exact,omitempty"`

	// Run is whose hold the command is about; of a break, who loses it. An opened
	// session that has one is private to an acquire of that run, and ends with its
	// hold.
	Run string `json:"run,omitempty"`
	// Again says that the client may have acquired anew when it lost its session,
	// in the same call; see Apart.
	Again   bool   `json:"again,omitempty"`
	Session string `json:"session,omitempty"`
	Wants   []Want `json:"wants,omitempty"`
	// Limit is a key's; zero counts as 1.
	Limit int `json:"limit,omitempty"`
	// TTL is that of an opened session, Delay the lock delay of an acquire's.
	TTL   time.Duration `json:"ttl,omitempty"`
	Delay time.Duration `json:"delay,omitempty"`
	// Holders are all holds of a read name, or those that a refusal names; only
	// those of a read reference have their modes and scopes.
	Holders []Holder `json:"holders,omitempty"`
	// Queued are the sightings of an acquire while it waited, in their order.
	Queued []Sighting `json:"queued,omitempty"`
	// Note is for people.
	Note string `json:"note,omitempty"`
}

// partition is where a command on names belongs; "" for sessions.
func (o *Op) partition() string {
	if len(o.Wants) == 0 {
		return ""
	}
	return o.Wants[0].Name.Partition()
}

// mayHaveChanged says that the command is, or may be, in the log.
func (o *Op) mayHaveChanged() bool { return o.Outcome == OK || o.Outcome == Unknown }
