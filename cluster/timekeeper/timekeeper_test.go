package timekeeper

import (
	"slices"
	"testing"
	"time"

	"lockd/gate"
)

// keeperAt is a timekeeper with a clock that the test moves.
type keeperAt struct {
	*Keeper
	now time.Time
}

// mostExpired is more than any of these tests lets come due at once.
const mostExpired = 10_000

func newKeeper() *keeperAt {
	start := time.Unix(1000, 0)
	return &keeperAt{New(start, 250*time.Millisecond), start}
}

// pass lets time go by, with the keeper's loop looking at the clock as it should.
func (k *keeperAt) pass(d time.Duration) {
	const tick = 50 * time.Millisecond
	for ; d > 0; d -= tick {
		k.now = k.now.Add(min(d, tick))
		k.advance(k.now)
	}
}

// pause lets time go by while the process stands still.
func (k *keeperAt) pause(d time.Duration) { k.now = k.now.Add(d) }

func (k *keeperAt) start(kind gate.TimerKind, id uint64, after time.Duration) {
	k.Set(gate.Timer{Kind: kind, ID: id, After: after}, k.now)
}

func (k *keeperAt) over() Expiry { return k.Due(k.now, mostExpired) }

func TestTimerIsDueAfterItsFullDurationAndOnce(t *testing.T) {
	for _, kind := range []gate.TimerKind{gate.SessionTTL, gate.RequestWait, gate.LockDelay} {
		k := newKeeper()
		k.start(kind, 7, time.Second)
		k.pass(time.Second - time.Nanosecond)
		if e := k.over(); !e.Empty() {
			t.Fatalf("kind %d: due too early: %+v", kind, e)
		}
		k.pass(time.Nanosecond)
		e := k.over()
		if all := slices.Concat(e.Sessions, e.Requests, e.Delays); !slices.Equal(all, []uint64{7}) {
			t.Fatalf("kind %d: due: %+v", kind, e)
		}
		k.pass(time.Hour)
		if e := k.over(); !e.Empty() {
			t.Errorf("kind %d: due twice: %+v", kind, e)
		}
	}
}

func TestTimersComeDueInOrder(t *testing.T) {
	k := newKeeper()
	for id := uint64(1); id <= 100; id++ {
		k.start(gate.SessionTTL, id, time.Duration(id*37%101)*time.Second)
	}
	var order []uint64
	for range 101 {
		k.pass(time.Second)
		order = append(order, k.over().Sessions...)
	}
	if len(order) != 100 || !slices.IsSortedFunc(order, func(a, b uint64) int { return int(a*37%101) - int(b*37%101) }) {
		t.Errorf("order %v", order)
	}
}

func TestKeepaliveGivesTheFullTTLFromThen(t *testing.T) {
	k := newKeeper()
	k.start(gate.SessionTTL, 1, time.Second)
	for range 5 {
		k.pass(900 * time.Millisecond)
		if !k.Keepalive(1, k.now) {
			t.Fatal("keepalive refused")
		}
		if left, _ := k.Left(1, k.now); left != time.Second {
			t.Fatalf("left %s", left)
		}
	}
	k.pass(999 * time.Millisecond)
	if e := k.over(); !e.Empty() {
		t.Fatalf("due: %+v", e)
	}
	k.pass(time.Millisecond)
	if e := k.over(); e.Empty() {
		t.Error("not due")
	}
}

func TestKeepaliveOfAnUnknownOrEndingSessionIsRefused(t *testing.T) {
	k := newKeeper()
	if k.Keepalive(1, k.now) {
		t.Error("unknown session renewed")
	}
	k.start(gate.SessionTTL, 1, time.Second)
	k.pass(time.Second)
	e := k.over()
	if k.Keepalive(1, k.now) || !k.IsEnding(1) {
		t.Error("a session whose expiry was taken was renewed")
	}
	if _, runs := k.Left(1, k.now); runs {
		t.Error("something is left of an ending session")
	}
	k.Settle(e)
	if k.IsEnding(1) || k.Keepalive(1, k.now) {
		t.Error("a settled session is still there")
	}
}

func TestTimerThatIsForgottenNeverComesDue(t *testing.T) {
	k := newKeeper()
	k.start(gate.RequestWait, 1, time.Second)
	k.start(gate.RequestWait, 1, 0)
	k.pass(time.Minute)
	if e := k.over(); !e.Empty() {
		t.Errorf("due: %+v", e)
	}
}

