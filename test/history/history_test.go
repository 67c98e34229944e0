package history

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

const second = int64(time.Second)

// script writes histories by hand: by default every operation takes a millisecond
// and has the next index.
type script struct {
	ops   []Op
	now   int64
	index uint64
}

func (s *script) add(op Op, change func(*Op)) *script {
	s.now += 2e6
	s.index++
	op.Client, op.Start, op.End, op.Index, op.Exact = "c", s.now, s.now+1e6, s.index, true
	if op.Outcome == "" {
		op.Outcome = OK
	}
	if change != nil {
		change(&op)
	}
	s.ops = append(s.ops, op)
	return s
}

func (s *script) acquire(name Name, run string, token uint64, change ...func(*Op)) *script {
	return s.add(Op{Kind: Acquire, Run: run, Wants: []Want{{Name: name, Token: token}}}, all(change))
}

func (s *script) release(name Name, run string, token uint64, change ...func(*Op)) *script {
	return s.add(Op{Kind: Release, Run: run, Wants: []Want{{Name: name, Token: token}}}, all(change))
}

func (s *script) downgrade(name Name, run string, token uint64, change ...func(*Op)) *script {
	return s.add(Op{Kind: Downgrade, Run: run, Wants: []Want{{Name: name, Token: token}}}, all(change))
}

func (s *script) breaks(name Name, run string, token uint64, change ...func(*Op)) *script {
	return s.add(Op{Kind: Break, Run: run, Wants: []Want{{Name: name, Token: token}}}, all(change))
}

// private acquires with a TTL of its own.
func (s *script) private(name Name, run string, token uint64, change ...func(*Op)) *script {
	s.acquire(name, run, token, append(change, in("p"+run))...)
	last := s.ops[len(s.ops)-1]
	s.ops = append(s.ops, Op{Kind: Open, Outcome: OK, Session: "p" + run, Run: run, TTL: 3 * time.Second, Start: last.Start, End: last.End})
	return s
}

func (s *script) read(name Name, holders ...Holder) *script {
	for i := range holders {
		holders[i].Name = name
	}
	return s.add(Op{Kind: Read, Wants: []Want{{Name: name}}, Holders: holders}, nil)
}

func (s *script) session(kind Kind, id string, change ...func(*Op)) *script {
	return s.add(Op{Kind: kind, Session: id, TTL: 3 * time.Second}, all(change))
}

func (s *script) pause(d int64) *script { s.now += d; return s }

func all(changes []func(*Op)) func(*Op) {
	return func(op *Op) {
		for _, c := range changes {
			c(op)
		}
	}
}

func unknown(op *Op) {
	op.Outcome, op.End, op.Index, op.Exact = Unknown, Never, 0, false
	if op.Kind == Acquire {
		op.Wants[0].Token = 0
	}
}
func resent(op *Op)   { op.Exact = false }
func unplaced(op *Op) { op.Exact, op.Index = false, 0 }
func shared(op *Op)   { op.Wants[0].Shared = true }
func tree(op *Op)     { op.Wants[0].Tree = true }

// delayed is of a session that closes what it held for two seconds.
func delayed(op *Op) { op.Delay = 2 * time.Second }

func in(session string) func(*Op) { return func(op *Op) { op.Session = session } }
func limit(n int) func(*Op)       { return func(op *Op) { op.Limit = n } }
func outcome(o Outcome) func(*Op) { return func(op *Op) { op.Outcome = o } }
func at(index uint64) func(*Op)   { return func(op *Op) { op.Index = index } }

// since makes an operation that began that long ago.
func since(d int64) func(*Op) { return func(op *Op) { op.Start -= d } }

// waiting was seen in the queue that long before its end.
func waiting(d int64) func(*Op) {
	return func(op *Op) { op.Queued = append(op.Queued, Sighting{At: op.End - d}) }
}

func by(holders ...Holder) func(*Op) {
	return func(op *Op) {
		op.Outcome, op.Holders = Occupied, holders
		op.Wants[0].Token = 0
	}
}

const a, b = Name("k:a"), Name("k:b")

// expired is a session whose hold of a has expired, as somebody was told.
func expired() *script {
	return new(script).session(Open, "s").acquire(a, "x", 1, in("s"), delayed).pause(3*second).session(Keepalive, "s", outcome(Gone))
}

