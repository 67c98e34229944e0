package gate

import (
	"math"
	"slices"
)

// Rules 5 and 6 are one walk along one kind of pointer. A run that waits points
// to (a) every other run whose hold conflicts with its request and (b) the run
// of every earlier request that conflicts with it. A run that does not wait
// points nowhere.

// newest is the number that a request gets for the walk while it is not queued
// yet: everything queued is earlier.
const newest = math.MaxUint64

// claim is an acquire as the walk sees it: a waiting request, or one that is
// being decided.
type claim struct {
	run    string
	number uint64
	// wants are joined with what the run holds; owns are those holds, nil
	// where there is none.
	wants []Want
	owns  []*hold
	limit uint32
	// unheld says that the claim is on a key that nobody holds.
	unheld bool
}

// claim looks up what run holds of wants' names. It notes that in room as far as
// that suffices.
func (s *state) claim(run string, number uint64, wants []Want, limit uint32, room []*hold) claim {
	c := claim{run: run, number: number, wants: wants, owns: slices.Grow(room[:0], len(wants)), limit: limit}
	for i, w := range wants {
		own := s.own(run, w.Name)
		c.owns = append(c.owns, own)
		if own == nil {
			continue
		}
		if joined := own.join(w); joined != w {
			if &c.wants[0] == &wants[0] {
				c.wants = slices.Clone(wants)
			}
			c.wants[i] = joined
		}
	}
	return c
}

func (s *state) claimOf(r *Request) claim { return s.claim(r.Run, r.Number, r.Wants, r.Limit, nil) }

// has reports whether the run holds the i-th want already, as strongly. Such a
// want points to nobody: a run's own holds never conflict.
func (c claim) has(i int) bool { return c.owns[i] != nil && c.owns[i].strength() == c.wants[i] }

// held reports whether the run holds all of the claim already.
func (c claim) held() bool {
	for i := range c.wants {
		if !c.has(i) {
			return false
		}
	}
	return true
}

// missing counts the names that the run does not hold at all.
func (c claim) missing() int {
	n := 0
	for _, own := range c.owns {
		if own == nil {
			n++
		}
	}
	return n
}

// semaphore reports whether the claim is on a key that admits several holders.
// Such claims neither point nor are pointed to (rule 7).
func (c claim) semaphore() bool { return c.limit > 1 }

// obstacles calls yield for the holds in the way of one want (a) until it
// returns false.
func (s *state) obstacles(run string, w Want, yield func(*hold) bool) bool {
	return s.holds[w.Name.Kind].conflicting(w, func(h *hold) bool {
		return h.run() == run || yield(h)
	})
}

// predecessors calls yield for the requests before number that are in the way
// of one want (b) until it returns false.
func (s *state) predecessors(run string, number uint64, w Want, yield func(*Request) bool) bool {
	if s.byNumber.Len() == 0 {
		return true
	}
	return s.requests[w.Name.Kind].conflicting(w, func(x slot) bool {
		return x.item.Number >= number || x.item.Run == run || yield(x.item)
	})
}

// grantable decides whether the claim may be granted now (rules 5 and 7).
func (s *state) grantable(c claim) bool { return s.grantableBeside(c, nil) }

// grantableBeside is grantable for one of several claims, which share what their
// walks find out.
func (s *state) grantableBeside(c claim, closed closedRuns) bool {
	if c.semaphore() {
		name := c.wants[0].Name
		first, waits := s.requests[Key].any(name.Text)
		return tallyOf(s.taken, name) < c.limit && (!waits || first.item.Number >= c.number)
	}
	for i, w := range c.wants {
		if !c.unheld && !c.has(i) && !s.obstacles(c.run, w, func(*hold) bool { return false }) {
			return false
		}
	}
	// Nobody can lead back to a run unless somebody waits while holding, or
	// others wait for what the run itself holds or waits for already.
	cyclic := s.holdAndWait > 0 || s.byNumber.Len() > 0 && (s.runHolds.any(c.run) || c.number == newest && s.request(c.run) != nil)
	back := newWalk(s, c.run)
	back.closed = closed
	for i, w := range c.wants {
		all := c.has(i) || s.predecessors(c.run, c.number, w, func(r *Request) bool {
			return cyclic && back.leads(r.Run)
		})
		if !all {
			return false
		}
	}
	return true
}

