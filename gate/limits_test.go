package gate

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// The tests here reach limits that are too high to fill: a table is given fewer
// places by counting some, or by records that nothing refers to.

// limited is a table with one session, and what its commands came to.
type limited struct {
	*testing.T
	*Table
	session SessionID
}

func newLimited(t *testing.T) *limited {
	l := &limited{T: t, Table: New()}
	l.session = l.Apply(&Command{Op: &OpenSession{TTL: time.Minute, Nonce: 1}}, 1).Result.Session
	return l
}

// apply carries out a command of the session, which must come to want. What is
// refused as overloaded must change nothing.
func (l *limited) apply(op Op, want Code) Outcome {
	l.Helper()
	before := uint64(0)
	if want == Overloaded {
		before = l.Snapshot().Hash()
	}
	out := l.Apply(&Command{Session: l.session, Op: op}, 1)
	if out.Result.Code != want {
		l.Fatalf("%T %+v: code %d, want %d", op, op, out.Result.Code, want)
	}
	if want == Overloaded && (l.Snapshot().Hash() != before || len(out.Events)+len(out.Timers)+len(out.Answers) > 0) {
		l.Fatalf("%T %+v was refused and did something: %+v", op, op, out)
	}
	return out
}

func (l *limited) check() {
	l.Helper()
	if err := l.Check(); err != nil {
		l.Fatal(err)
	}
}

func ref(text string) Name { return Name{Kind: Reference, Text: text} }

func take(run string, wait time.Duration, refs ...string) *Acquire {
	op := &Acquire{Run: run, Wait: wait}
	for _, r := range refs {
		op.Wants = append(op.Wants, Want{Name: ref(r)})
	}
	return op
}

func give(run, text string) *Release { return &Release{Run: run, Gives: []Give{{Name: ref(text)}}} }

// leavePlaces has the table count so many holds that only n more fit, and returns
// what takes that back.
func (l *limited) leavePlaces(n int) (undo func()) {
	more := MaxHolds - n - l.holders
	l.holders += more
	return func() { l.holders -= more }
}

func TestHoldsAreBounded(t *testing.T) {
	l := newLimited(t)
	l.apply(take("r1", 0, "a"), Acquired)
	undo := l.leavePlaces(2)
	l.apply(take("r2", 0, "b", "c", "d"), Overloaded)
	l.apply(take("r2", time.Minute, "b", "c", "d"), Overloaded)
	l.apply(take("r2", 0, "b", "c"), Acquired)
	l.apply(take("r3", 0, "d"), Overloaded)
	l.apply(&Acquire{Run: "r3", Wants: []Want{{Name: Name{Kind: Key, Text: "k"}}}}, Overloaded)
	if again := l.apply(take("r1", 0, "a"), Acquired).Result; !again.Reentrant {
		t.Errorf("what the run holds already is granted anew: %+v", again)
	}
	l.apply(take("r3", 0, "a"), Occupied)
	l.apply(take("r3", time.Minute, "a"), Overloaded)
	l.apply(give("r2", "b"), Released)
	l.apply(take("r3", 0, "d"), Acquired)
	undo()
	l.check()
}

// What was queued while there was room is granted when it is free, even if the
// table is full by then: nothing that happens later would wake it.
func TestARequestIsGrantedInAFullTable(t *testing.T) {
	l := newLimited(t)
	l.apply(take("r1", 0, "a"), Acquired)
	l.apply(take("r2", time.Minute, "a", "b"), Queued)
	undo := l.leavePlaces(0)
	if out := l.apply(give("r1", "a"), Released); len(out.Answers) != 1 || out.Answers[0].Result.Code != Acquired {
		t.Errorf("not granted: %+v", out.Answers)
	}
	l.apply(take("r3", 0, "c"), Overloaded)
	undo()
	l.check()
}