func TestGoodHistoriesAreAccepted(t *testing.T) {
	for name, s := range map[string]*script{
		"one after the other": new(script).acquire(a, "x", 1).release(a, "x", 1).acquire(a, "y", 2).read(a, Holder{Run: "y", Token: 2}),
		"granted in the entry that releases": new(script).acquire(a, "x", 1).
			acquire(a, "y", 2, func(op *Op) { op.End += 8e6; op.Index = 3 }, waiting(5e6)).release(a, "x", 1, at(3)),
		"different keys":      new(script).acquire(a, "x", 1).acquire(b, "y", 2),
		"refused":             new(script).acquire(a, "x", 1).acquire(a, "y", 0, by(Holder{Name: a, Run: "x", Token: 1})).release(a, "y", 0, outcome(NotHeld)),
		"readers":             new(script).acquire("r:a", "x", 1, shared).acquire("r:a", "y", 2, shared),
		"beside a tree":       new(script).acquire("r:a/b", "x", 1, tree).acquire("r:a/c", "y", 2).acquire("r:a/bc", "z", 3),
		"slots":               new(script).acquire(a, "x", 1, limit(2)).acquire(a, "y", 2, limit(2)).release(a, "x", 1).acquire(a, "z", 3, limit(2)),
		"a release unknown":   new(script).acquire(a, "x", 1).release(a, "x", 1, unknown).acquire(a, "y", 2),
		"an acquire unknown":  new(script).acquire(a, "x", 0, unknown).read(a, Holder{Run: "x", Token: 1}).acquire(a, "y", 0, by(Holder{Name: a, Run: "x", Token: 1})),
		"applied late":        new(script).acquire(a, "x", 0, unknown).acquire(a, "y", 1).release(a, "y", 1).read(a, Holder{Run: "x", Token: 2}),
		"never applied":       new(script).acquire(a, "x", 0, unknown).acquire(a, "y", 1).read(a, Holder{Run: "y", Token: 1}),
		"resent":              new(script).acquire(a, "x", 1, resent, at(9)).release(a, "x", 1, at(10)).acquire(a, "y", 2, at(11)),
		"expired":             new(script).session(Open, "s").acquire(a, "x", 1, in("s")).pause(3*second).acquire(a, "y", 2),
		"closed":              new(script).session(Open, "s").acquire(a, "x", 1, in("s")).session(Close, "s").acquire(a, "y", 2),
		"gone after its TTL":  new(script).session(Open, "s").pause(3*second).session(Keepalive, "s", outcome(Gone)),
		"gone after closing":  new(script).session(Open, "s").session(Close, "s").session(Keepalive, "s", outcome(Gone)),
		"no index":            new(script).acquire(a, "x", 1, unplaced).release(a, "x", 1, unplaced).acquire(a, "y", 2, unplaced).acquire(b, "z", 3),
		"first come":          new(script).acquire(a, "x", 1).pause(second).release(a, "x", 1).acquire(a, "y", 2, waiting(second/2), since(second)).release(a, "y", 2).acquire(a, "z", 3),
		"a writer and a key":  new(script).acquire("r:a", "x", 1).acquire(a, "y", 2),
		"several at once":     new(script).add(Op{Kind: Acquire, Run: "x", Wants: []Want{{Name: "r:a/1", Token: 1}, {Name: "r:a/2", Token: 2}}}, nil).add(Op{Kind: Release, Run: "x", Wants: []Want{{Name: "r:a/1", Token: 1}, {Name: "r:a/2", Token: 2}}}, nil).acquire("r:a", "y", 3, tree),
		"refused for another": new(script).acquire("r:a/1", "x", 1).acquire("r:a/2", "y", 0, by()),

		"broken": new(script).acquire(a, "x", 1).breaks(a, "x", 1).release(a, "x", 1, outcome(NotHeld)).acquire(a, "y", 2).read(a, Holder{Run: "y", Token: 2}),
		"one of two is broken": new(script).add(Op{Kind: Acquire, Run: "x", Wants: []Want{{Name: "r:a/1", Token: 1}, {Name: "r:a/2", Token: 2}}}, nil).breaks("r:a/1", "x", 1).
			add(Op{Kind: Release, Run: "x", Outcome: NotHeld, Wants: []Want{{Name: "r:a/1", Token: 1}, {Name: "r:a/2", Token: 2}}}, nil).read("r:a/2", Holder{Run: "x", Token: 2}),
		"broken perhaps":    new(script).acquire(a, "x", 1).breaks(a, "x", 1, unknown).acquire(a, "y", 2),
		"broken too late":   new(script).acquire(a, "x", 1).release(a, "x", 1).breaks(a, "x", 1, outcome(NotHeld)),
		"broken and closed": new(script).acquire(a, "x", 1, delayed).breaks(a, "x", 1).read(a, Holder{Token: 1}).acquire(a, "y", 0, by(Holder{Token: 1})).pause(2*second).acquire(a, "y2", 2),
		"two lock delays of one run": new(script).add(Op{Kind: Acquire, Run: "x", Wants: []Want{{Name: "r:a/1", Token: 1}, {Name: "r:a/2", Token: 2}}}, delayed).breaks("r:a/1", "x", 1).
			pause(2*second).acquire("r:a/1", "y", 3).breaks("r:a/2", "x", 2).pause(2*second).acquire("r:a/2", "z", 4),
		"expired and closed":    expired().read(a, Holder{Token: 1}).pause(2*second).acquire(a, "y", 2),
		"expired, then read":    expired().pause(2 * second).read(a),
		"closing leaves none":   new(script).session(Open, "s").acquire(a, "x", 1, in("s"), delayed).session(Close, "s").acquire(a, "y", 2),
		"releasing leaves none": new(script).acquire(a, "x", 1, delayed).release(a, "x", 1).acquire(a, "y", 2),
		"readers leave none":    new(script).acquire("r:a", "x", 1, delayed, shared).breaks("r:a", "x", 1).acquire("r:a", "y", 2),
		"an unanswered hold is closed": new(script).session(Open, "s").acquire(a, "x", 0, in("s"), delayed, unknown).pause(3*second).read(a, Holder{Token: 1}).
			pause(2*second).acquire(a, "y", 2),
		"a slot is closed": new(script).acquire(a, "x", 1, limit(2), delayed).breaks(a, "x", 1).acquire(a, "y", 2, limit(2)).acquire(a, "z", 0, limit(2), by(Holder{Token: 1}, Holder{Name: a, Run: "y", Token: 2})),
		"downgraded":       new(script).acquire("r:a", "x", 1).read("r:a", Holder{Run: "x", Token: 1}).downgrade("r:a", "x", 1, shared).read("r:a", Holder{Run: "x", Token: 1, Shared: true}).acquire("r:a", "y", 2, shared),
		"downgraded, perhaps": new(script).acquire("r:a", "x", 1).downgrade("r:a", "x", 1, shared, unknown).
			read("r:a", Holder{Run: "x", Token: 1}).acquire("r:a", "y", 2, shared),
		"less of a tree":      new(script).acquire("r:a", "x", 1, tree).downgrade("r:a", "x", 1).acquire("r:a/b", "y", 2),
		"downgraded too late": new(script).acquire("r:a", "x", 1).release("r:a", "x", 1).downgrade("r:a", "x", 1, shared, outcome(NotHeld)),
		"private":             new(script).private(a, "x", 1).release(a, "x", 1).session(Keepalive, "px", outcome(Gone)).private(a, "y", 2),
		"private and expired": new(script).private(a, "x", 1).pause(3*second).acquire(a, "y", 2),
		"private and kept":    new(script).private(a, "x", 1).pause(2*second).session(Keepalive, "px").pause(2*second).read(a, Holder{Run: "x", Token: 1}),
		"private and unknown": new(script).private(a, "x", 0, unknown).pause(3*second).acquire(a, "y", 1),
		"private and broken":  new(script).private(a, "x", 1).breaks(a, "x", 1).session(Keepalive, "px", outcome(Gone)),
	} {
		wrong := append(Replay(s.ops), Leases(s.ops)...)
		more, undecided := Linearize(s.ops, time.Minute)
		for _, v := range append(wrong, more...) {
			t.Errorf("%s: %s", name, v)
		}
		if len(undecided) > 0 {
			t.Errorf("%s: undecided", name)
		}
	}
}

