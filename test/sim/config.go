package sim

import (
	"io"
	"time"

	"lockd/gate"
)

// Config says which world to simulate.
type Config struct {
	// Seed decides everything that the rest leaves open.
	Seed uint64
	// Operations is how many there are, in all lanes together.
	Operations int
	// Flaw breaks something in the simulated environment.
	Flaw Flaw
	// Whole has every table checked as a whole after that many entries, and the
	// hashes of all tables compared.
	Whole uint64
	// Shared has nodes that have applied the same entries share one table; see
	// line. The history is the same.
	Shared bool
	// Trace, unless nil, gets a line for everything that happens.
	Trace io.Writer
	// Left leaves out steps of the plan, by number: who should take one only lets
	// some time pass.
	Left map[int]bool
}

// Flaw is a mistake in the environment of the lock table that the simulation
// must be able to see.
type Flaw uint8

const (
	// Sound is no flaw.
	Sound Flaw = iota
	// AckUnconfirmed acknowledges keepalives and answers reads without a proof of
	// leadership.
	AckUnconfirmed
	// ProofByAnswer counts a proof from when its answer came, not from when the
	// message that it answers left.
	ProofByAnswer
	// AckWhileEnding acknowledges a keepalive while an expiry is under way.
	AckWhileEnding
	// ServeBeforeStart serves reads and keepalives before the term's first
	// command is applied.
	ServeBeforeStart
	// CommitAlone has leaders commit without a majority.
	CommitAlone
	// ForwardTwice applies some forwarded commands twice.
	ForwardTwice
	// LeaseFromAnswer has clients count their leases from the answers.
	LeaseFromAnswer
	// DefaultMargin has clients use the SDK's margin however different clocks are.
	DefaultMargin
	// NoFence has the fenced storage take whatever comes.
	NoFence
)

// traits are what the seed makes of the world as a whole.
type traits struct {
	nodes int
	// drift is by how much in a million clocks run faster or slower, at most.
	drift int64
	// lost and late are messages, and heldUp expiries, in a thousand.
	lost, late, heldUp int
	// steps: a leader steps down that does not hear from a majority.
	steps bool
	// renames, in a thousand: runs that get a new name with a new session; the
	// others move their holds.
	renames int
	// delays, in a thousand: sessions with a lock delay.
	delays int
	ttl    time.Duration
	wait   time.Duration
	think  time.Duration
	keys   []gate.Name
	refs   []gate.Name
}

// drifts: within the first the SDK's own margin holds; README.md says why.
const (
	coveredDrift = 50_000
	wideDrift    = 200_000
)

func newTraits(d dice) traits {
	t := traits{
		nodes:   3,
		drift:   [...]int64{0, coveredDrift, wideDrift, wideDrift}[d.n(4)],
		lost:    d.n(30),
		late:    d.n(30),
		heldUp:  d.n(200),
		steps:   d.chance(700),
		renames: [...]int{0, 500, 1000}[d.n(3)],
		delays:  [...]int{0, 300}[d.n(2)],
		ttl:     d.between(time.Second, 3*time.Second),
		wait:    d.between(300*time.Millisecond, 4*time.Second),
		think:   d.between(5*time.Millisecond, 80*time.Millisecond),
	}
	if d.chance(100) {
		t.nodes = 5
	}
	for _, text := range []string{"k0", "k1", "slots"}[:2+d.n(2)] {
		t.keys = append(t.keys, gate.Name{Kind: gate.Key, Text: text})
	}
	for _, text := range []string{"a", "a/b", "a/b/c", "a/d", "e", "e/f"}[:2+d.n(5)] {
		t.refs = append(t.refs, gate.Name{Kind: gate.Reference, Text: text})
	}
	return t
}

// limit is how many may hold the key.
func (t *traits) limit(key gate.Name) uint32 {
	if key.Text == "slots" {
		return 3
	}
	return 1
}
