package gate

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// View is one version of a table. It is immutable: any number of goroutines
// may read it, for as long as they like, while the table goes on. What its
// methods return must not be changed.
type View struct{ state state }

// Snapshot returns the present version, in time that does not depend on the
// table's size.
func (t *Table) Snapshot() *View { return &View{t.state.copy()} }

// Lock is everything about one name. A name that nobody uses has no holders,
// no waiters and, if it is a key, limit 1.
type Lock struct {
	Name Name
	// Holders are in grant order; holds of no run have an empty Run.
	Holders []Hold
	// Waiters are in queue order.
	Waiters []Waiter
	// CoveredBy are the tree holds on references above.
	CoveredBy []Hold
	Limit     uint32
}

// Waiter is one request in the queue of one name.
type Waiter struct {
	Request *Request
	// Mode and Scope are what it wants of this name.
	Mode  Mode
	Scope Scope
	// Position is the place in this name's queue, from 1.
	Position uint32
	// BlockedBy are the runs that the request waits for, each once: first
	// those that hold, then those that are ahead; at most MaxListed.
	BlockedBy []string
}

// Size counts the records of a version.
type Size struct{ Holds, Requests, Sessions, Answers, Endings int }

// Size returns how much the version holds.
func (v *View) Size() Size {
	s := &v.state
	return Size{s.holders, s.byNumber.Len(), s.sessions.Len(), s.answers, s.endings}
}

// Counters returns the replicated scalars.
func (v *View) Counters() Counters { return v.state.counters }

// Hash returns the state hash: equal for equal versions, on every node.
func (v *View) Hash() uint64 { return v.state.hash + hashCounters(&v.state.counters) }

// Lock returns everything about one name.
func (v *View) Lock(n Name) Lock {
	s := &v.state
	l := Lock{Name: n, Holders: s.holdersAt(n)}
	if n.Kind == Key {
		l.Limit = max(1, s.keyLimit(n))
	}
	for text, ok := parent(n.Text); ok && n.Kind == Reference; text, ok = parent(text) {
		for m := range s.holds[Reference].trees {
			scanAt(s.holds[Reference].trees[m][Tree], text, func(h *hold) bool {
				l.CoveredBy = append(l.CoveredBy, h.full())
				return len(l.CoveredBy) < MaxListed
			})
		}
	}
	s.requests[n.Kind].at(n.Text, func(x slot) bool {
		l.Waiters = append(l.Waiters, Waiter{Request: x.item})
		return true
	})
	slices.SortFunc(l.Waiters, func(a, b Waiter) int { return cmp.Compare(a.Request.Number, b.Request.Number) })
	for i := range l.Waiters {
		w := &l.Waiters[i]
		want, _ := w.Request.want(n)
		w.Mode, w.Scope, w.Position = want.Mode, want.Scope, uint32(i+1)
		w.BlockedBy = s.blockedBy(s.claimOf(w.Request))
	}
	return l
}

// Place returns a waiting request's position, from 1, in the longest of the
// queues that it stands in, and that queue's length.
func (v *View) Place(r *Request) (position, waiting uint32) { return v.state.place(r) }

// BlockedBy returns the runs that a waiting request waits for.
func (v *View) BlockedBy(r *Request) []string { return v.state.blockedBy(v.state.claimOf(r)) }

func (s *state) blockedBy(c claim) []string {
	var runs []string
	seen := map[string]bool{"": true, c.run: true}
	add := func(run string) bool {
		if !seen[run] {
			seen[run] = true
			runs = append(runs, run)
		}
		return len(runs) < MaxListed
	}
	if c.semaphore() {
		for _, h := range s.holdersAt(c.wants[0].Name) {
			add(h.Run)
		}
		s.requests[Key].at(c.wants[0].Name.Text, func(x slot) bool {
			return x.item.Number < c.number && add(x.item.Run)
		})
		return runs
	}
	for i, w := range c.wants {
		if !c.has(i) {
			s.obstacles(c.run, w, func(h *hold) bool { return add(h.run()) })
		}
	}
	for i, w := range c.wants {
		if !c.has(i) {
			s.predecessors(c.run, c.number, w, func(r *Request) bool { return add(r.Run) })
		}
	}
	return runs
}

// Locks returns the names of a kind that begin with prefix, come after after,
// and have a hold or a request, sorted by text: at most most of them, and
// whether there are more.
func (v *View) Locks(kind Kind, prefix, after string, most int) (locks []Lock, more bool) {
	s := &v.state
	from := prefix
	if after >= from {
		from = after + "\x00"
	}
	for {
		text, found := s.holds[kind].next(from)
		if other, also := s.requests[kind].next(from); also && (!found || other < text) {
			text, found = other, true
		}
		if !found || !strings.HasPrefix(text, prefix) {
			return locks, false
		}
		if len(locks) == most {
			return locks, true
		}
		locks = append(locks, v.Lock(Name{kind, text}))
		from = text + "\x00"
	}
}

// Run returns a run's holds by name and the request that it waits for, or nil.
func (v *View) Run(run string) (holds []*Hold, request *Request) {
	for _, h := range v.state.runHolds.of(run) {
		full := h.full()
		holds = append(holds, &full)
	}
	return holds, v.state.request(run)
}

// Session returns a live session.
func (v *View) Session(id SessionID) (*Session, bool) {
	x := v.state.session(id)
	return x, x != nil
}

// Sessions returns the live sessions whose number comes after after, by
// number: at most most of them, and whether there are more.
func (v *View) Sessions(after uint64, most int) (sessions []*Session, more bool) {
	v.state.sessions.Ascend(after+1, none{}, func(x *Session) bool {
		more = len(sessions) == most
		if !more {
			sessions = append(sessions, x)
		}
		return !more
	})
	return sessions, more
}

// SessionHolds counts what hangs on a session.
func (v *View) SessionHolds(number uint64) (holds, requests int) {
	return len(v.state.sessionHoldList(number)), len(v.state.sessionRequestList(number))
}

// Valid reports whether token is a living hold on n, and all tokens that are, in
// order.
func (v *View) Valid(n Name, token uint64) (valid bool, current []uint64) {
	v.state.holds[n.Kind].at(n.Text, func(h *hold) bool {
		if !h.ofNobody() {
			current = append(current, h.token)
			valid = valid || h.token == token
		}
		return true
	})
	slices.Sort(current)
	return valid, current
}

// Timers yields every timer that a new leader must run, with its full time
// (rule 8).
func (v *View) Timers() iter.Seq[Timer] {
	return func(yield func(Timer) bool) {
		for x := range v.AllSessions() {
			if !yield(x.timer()) {
				return
			}
		}
		for r := range v.AllRequests() {
			if !yield(Timer{Kind: RequestWait, ID: r.Number, After: r.Wait}) {
				return
			}
		}
		v.state.delays.Scan(func(h *hold) bool { return yield(Timer{Kind: LockDelay, ID: h.token, After: h.delay()}) })
	}
}