// Each bad history is refused by Replay for its rule and, unless it shows in
// indices or queues alone, by Linearize.
func TestBadHistoriesAreRejected(t *testing.T) {
	for _, c := range append(badHistories(), badEndings()...) {
		if wrong := Replay(c.s.ops); !broken(wrong, c.rule) {
			t.Errorf("%s: Replay finds %v, want %q", c.name, wrong, c.rule)
		}
		if wrong, undecided := Linearize(c.s.ops, time.Minute); !c.indexOnly && (!broken(wrong, NoOrder) || len(undecided) > 0) {
			t.Errorf("%s: Linearize finds %v", c.name, wrong)
		}
	}
}

type badHistory struct {
	name      string
	s         *script
	rule      Rule
	indexOnly bool
}

func badHistories() []badHistory {
	return []badHistory{
		{"double grant", new(script).acquire(a, "x", 1).acquire(a, "y", 2), Exclusion, false},
		{"double grant, then released", new(script).acquire(a, "x", 1).acquire(a, "y", 2).release(a, "x", 1), Exclusion, false},
		{"double grant of answers without index", new(script).acquire(a, "x", 1, unplaced).acquire(a, "y", 2, unplaced), Exclusion, false},
		{"a writer beside a reader", new(script).acquire("r:a", "x", 1, shared).acquire("r:a", "y", 2), Exclusion, false},
		{"below a tree", new(script).acquire("r:a", "x", 1, tree).acquire("r:a/b", "y", 2, shared), Exclusion, false},
		{"a tree above", new(script).acquire("r:a/b", "x", 1).acquire("r:a", "y", 2, tree, shared), Exclusion, false},
		{"a slot too many", new(script).acquire(a, "x", 1, limit(2)).acquire(a, "y", 2, limit(2)).acquire(a, "z", 3, limit(2)), Exclusion, false},
		{"granted before the release was sent", new(script).acquire(a, "x", 1).acquire(a, "y", 2).release(a, "x", 1, unknown), Exclusion, false},
		{"granted before the expiry", new(script).session(Open, "s").acquire(a, "x", 1, in("s")).pause(2*second).acquire(a, "y", 2), Exclusion, false},
		{"granted in spite of a keepalive", new(script).session(Open, "s").acquire(a, "x", 1, in("s")).pause(2*second).session(Keepalive, "s").pause(2*second).acquire(a, "y", 2), Exclusion, false},
		{"lost hold", new(script).acquire(a, "x", 1).read(a), LostHold, false},
		{"lost hold of a resent acquire", new(script).acquire(a, "x", 1, resent).read(a), LostHold, false},
		{"lost before its release", new(script).acquire(a, "x", 1).release(a, "x", 1, outcome(NotHeld)), LostHold, false},
		{"token going down", new(script).acquire(a, "x", 5).release(a, "x", 5).acquire(a, "y", 4), Tokens, false},
		{"token going down elsewhere", new(script).acquire(a, "x", 5).acquire(b, "y", 4), Tokens, true},
		{"token granted twice", new(script).acquire(a, "x", 5).acquire(b, "y", 5), Tokens, true},
		{"token shown wrongly", new(script).acquire(a, "x", 5).read(a, Holder{Run: "x", Token: 6}), Tokens, false},
		{"stale read", new(script).acquire(a, "x", 1).release(a, "x", 1).read(a, Holder{Run: "x", Token: 1}), StaleRead, false},
		{"stale read beside a new holder", new(script).acquire(a, "x", 1).release(a, "x", 1, unknown).acquire(a, "y", 2).read(a, Holder{Run: "x", Token: 1}), StaleRead, false},
		{"read of nobody's hold", new(script).read(a, Holder{Run: "x", Token: 1}), Phantom, false},
		{"refused by nobody", new(script).acquire(a, "x", 0, by()), Phantom, false},
		{"refused by one who never asked", new(script).acquire(a, "x", 0, by(Holder{Name: a, Run: "y", Token: 1})), Phantom, false},
		{"refused by one who is gone", new(script).acquire(a, "x", 1).release(a, "x", 1).acquire(a, "y", 0, by(Holder{Name: a, Run: "x", Token: 1})), StaleRead, false},
		{"out of order", new(script).acquire(a, "x", 1).pause(second).release(a, "x", 1).acquire(a, "z", 2).release(a, "z", 2).acquire(a, "y", 3, waiting(second/2), since(second)), Order, true},
		{"a reader passes a writer", new(script).acquire("r:a", "x", 1, shared).pause(second).acquire("r:a", "z", 2, shared).
			release("r:a", "x", 1).release("r:a", "z", 2).acquire("r:a", "y", 3, waiting(second/2), since(second)), Order, true},
		{"index against real time", new(script).acquire(a, "x", 1, at(9)).acquire(b, "y", 2, at(8)), RealTime, true},
		{"a read against real time", new(script).acquire(a, "x", 1, at(9)).read(b), RealTime, true},
		{"grant to a closed session", new(script).session(Open, "s").session(Close, "s").acquire(a, "x", 1, in("s")), DeadGrant, false},
		{"grant to a gone session", new(script).session(Open, "s").pause(4*second).session(Keepalive, "s", outcome(Gone)).acquire(a, "x", 1, in("s")), DeadGrant, false},
		{"two acquires of one run", new(script).acquire(a, "x", 1).release(a, "x", 1).acquire(a, "x", 2), BadRecord, true},
	}
}

