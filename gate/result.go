package gate

import "time"

// Code says how a command ended. Refusals are codes, not errors. The numbers
// are in snapshots and on the wire between nodes: never reuse one.
type Code uint8

const (
	// Acquired: Grants lists what the run now holds.
	Acquired Code = 1
	// Queued: the request waits at Position; its late Answer comes when it ends.
	Queued Code = 2
	// Occupied: Conflicts says by whom; the request is not (or no longer) queued.
	Occupied Code = 3
	// Released: everything named was given back; Grants names it, with tokens.
	Released Code = 4
	// NotHeld: Missing lists the names the run does not hold; nothing changed.
	NotHeld Code = 5
	// Deadlock: Cycle lists the runs, first and last the same.
	Deadlock Code = 6
	// AlreadyWaiting: the run waits for another request, whose number is Request.
	AlreadyWaiting Code = 7
	// LimitMismatch: the key is in use with Limit.
	LimitMismatch Code = 8
	// StaleRequest: the client has said that it saw this seq's answer.
	StaleRequest Code = 9
	// SeqReused: the seq was used with another body.
	SeqReused Code = 10
	// Overloaded: a bound of limits.go is reached; nothing changed.
	Overloaded Code = 11
	// SessionNotFound: the session never existed, was closed or has expired.
	SessionNotFound Code = 12
	// NotWeaker: a downgrade asked for more than is held; nothing changed.
	NotWeaker Code = 13
	// Downgraded: Grants has the hold as it is now.
	Downgraded Code = 14
	// Broken: Run and Grants name the hold that was broken.
	Broken Code = 15
	// SessionOpened: Session, TTL and LockDelay are those of the new session.
	SessionOpened Code = 16
	// SessionClosed: Count holds were given back.
	SessionClosed Code = 17
	// RunReleased: Count holds were given back.
	RunReleased Code = 18
	// TermStarted: the term is ready.
	TermStarted Code = 19
	// Expired: Count timers were honoured (zero from an older term).
	Expired Code = 20
)

// Result is the answer to one command. Which fields are set depends on Code.
// A Result is immutable once returned.
type Result struct {
	// The small fields stand together: most results are kept for repeats.
	Code Code
	// Reentrant says that the run held everything already, as strongly.
	Reentrant bool
	// Withdrawn says that an Occupied request left the queue because its
	// names were released or its session ended.
	Withdrawn bool
	Limit     uint32
	Run       string
	Session   SessionID
	Grants    []Grant
	Conflicts []Conflict
	Missing   []Name
	Cycle     []string
	// At is when the names were acquired, or the request was queued; for display.
	At Wall
	// Request, Position (from 1) and Waiting (requests at the name, this one
	// included) describe a queued request; Wait is its whole wait.
	Request  uint64
	Position uint32
	Waiting  uint32
	Wait     time.Duration
	// Waited is how long an ended request was queued, by wall time; for display.
	Waited    time.Duration
	TTL       time.Duration
	LockDelay time.Duration
	Count     uint32
}

// Grant is one name that a command granted, released or broke.
type Grant struct {
	Name  Name
	Mode  Mode
	Scope Scope
	Token uint64
	// Previous tells that the last holder ended badly; nil if it ended well.
	Previous *Ending
}

// Conflict is one name of a refused acquire, with who is in the way.
type Conflict struct {
	Name    Name
	Holders []Hold
	// Waiting counts the requests queued at the name.
	Waiting uint32
}

// End says how a hold ended.
type End uint8

const (
	// EndReleased, by its run.
	EndReleased End = 1
	// EndClosed, with its session's close.
	EndClosed End = 2
	// EndExpired, with its session's expiry.
	EndExpired End = 3
	// EndBroken, by an operator.
	EndBroken End = 4
	// EndReplaced, by the same run's hold with a new token: it moved to another
	// session or was strengthened. The run holds on.
	EndReplaced End = 5
)

// bad reports whether the next holder is to be told.
func (e End) bad() bool { return e == EndExpired || e == EndBroken }