func TestSessionsAreBounded(t *testing.T) {
	l := newLimited(t)
	idle := make([]Session, MaxSessions-2)
	for i := range idle {
		idle[i].ID.Number = uint64(1_000_000_000 + i)
		l.sessions.Set(idle[i].ID.Number, none{}, &idle[i])
	}
	open, private := &OpenSession{TTL: time.Minute, Nonce: 2}, &Acquire{Run: "r", TTL: time.Minute, Wants: take("r", 0, "a").Wants}
	l.apply(open, SessionOpened)
	l.apply(open, Overloaded)
	last := l.session
	l.session = SessionID{}
	l.apply(private, Overloaded)
	l.session = last
	l.apply(take("r1", 0, "a"), Acquired)
	l.session = SessionID{}
	private.Wait = time.Minute
	l.apply(private, Overloaded)
	l.session = last
	l.apply(&CloseSession{}, SessionClosed)
	l.session = SessionID{}
	l.apply(private, Acquired)
	for i := range idle {
		l.sessions.Delete(idle[i].ID.Number, none{})
	}
	l.check()
}

func TestRequestsAreBounded(t *testing.T) {
	l := newLimited(t)
	l.apply(take("r1", 0, "a"), Acquired)
	idle := make([]Request, MaxRequests-1)
	for i := range idle {
		idle[i].Number = uint64(1_000_000_000 + i)
		l.byNumber.Set(idle[i].Number, none{}, &idle[i])
	}
	l.apply(take("r2", time.Minute, "a"), Queued)
	l.apply(take("r3", time.Minute, "a"), Overloaded)
	l.apply(take("r3", 0, "a"), Occupied)
	l.apply(take("r2", time.Minute, "a"), Queued)
	if out := l.apply(give("r1", "a"), Released); len(out.Answers) != 1 || out.Answers[0].Result.Run != "r2" {
		t.Errorf("the one who waits is not granted: %+v", out.Answers)
	}
	l.apply(take("r3", time.Minute, "a"), Queued)
	for i := range idle {
		l.byNumber.Delete(idle[i].Number, none{})
	}
	l.check()
}

// A request is refused if it takes too many pointers to tell whether it closes a
// cycle; with fewer, it waits.
func TestTheWalkIsBounded(t *testing.T) {
	const more = 20
	l := newLimited(t)
	shared := func(run, text string) *Acquire {
		return &Acquire{Run: run, Wants: []Want{{Name: ref(text), Mode: Shared}}}
	}
	for i := range MaxWalk - more/2 {
		l.apply(shared(fmt.Sprint("many", i), "crowded"), Acquired)
	}
	l.apply(shared("middle", "y"), Acquired)
	for i := range more {
		l.apply(shared(fmt.Sprint("some", i), "y"), Acquired)
	}
	l.apply(take("middle", time.Minute, "crowded"), Queued)
	l.apply(take("late", 0, "x"), Acquired)
	l.apply(take("late", time.Minute, "y"), Overloaded)
	l.apply(take("late", 0, "y"), Occupied)
	for i := range more {
		l.apply(give(fmt.Sprint("some", i), "y"), Released)
	}
	l.apply(take("late", time.Minute, "y"), Queued)
	l.check()
}

// A request that stays in the queue because it would take too many pointers to tell
// that it need not wait may come to need fewer, and nobody looks at it. Its table is
// restored all the same, and it waits there, too.
func TestWhoWaitsBecauseOfTheWalksBoundIsRestored(t *testing.T) {
	l := newLimited(t)
	shared := func(run string) *Acquire {
		return &Acquire{Run: run, Wants: []Want{{Name: ref("crowded"), Mode: Shared}}}
	}
	const more = 20
	for i := range MaxWalk + more {
		l.apply(shared(fmt.Sprint("many", i)), Acquired)
	}
	l.apply(shared("last"), Acquired)
	l.apply(take("late", 0, "x"), Acquired)
	l.apply(take("middle", time.Minute, "crowded", "y"), Queued)
	l.apply(take("last", time.Minute, "x"), Queued)
	l.apply(take("late", time.Minute, "y"), Queued)
	for i := range 2 * more {
		l.apply(give(fmt.Sprint("many", i), "crowded"), Released)
	}
	if !l.grantable(l.claimOf(l.request("late"))) {
		t.Fatal("the walk is too long still")
	}
	if got, want := l.reloaded().Hash(), l.Snapshot().Hash(); got != want {
		t.Errorf("hash %x, want %x", got, want)
	}
}

