package gate

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Table is the lock table. It belongs to one goroutine: the one that applies
// the log.
type Table struct {
	state
	now   Wall
	out   *Outcome
	freed []Want
	woken []*Request
	// losers are the numbers of requests whose runs lost some of what they wait for.
	losers []uint64
	// room is where the only grant of the command's result may go; nil if it has gone
	// there.
	room []Grant
	// only is the hold that the command's result is about, nil if that is not all.
	only *hold
	// owns and granted are the memory of the acquire that is being decided and of
	// the holds that it is granted.
	owns, granted []*hold
	// events is what is left of the memory of events.
	events []Event

	// The orders in which histories are forgotten, those of names whose last
	// holder ended well and those of the others.
	goodTurns, badTurns turns
}

// New returns an empty table.
func New() *Table { return &Table{state: newState()} }

// Apply carries out one command and says everything that it did. now is the
// proposer's wall time and only stored for display. Apply panics on an operation
// that it does not know: replicas that skip what they do not understand would
// differ.
func (t *Table) Apply(cmd *Command, now Wall) Outcome {
	var out Outcome
	t.ApplyTo(&out, cmd, now)
	return out
}

// ApplyTo is Apply into an outcome that is new or was Reset. It keeps what the
// operation refers to, but neither the command nor the operation.
func (t *Table) ApplyTo(out *Outcome, cmd *Command, now Wall) {
	t.now, t.out = now, out
	fresh := cap(out.Events) == 0
	if fresh {
		out.Events = t.eventMemory()
	}
	t.room = out.grant[:0]
	t.applyOnce(cmd, &out.Result)
	t.wake()
	if fresh {
		t.takeEvents()
	}
	clear(t.owns)
	clear(t.granted)
	t.out, t.only = nil, nil
}

// eventRoom is for how many events memory is taken at once: most commands make one.
const eventRoom = 64

func (t *Table) eventMemory() []Event {
	if cap(t.events) == 0 {
		t.events = make([]Event, 0, eventRoom)
	}
	return t.events
}

// takeEvents leaves the memory behind the command's events to those that follow,
// unless they needed more than there was.
func (t *Table) takeEvents() {
	n := len(t.out.Events)
	if n == 0 {
		t.out.Events = nil
		return
	}
	if n <= cap(t.events) {
		t.events = t.events[n:n]
	}
	t.out.Events = t.out.Events[:n:n]
}

// do carries out a command. r, its result, is zero before.
func (t *Table) do(cmd *Command, r *Result) {
	switch op := cmd.Op.(type) {
	case *Acquire:
		t.acquire(cmd, op, r)
	case *Release:
		t.release(op, r)
	case *Downgrade:
		*r = t.downgrade(op)
	case *Break:
		*r = t.breakHold(op)
	case *OpenSession:
		*r = t.openSession(op)
	case *CloseSession:
		*r = t.closeSession(cmd.Session)
	case *ReleaseRun:
		*r = t.releaseRun(op)
	case *StartTerm:
		*r = t.startTerm(op)
	case *Expire:
		*r = t.expire(op)
	default:
		panic(fmt.Sprintf("gate: unknown operation %T", cmd.Op))
	}
}

func (t *Table) event(e Event) {
	e.At = t.now
	*t.newEvent() = e
}

// newEvent adds an event to be filled in, of now.
func (t *Table) newEvent() *Event {
	t.out.Events = append(t.out.Events, Event{At: t.now})
	return &t.out.Events[len(t.out.Events)-1]
}

func (t *Table) timer(kind TimerKind, id uint64, after time.Duration) {
	t.out.Timers = append(t.out.Timers, Timer{Kind: kind, ID: id, After: after})
}

func (t *Table) holdEvent(kind EventKind, h *hold, reason, actor string) {
	e := t.newEvent()
	e.Kind, e.Mode, e.Scope, e.Token, e.Request = kind, h.mode(), h.scope(), h.token, h.request()
	e.Name, e.Run, e.Session, e.Reason, e.Actor = h.name(), h.run(), t.idOf(h), reason, actor
}

// free notes that something which covered w is gone or weaker, so that
// requests in whose way it was are looked at when the command is done.
func (t *Table) free(w Want) { t.freed = append(t.freed, w) }

// lookAt notes a request whose pointers changed.
func (t *Table) lookAt(r *Request) { t.woken = append(t.woken, r) }

// wake grants every request that the command made grantable, first come first.
// One pass suffices: a grant turns pointers to a request into pointers to a
// hold of the same run, which makes nobody else grantable.
func (t *Table) wake() {
	t.room = nil // what is granted from here on is others', who keep it
	if t.byNumber.Len() > 0 {
		t.lookAroundLosers()
		var closed closedRuns
		if t.holdAndWait > 0 {
			closed = make(closedRuns)
		}
		for _, w := range t.freed {
			t.findWoken(w)
		}
		slices.SortFunc(t.woken, func(a, b *Request) int { return cmp.Compare(a.Number, b.Number) })
		last := uint64(0)
		for _, r := range t.woken {
			if r.Number == last {
				continue
			}
			last = r.Number
			if r = t.numbered(last); r != nil && t.grantableBeside(t.claimOf(r), closed) {
				t.grantRequest(r)
			}
		}
	}
	clear(t.freed)
	clear(t.woken)
	t.freed, t.woken, t.losers = t.freed[:0], t.woken[:0], t.losers[:0]
}

// lookAroundLosers looks around those that still wait. While nobody waits and holds,
// nobody leads back to itself.
func (t *Table) lookAroundLosers() {
	for _, number := range t.losers {
		if r := t.numbered(number); r != nil && t.holdAndWait > 0 {
			t.lookAround(r)
		}
	}
}

// findWoken adds the requests that may be grantable now that w was freed.
// While nobody waits and holds, order is strict, and at each name nobody behind
// the first exclusive request can be granted.
func (t *Table) findWoken(w Want) {
	requests := t.requests[w.Name.Kind]
	add := func(x slot) bool {
		t.lookAt(x.item)
		return true
	}
	switch {
	case w.Name.Kind == Key && w.Mode == Shared:
		t.findSlotted(w.Name)
	case t.holdAndWait > 0:
		requests.conflicting(w, add)
	default:
		t.firstInLine(w.Name)
		if w.Name.Kind == Reference {
			for text, ok := parent(w.Name.Text); ok; text, ok = parent(text) {
				t.firstInLine(Name{Reference, text})
			}
			requests.meetingBelow(w, add)
		}
	}
}

// findSlotted adds as many of a semaphore's first requests as it has free slots.
func (t *Table) findSlotted(n Name) {
	free := int(t.keyLimit(n)) - int(tallyOf(t.taken, n))
	t.requests[Key].at(n.Text, func(x slot) bool {
		if free <= 0 {
			return false
		}
		free--
		t.lookAt(x.item)
		return true
	})
}

// firstInLine adds the first exclusive request at n and the shared ones before it.
func (t *Table) firstInLine(n Name) {
	requests := t.requests[n.Kind]
	var first *Request
	for _, tree := range requests.trees[Exclusive] {
		scanAt(tree, n.Text, func(x slot) bool {
			if first == nil || x.item.Number < first.Number {
				first = x.item
			}
			return false
		})
	}
	limit := uint64(newest)
	if first != nil {
		t.lookAt(first)
		limit = first.Number
	}
	for _, tree := range requests.trees[Shared] {
		scanAt(tree, n.Text, func(x slot) bool {
			if x.item.Number < limit {
				t.lookAt(x.item)
			}
			return x.item.Number < limit
		})
	}
}