// String returns the wire word.
func (e End) String() string {
	switch e {
	case EndReleased:
		return "released"
	case EndClosed:
		return "closed"
	case EndExpired:
		return "expired"
	case EndBroken:
		return "broken"
	case EndReplaced:
		return "replaced"
	}
	return ""
}

// Ending is how a hold ended. Endings are immutable, like holds. Those of a
// snapshot of format version 1 have a Name, Run, End and Order only.
type Ending struct {
	Name Name
	Run  string
	End  End
	// Mode and Scope are the hold's.
	Mode  Mode
	Scope Scope
	// Order is the ending's place in the log order of endings.
	Order uint64
	Token uint64
	// From is when the hold was granted, At when it ended; for display.
	From Wall
	At   Wall
	// Reason and Client are those of the hold.
	Reason string
	Client *Client
	// By is nil unless the hold was broken.
	By *Breaker
}

// Breaker is who broke a hold, and why, as the Break said.
type Breaker struct {
	Reason string
	Actor  string
	Client Client
}

// Answer is the late result of a request that waited: to be handed to whoever
// was told Queued with that Request number.
type Answer struct {
	Request uint64
	Result  Result
}

// TimerKind says what a timer of the leader's timekeeper ends.
type TimerKind uint8

const (
	// SessionTTL ends the session with that number.
	SessionTTL TimerKind = 1
	// RequestWait ends the request with that number.
	RequestWait TimerKind = 2
	// LockDelay ends the hold of no run with that token.
	LockDelay TimerKind = 3
)

// Timer tells the timekeeper to start (or restart) a timer, or, with After
// zero, to forget it.
type Timer struct {
	Kind  TimerKind
	ID    uint64
	After time.Duration
	// Restart is the session's; zero for other kinds.
	Restart uint64
}

// Outcome is everything that one command did.
type Outcome struct {
	Result Result
	// Answers are the late results of other requests that ended, in order.
	Answers []Answer
	// Events are what changed, in order.
	Events []Event
	// Timers are for the leader's timekeeper.
	Timers []Timer
	// grant is room for the only one of Result.Grants.
	grant [1]Grant
}

// Reset makes an outcome that nobody looks at any more ready for Table.ApplyTo. It
// keeps the memory of its lists unless they are long: one command in many ends all
// holds of a session.
func (o *Outcome) Reset() {
	*o = Outcome{Events: emptied(o.Events), Timers: emptied(o.Timers)}
}

func emptied[T any](list []T) []T {
	if cap(list) > eventRoom {
		return nil
	}
	return list[:0]
}

// EventKind is the kind of a change. The numbers are stable.
type EventKind uint8

const (
	EventAcquired      EventKind = 1
	EventReleased      EventKind = 2
	EventExpired       EventKind = 3
	EventBroken        EventKind = 4
	EventMoved         EventKind = 5
	EventQueued        EventKind = 6
	EventLeft          EventKind = 7
	EventSessionOpened EventKind = 8
	EventSessionClosed EventKind = 9
	EventSessionEnded  EventKind = 10
	EventLeader        EventKind = 11
)

var eventWords = [...]string{
	EventAcquired: "acquired", EventReleased: "released", EventExpired: "expired", EventBroken: "broken",
	EventMoved: "moved", EventQueued: "queued", EventLeft: "left", EventSessionOpened: "session_opened",
	EventSessionClosed: "session_closed", EventSessionEnded: "session_expired", EventLeader: "leader",
}

// String returns the wire word for the kind.
func (k EventKind) String() string { return eventWords[k] }

// Event is one change of the table. Kinds that concern no name leave Name zero.
type Event struct {
	// The small fields stand together: many events are kept.
	Kind    EventKind
	Mode    Mode
	Scope   Scope
	At      Wall
	Name    Name
	Run     string
	Session SessionID
	// Token of the hold; of a moved hold the new one.
	Token uint64
	// Request is the number of the request that was queued, left or granted.
	Request uint64
	Reason  string
	// Actor is who broke a hold.
	Actor string
	// Term, Leader and ClientURL are those of a leader event.
	Term      uint64
	Leader    string
	ClientURL string
}