// badEndings are about breaks, lock delays, downgrades and private sessions.
func badEndings() []badHistory {
	return []badHistory{
		{"granted in the lock delay of an expiry", expired().pause(second).acquire(a, "y", 2), Delay, false},
		{"granted in the lock delay of a break", new(script).acquire(a, "x", 1, delayed).breaks(a, "x", 1).pause(second).acquire(a, "y", 2), Delay, false},
		{"a slot granted in a lock delay", new(script).acquire(a, "x", 1, limit(2), delayed).breaks(a, "x", 1).acquire(a, "y", 2, limit(2)).acquire(a, "z", 3, limit(2)), Delay, false},
		{"below a tree in its lock delay", new(script).acquire("r:a", "x", 1, tree, delayed).breaks("r:a", "x", 1).acquire("r:a/b", "y", 2, shared), Delay, false},
		{"a lock delay is not shown", expired().read(a), Delay, false},
		{"a lock delay of a session without one", new(script).acquire(a, "x", 1).breaks(a, "x", 1).read(a, Holder{Token: 1}), Phantom, false},
		{"a lock delay after a release", new(script).acquire(a, "x", 1, delayed).release(a, "x", 1).read(a, Holder{Token: 1}), Phantom, false},
		{"a lock delay of nobody's hold", new(script).read(a, Holder{Token: 1}), Phantom, false},
		{"a lock delay before the end", new(script).session(Open, "s").acquire(a, "x", 1, in("s"), delayed).read(a, Holder{Token: 1}), LostHold, false},
		{"refused by a lock delay before the end", new(script).session(Open, "s").acquire(a, "x", 1, in("s"), delayed).acquire(a, "y", 0, by(Holder{Token: 1})), LostHold, true},
		{"broken and still held", new(script).acquire(a, "x", 1).breaks(a, "x", 1).read(a, Holder{Run: "x", Token: 1}), StaleRead, false},
		{"broken twice", new(script).acquire(a, "x", 1).breaks(a, "x", 1).breaks(a, "x", 1), Twice, false},
		{"released after a break", new(script).acquire(a, "x", 1).breaks(a, "x", 1).release(a, "x", 1), Twice, false},
		{"a break that finds nothing", new(script).acquire(a, "x", 1).breaks(a, "x", 1, outcome(NotHeld)), LostHold, false},
		{"a downgrade that finds nothing", new(script).acquire("r:a", "x", 1).downgrade("r:a", "x", 1, shared, outcome(NotHeld)), LostHold, false},
		{"shared before the downgrade", new(script).acquire("r:a", "x", 1).acquire("r:a", "y", 2, shared).downgrade("r:a", "x", 1, shared), Exclusion, false},
		{"exclusive after the downgrade", new(script).acquire("r:a", "x", 1).downgrade("r:a", "x", 1, shared).acquire("r:a", "y", 2), Exclusion, false},
		{"a downgrade is not shown", new(script).acquire("r:a", "x", 1).downgrade("r:a", "x", 1, shared).read("r:a", Holder{Run: "x", Token: 1}), StaleRead, false},
		{"a downgrade shown too early", new(script).acquire("r:a", "x", 1).read("r:a", Holder{Run: "x", Token: 1, Shared: true}).downgrade("r:a", "x", 1, shared), Phantom, false},
		{"a mode that nobody asked for", new(script).acquire("r:a", "x", 1).read("r:a", Holder{Run: "x", Token: 1, Tree: true}), Phantom, false},
		{"a downgrade with a new token", new(script).acquire("r:a", "x", 1).downgrade("r:a", "x", 2, shared), Tokens, true},
		{"refused by one who has made room", new(script).acquire("r:a", "x", 1).downgrade("r:a", "x", 1, shared).acquire("r:a", "y", 0, by(Holder{Name: "r:a", Run: "x", Token: 1}), shared), Phantom, true},
		{"granted before a private TTL is over", new(script).private(a, "x", 1).pause(2*second).acquire(a, "y", 2), Exclusion, false},
		{"granted in spite of a private keepalive", new(script).private(a, "x", 1).pause(2*second).session(Keepalive, "px").pause(2*second).acquire(a, "y", 2), Exclusion, false},
	}
}