// cycle returns the runs from the claim's own run back to it, along an
// obstacle that leads there (rule 6); nil if none does. The second result is
// false when MaxWalk pointers did not suffice to tell.
func (s *state) cycle(c claim) (runs []string, decided bool) {
	if c.semaphore() || s.byNumber.Len() == 0 || !s.runHolds.any(c.run) {
		return nil, true
	}
	walk := newWalk(s, c.run)
	walk.begin()
	for i, w := range c.wants {
		if !c.has(i) {
			s.obstacles(c.run, w, func(h *hold) bool {
				walk.visit("", h.run())
				return !walk.over()
			})
		}
	}
	if walk.follow() {
		return walk.path(), true
	}
	return nil, !walk.exhausted()
}

// reach returns the waiting requests of the other runs that the claim leads to.
func (s *state) reach(c claim) []*Request {
	walk := newWalk(s, "")
	walk.begin()
	walk.point(c)
	walk.follow()
	var list []*Request
	for _, run := range walk.queue {
		if r := s.request(run); r != nil && run != c.run {
			list = append(list, r)
		}
	}
	return list
}

// walk is a breadth-first search along pointers for one run, the target. The
// bound MaxWalk is on all its searches together.
type walk struct {
	state  *state
	target string
	steps  int
	// leading are runs that were found to lead to the target.
	leading map[string]bool
	// closed is nil, or for this walk and others.
	closed closedRuns

	// Of the search under way: from names the run that led to a run first,
	// queue is who was visited, in order, and pointed tells up to which number
	// the requests in a want's way have been visited.
	from    map[string]string
	queue   []string
	pointed map[Want]uint64
	// met is the target, or a run that leads to it, once visited.
	met string
}

// closedRuns are runs that lead to no others than each other, as walks have found
// that missed their targets. Grants leave them closed for as long as nobody starts
// to wait: what then points to more points to a run that does not wait.
type closedRuns map[string]bool

func newWalk(s *state, target string) *walk { return &walk{state: s, target: target} }

func (w *walk) begin() {
	w.from = make(map[string]string)
	w.pointed = make(map[Want]uint64)
	w.queue = w.queue[:0]
	w.met = ""
}

// leads reports whether run leads to the target. Past MaxWalk pointers it says
// no, which only keeps a request in its place.
func (w *walk) leads(run string) bool {
	w.begin()
	w.visit("", run)
	if !w.follow() {
		w.close()
		return false
	}
	if w.leading == nil {
		w.leading = make(map[string]bool)
	}
	for at := w.met; at != ""; at = w.from[at] {
		w.leading[at] = true
	}
	return true
}

// close notes where a search went that missed the target.
func (w *walk) close() {
	if w.closed == nil || w.exhausted() {
		return
	}
	for _, run := range w.queue {
		w.closed[run] = true
	}
}

// visit puts a run into the queue once. A hold of no run leads nowhere.
func (w *walk) visit(from, run string) {
	w.steps++
	if _, seen := w.from[run]; seen || run == "" {
		return
	}
	w.from[run] = from
	if w.closed[run] && !w.closed[w.target] {
		return
	}
	w.queue = append(w.queue, run)
	if run == w.target || w.leading[run] {
		w.met = run
	}
}

func (w *walk) exhausted() bool { return w.steps > MaxWalk }

func (w *walk) over() bool { return w.met != "" || w.exhausted() }

// follow goes along the pointers of everybody visited until the target is met,
// nobody is left, or MaxWalk ends it. It reports whether the target was met.
func (w *walk) follow() bool {
	for next := 0; next < len(w.queue) && !w.over(); next++ {
		if r := w.state.request(w.queue[next]); r != nil {
			w.point(w.state.claimOf(r))
		}
	}
	return w.met != ""
}

// point visits everybody that the claim points to. What a later request with
// the same want points to is a superset, so a queue is gone through once.
func (w *walk) point(c claim) {
	for i, want := range c.wants {
		if c.has(i) || w.pointed[want] >= c.number {
			continue
		}
		w.pointed[want] = c.number
		visitHold := func(h *hold) bool {
			w.visit(c.run, h.run())
			return !w.over()
		}
		visitRequest := func(r *Request) bool {
			w.visit(c.run, r.Run)
			return !w.over()
		}
		if !w.state.obstacles(c.run, want, visitHold) || !w.state.predecessors(c.run, c.number, want, visitRequest) {
			return
		}
	}
}

// path returns the runs from the target back to the target.
func (w *walk) path() []string {
	path := []string{w.target}
	for run := w.from[w.target]; run != ""; run = w.from[run] {
		path = append(path, run)
	}
	path = append(path, w.target)
	slices.Reverse(path)
	return path
}
