package gate

import (
	"cmp"
	"strings"
)

// state is the whole content of a table: records in ordered copy-on-write
// trees, each under every order in which it is looked for. A Table changes its
// state through the put and drop methods only, which keep the orders and the
// hash together; a View has a copy.
type state struct {
	counters Counters

	// holds and requests by what they cover, for keys and for references.
	holds    [3]cover[*hold]
	requests [3]cover[slot]

	// Holds and requests by run, and by session's number.
	runHolds     runHolds
	runRequests  *tree[string, *Request]
	sessionHolds *tree[uint64, *hold]
	sessionWaits *tree[uint64, *Request]
	byNumber     *tree[none, *Request]
	// delays are the holds of no run, by token.
	delays *tree[none, *hold]

	sessions *tree[none, *Session]
	books    *tree[none, *book]
	// answers counts what all books keep.
	answers int

	// endings counts what all histories hold.
	histories *tree[Name, *history]
	endings   int

	// queued counts the requests at a name; taken the holds on a key whose
	// limit is above one. Names with none are absent.
	queued *tree[Name, tally]
	taken  *tree[Name, tally]

	// recent is nil in a View.
	recent *recent

	// holders counts all holds; holdAndWait the runs that hold and wait.
	holders     int
	holdAndWait int
	// hash is the sum of the hashes of all records.
	hash uint64
}

type tally struct {
	name  Name
	count uint32
}

func compareNames(a, b Name) int {
	if c := cmp.Compare(a.Kind, b.Kind); c != 0 {
		return c
	}
	return strings.Compare(a.Text, b.Text)
}

func newState() state {
	tallies := &order[Name, tally]{compare: func(t tally, n Name) int { return compareNames(t.name, n) }}
	s := state{
		recent:   new(recent),
		runHolds: newRunHolds(),
		runRequests: newTree(&order[string, *Request]{compare: func(r *Request, run string) int {
			return strings.Compare(r.Run, run)
		}}),
		sessionHolds: newTree(&order[uint64, *hold]{compare: func(h *hold, token uint64) int {
			return cmp.Compare(h.token, token)
		}}),
		sessionWaits: newTree(&order[uint64, *Request]{compare: func(r *Request, number uint64) int {
			return cmp.Compare(r.Number, number)
		}}),
		byNumber: newNumbered[*Request](),
		delays:   newNumbered[*hold](),
		sessions: newNumbered[*Session](),
		books:    newNumbered[*book](),
		histories: newTree(&order[Name, *history]{compare: func(h *history, n Name) int {
			return compareNames(h.name, n)
		}}),
		queued: newTree(tallies),
		taken:  newTree(tallies),
	}
	for _, k := range kinds {
		s.holds[k] = newCover[*hold]()
		s.requests[k] = newCover[slot]()
	}
	return s
}

var kinds = [...]Kind{Key, Reference}

func (s *state) copy() state {
	c := *s
	c.recent = nil
	for _, k := range kinds {
		c.holds[k] = s.holds[k].copy()
		c.requests[k] = s.requests[k].copy()
	}
	c.runHolds = s.runHolds.copy()
	c.runRequests = s.runRequests.Copy()
	c.byNumber = s.byNumber.Copy()
	c.sessionHolds = s.sessionHolds.Copy()
	c.sessionWaits = s.sessionWaits.Copy()
	c.delays = s.delays.Copy()
	c.sessions = s.sessions.Copy()
	c.books = s.books.Copy()
	c.histories = s.histories.Copy()
	c.queued = s.queued.Copy()
	c.taken = s.taken.Copy()
	return c
}

// putHold adds a hold that nobody else knows yet.
func (s *state) putHold(h *hold) {
	r := s.request(h.run())
	if r != nil {
		if !s.runHolds.any(h.run()) {
			s.holdAndWait++
		}
		s.hide(r, h.name())
	}
	s.holds[h.kind].add(h.strength(), h)
	s.holders++
	id := s.idOf(h)
	h.hash = hashHold(h, id)
	s.hash += h.hash
	if h.limit > 1 {
		addTally(s.taken, h.name(), 1)
	}
	if h.ofNobody() {
		s.delays.Set(h.token, none{}, h)
		return
	}
	s.runHolds.add(h)
	if h.session != nil {
		s.sessionHolds.Set(id.Number, h.token, h)
	}
	if r != nil {
		s.show(r, h.name())
	}
}