// A client that loses its session within a call may be granted what it asks for
// twice. What was shown before the second grant is of the first.
func TestAcquiresAgainByOneRunAreToldApart(t *testing.T) {
	again := func(op *Op) { op.Again = true; op.Start = 0 }
	for name, s := range map[string]*script{
		"answered": new(script).read(a, Holder{Run: "x", Token: 1}).acquire(a, "y", 0, by(Holder{Name: a, Run: "x", Token: 1})).
			acquire(a, "y2", 2).release(a, "y2", 2).acquire(a, "x", 3, again).read(a, Holder{Run: "x", Token: 3}),
		"unanswered": new(script).acquire(a, "x", 0, unknown, again).read(a, Holder{Run: "x", Token: 1}).read(a, Holder{Run: "x", Token: 3}),
		"broken":     new(script).read(a, Holder{Run: "x", Token: 1}).breaks(a, "x", 1).acquire(a, "x", 2, again),
	} {
		ops := Apart(s.ops)
		wrong, undecided := Linearize(ops, time.Minute)
		if wrong = append(wrong, Replay(ops)...); len(wrong) > 0 || len(undecided) > 0 {
			t.Errorf("%s: %v %v", name, wrong, undecided)
		}
	}
	later := new(script).acquire(a, "x", 3, again).read(a, Holder{Run: "x", Token: 4})
	if wrong := Replay(Apart(later.ops)); !broken(wrong, Tokens) {
		t.Errorf("a larger token than the last: %v", wrong)
	}
}