// However many names a refusal is about, it lists the holds in the way of all of them
// up to the bound, and at least one for each: it is stored, and sent.
func TestTheHoldsThatARefusalListsAreBounded(t *testing.T) {
	l := newLimited(t)
	text := "a"
	refused := take("late", 0, text)
	for len(refused.Wants) < MaxSegments {
		text += "/a"
		refused.Wants = append(refused.Wants, Want{Name: ref(text)})
	}
	for i := range refused.Wants {
		refused.Wants[i].Scope = Tree
	}
	for i := range MaxListed + 1 {
		l.apply(&Acquire{Run: fmt.Sprint("r", i), Wants: []Want{{Name: ref(text), Mode: Shared}}}, Acquired)
	}
	conflicts := l.apply(refused, Occupied).Result.Conflicts
	listed := 0
	for _, x := range conflicts {
		if listed += len(x.Holders); len(x.Holders) == 0 {
			t.Errorf("%v: no holder is listed", x.Name)
		}
	}
	if most := MaxListed + len(refused.Wants); listed < MaxListed || listed > most || len(conflicts) != len(refused.Wants) {
		t.Errorf("%d holds at %d names, want %d to %d at %d", listed, len(conflicts), MaxListed, most, len(refused.Wants))
	}
}

// A name's older endings are forgotten, and with them that it had ended badly before
// those that are left. That it seems to have ended well is no reason to forget others.
func TestAFullTableOfHistoriesIsRestored(t *testing.T) {
	l := newLimited(t)
	for i := range MaxHistories {
		name := fmt.Sprint("good", i)
		l.apply(take("r1", 0, name), Acquired)
		l.apply(give("r1", name), Released)
	}
	breakAfter := func(replaced int) {
		held := l.apply(&Acquire{Run: "r1", Wants: []Want{{Name: ref("bad"), Mode: Shared}}}, Acquired)
		for range replaced {
			held = l.apply(take("r1", 0, "bad"), Acquired)
			l.apply(&Downgrade{Run: "r1", Name: ref("bad"), Mode: Shared}, Downgraded)
		}
		l.apply(&Break{Name: ref("bad"), Token: held.Result.Grants[0].Token}, Broken)
	}
	breakAfter(0)
	breakAfter(MaxHistory - 1)
	l.check()
	if got, want := l.reloaded().Hash(), l.Snapshot().Hash(); got != want {
		t.Errorf("hash %x, want %x", got, want)
	}
}

// reloaded is the newest version of the table that is made of the table's records.
func (l *limited) reloaded() *View {
	l.Helper()
	v := l.Snapshot()
	loader := NewLoader(v.Counters())
	for x := range v.AllSessions() {
		loader.Session(x)
	}
	for x := range v.AllHolds() {
		loader.Hold(x)
	}
	for x := range v.AllRequests() {
		loader.Request(x)
	}
	for x := range v.AllEndings() {
		loader.Ending(x)
	}
	table, err := loader.Table()
	if err != nil {
		l.Fatal(err)
	}
	return table.Snapshot()
}

// Many who are behind one request that leads far, and back to none of them, share the
// walk that finds this out: with one for each, a release would take minutes.
func TestManyBehindOneRequestShareAWalk(t *testing.T) {
	const many = 500
	l := newLimited(t)
	for i := range many {
		l.apply(take(fmt.Sprint("far", i), 0, fmt.Sprint("far", i)), Acquired)
	}
	for i := range many - 1 {
		l.apply(take(fmt.Sprint("far", i), time.Minute, fmt.Sprint("far", i+1)), Queued)
	}
	l.apply(take("holder", 0, "a"), Acquired)
	l.apply(take("first", time.Minute, "a", "far0"), Queued)
	for i := range many {
		l.apply(take(fmt.Sprint("behind", i), time.Minute, "a"), Queued)
	}
	before, after := new(runtime.MemStats), new(runtime.MemStats)
	runtime.ReadMemStats(before)
	l.apply(give("holder", "a"), Released)
	runtime.ReadMemStats(after)
	if got, most := (after.TotalAlloc-before.TotalAlloc)/many, uint64(10_000); got > most {
		t.Errorf("%d bytes for each who waits, want at most %d: a walk takes more than that", got, most)
	}
	l.check()
}