func TestTimerThatIsSetAgainStartsAnew(t *testing.T) {
	k := newKeeper()
	k.start(gate.LockDelay, 1, time.Second)
	k.pass(900 * time.Millisecond)
	k.start(gate.LockDelay, 1, 2*time.Second)
	k.pass(1900 * time.Millisecond)
	if e := k.over(); !e.Empty() {
		t.Errorf("due: %+v", e)
	}
	k.pass(100 * time.Millisecond)
	if e := k.over(); e.Empty() {
		t.Error("not due")
	}
}

func TestASessionRestartedWhileItsExpiryIsUnderWayRunsOn(t *testing.T) {
	k := newKeeper()
	k.start(gate.SessionTTL, 1, time.Second)
	k.pass(time.Second)
	found := k.over()
	if found.Seen != 0 || !k.IsEnding(1) {
		t.Fatalf("found %+v", found)
	}
	k.Set(gate.Timer{Kind: gate.SessionTTL, ID: 1, After: time.Second, Restart: 7}, k.now)
	k.Settle(found)
	if k.IsEnding(1) {
		t.Error("the expiry that is under way cannot end the session any more")
	}
	k.pass(time.Second)
	if again := k.over(); len(again.Sessions) != 1 || again.Seen != 7 {
		t.Errorf("found %+v", again)
	}
}

func TestPausedProcessExpiresNobody(t *testing.T) {
	k := newKeeper()
	for id := uint64(1); id <= 1000; id++ {
		k.start(gate.SessionTTL, id, 10*time.Second)
	}
	k.pass(4 * time.Second)
	k.pause(time.Hour)
	if e := k.over(); !e.Empty() {
		t.Fatalf("%d sessions expired by a pause", len(e.Sessions))
	}
	if left, _ := k.Left(1, k.now); left != 6*time.Second {
		t.Errorf("left %s: the deadlines moved by something else than the pause", left)
	}
	k.pass(6 * time.Second)
	if e := k.over(); len(e.Sessions) != 1000 {
		t.Errorf("%d sessions are due", len(e.Sessions))
	}
}

func TestKeepaliveThatWaitedOutAPauseCounts(t *testing.T) {
	k := newKeeper()
	k.start(gate.SessionTTL, 1, time.Second)
	k.pause(time.Hour)
	if !k.Keepalive(1, k.now) {
		t.Fatal("refused")
	}
	if left, _ := k.Left(1, k.now); left != time.Second {
		t.Errorf("left %s", left)
	}
}

func TestClockThatGoesBackChangesNothing(t *testing.T) {
	k := newKeeper()
	k.start(gate.SessionTTL, 1, time.Second)
	k.pass(500 * time.Millisecond)
	k.now = k.now.Add(-time.Minute)
	k.advance(k.now)
	if left, _ := k.Left(1, k.now); left != 500*time.Millisecond {
		t.Errorf("left %s", left)
	}
}

func TestDueTakesNoMoreThanAskedFor(t *testing.T) {
	k := newKeeper()
	for id := uint64(1); id <= 10; id++ {
		k.start(gate.SessionTTL, id, time.Second)
	}
	k.pass(time.Second)
	if e := k.Due(k.now, 4); len(e.Sessions) != 4 {
		t.Errorf("took %d", len(e.Sessions))
	}
	if next, ok := k.Next(k.now); !ok || next != 0 {
		t.Errorf("next in %s", next)
	}
	if e := k.over(); len(e.Sessions) != 6 {
		t.Errorf("then %d", len(e.Sessions))
	}
	if _, ok := k.Next(k.now); ok {
		t.Error("something still runs")
	}
}

func BenchmarkKeepaliveAmong100000Sessions(b *testing.B) {
	k := newKeeper()
	for id := uint64(0); id < 100_000; id++ {
		k.start(gate.SessionTTL, id, 30*time.Second)
	}
	for i := 0; b.Loop(); i++ {
		k.now = k.now.Add(time.Microsecond)
		k.Keepalive(uint64(i)*7919%100_000, k.now)
	}
}

// Callers read the clock before they get their turn, so a call may come with an
// earlier time than the one before it. Found by the fault suite: what passed
// between the two was counted twice, and a lock delay ended too early.
func TestTimePassesOnceWhenCallersOvertakeEachOther(t *testing.T) {
	now := time.Now()
	k := New(now, time.Second)
	k.Set(gate.Timer{Kind: gate.SessionTTL, ID: 1, After: time.Minute}, now)
	for range 1000 {
		now = now.Add(10 * time.Millisecond)
		k.Left(1, now)
		k.Left(1, now.Add(-9*time.Millisecond))
	}
	if left, _ := k.Left(1, now); left != 50*time.Second {
		t.Errorf("%v of a minute are left after 10 s", left)
	}
}