func TestBrokenLeasesAreRejected(t *testing.T) {
	for name, c := range map[string]struct {
		s    *script
		rule Rule
	}{
		"early":                    {new(script).session(Open, "s").pause(2*second).session(Keepalive, "s", outcome(Gone)), Early},
		"early after a keepalive":  {new(script).session(Open, "s").pause(2*second).session(Keepalive, "s").pause(2*second).session(Keepalive, "s", outcome(Gone)), Early},
		"early for an acquire":     {new(script).session(Open, "s").acquire(a, "x", 0, in("s"), outcome(Gone)), Early},
		"early for a private one":  {new(script).private(a, "x", 1).session(Keepalive, "px", outcome(Gone)), Early},
		"back from its end":        {new(script).session(Open, "s").pause(4*second).session(Keepalive, "s", outcome(Gone)).session(Keepalive, "s"), Returned},
		"closing comes after that": {new(script).session(Open, "s").session(Keepalive, "s", outcome(Gone)).session(Close, "s"), Early},
	} {
		if wrong := Leases(c.s.ops); !broken(wrong, c.rule) {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

// The shortest beginning that is wrong ends with the answer that made it so.
func TestLinearizeShowsWhereTheHistoryWentWrong(t *testing.T) {
	s := new(script).acquire(a, "x", 1).acquire(a, "y", 2).release(a, "x", 1).release(a, "y", 2)
	for run := uint64(3); run < 40; run++ {
		s.acquire(a, string(rune('A'+run)), run).release(a, string(rune('A'+run)), run)
	}
	wrong, _ := Linearize(s.ops, time.Minute)
	if len(wrong) != 1 || wrong[0].Ops[len(wrong[0].Ops)-1].Run != "y" {
		t.Fatal(wrong)
	}
}

func broken(wrong []Violation, rule Rule) bool {
	for _, v := range wrong {
		if v.Rule == rule {
			return true
		}
	}
	return false
}

func TestAWrittenHistoryIsReadBackWithoutItsTornLine(t *testing.T) {
	var r Recorder
	for _, op := range new(script).session(Open, "s").acquire(a, "x", 1, in("s"), waiting(5)).release(a, "x", 1, unknown).ops {
		r.Add(op)
	}
	var text bytes.Buffer
	if err := Write(&text, r.Ops()); err != nil {
		t.Fatal(err)
	}
	text.WriteString(`{"client":"c","ki`)
	path := filepath.Join(t.TempDir(), "history.jsonl")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	ops, err := ReadFile(path)
	if err != nil || !reflect.DeepEqual(ops, r.Ops()) {
		t.Fatalf("%v %v", ops, err)
	}
}

func TestNowNeverGoesBack(t *testing.T) {
	for last, n := Now(), 0; n < 1000; n++ {
		now := Now()
		if now < last {
			t.Fatal(last, now)
		}
		last = now
	}
}