func (s *state) dropHold(h *hold) {
	r := s.request(h.run())
	if r != nil {
		s.hide(r, h.name())
	}
	s.holds[h.kind].remove(h.strength(), h)
	s.holders--
	if h.hash != 0 {
		s.hash -= h.hash
	} else {
		s.hash -= hashHold(h, s.idOf(h))
	}
	if h.limit > 1 {
		addTally(s.taken, h.name(), -1)
	}
	if h.ofNobody() {
		s.delays.Delete(h.token, none{})
		return
	}
	s.runHolds.remove(h)
	if h.session != nil {
		s.sessionHolds.Delete(s.idOf(h).Number, h.token)
	}
	if r != nil {
		s.show(r, h.name())
		if !s.runHolds.any(h.run()) {
			s.holdAndWait--
		}
	}
}

func (s *state) putRequest(r *Request) {
	for _, w := range r.Wants {
		s.requests[w.Name.Kind].add(s.join(r.Run, w), slot{w.Name.Text, r})
		addTally(s.queued, w.Name, 1)
	}
	s.runRequests.Set(hashRun(r.Run), r.Run, r)
	s.byNumber.Set(r.Number, none{}, r)
	s.sessionWaits.Set(r.Session.Number, r.Number, r)
	s.hash += hashRequest(r)
	if s.runHolds.any(r.Run) {
		s.holdAndWait++
	}
}

func (s *state) dropRequest(r *Request) {
	for _, w := range r.Wants {
		s.requests[w.Name.Kind].remove(s.join(r.Run, w), slot{w.Name.Text, r})
		addTally(s.queued, w.Name, -1)
	}
	s.runRequests.Delete(hashRun(r.Run), r.Run)
	s.byNumber.Delete(r.Number, none{})
	s.sessionWaits.Delete(r.Session.Number, r.Number)
	s.hash -= hashRequest(r)
	if s.runHolds.any(r.Run) {
		s.holdAndWait--
	}
}

// hide takes a request's want of n out of the cover, and show puts it back:
// around every change of what its run holds on n, in any order of holds, because
// others see the request as what it would hold.
func (s *state) hide(r *Request, n Name) {
	if w, named := r.want(n); named {
		s.requests[n.Kind].remove(s.join(r.Run, w), slot{w.Name.Text, r})
	}
}

func (s *state) show(r *Request, n Name) {
	if w, named := r.want(n); named {
		s.requests[n.Kind].add(s.join(r.Run, w), slot{w.Name.Text, r})
	}
}

// putSession adds a session that nobody else knows yet.
func (s *state) putSession(x *Session) {
	x.clientHash = hashClient(x.Client)
	if old, replaced := s.sessions.Set(x.ID.Number, none{}, x); replaced {
		s.hash -= hashSession(old)
		if b := s.openBook(x.ID.Number); b != nil {
			b.session = x
		}
	}
	s.hash += hashSession(x)
	s.recent.see(x)
}

func (s *state) dropSession(x *Session) {
	s.sessions.Delete(x.ID.Number, none{})
	s.hash -= hashSession(x)
	s.recent.see(nil)
}

func addTally(tree *tree[Name, tally], n Name, by int) {
	hash := hashName(n)
	t, _ := tree.Get(hash, n)
	count := int(t.count) + by
	if count == 0 {
		tree.Delete(hash, n)
		return
	}
	tree.Set(hash, n, tally{name: n, count: uint32(count)})
}

func tallyOf(tree *tree[Name, tally], n Name) uint32 {
	if tree.Len() == 0 {
		return 0
	}
	t, _ := tree.Get(hashName(n), n)
	return t.count
}
