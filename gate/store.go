package gate

import "cmp"

// state is the whole content of a table: records in ordered copy-on-write
// trees, each under every order in which it is looked for. A Table changes its
// state through the put and drop methods only, which keep the orders and the
// hash together; a View has a copy.
type state struct {
	counters Counters

	// holds and requests by what they cover, for keys and for references.
	holds    [3]cover[*Hold]
	requests [3]cover[*Request]

	runHolds     *tree[runHold]
	runRequests  *tree[*Request]
	byNumber     *tree[*Request]
	sessionHolds *tree[owned[*Hold]]
	sessionWaits *tree[owned[*Request]]
	// delays are the holds of no run, by token.
	delays *tree[*Hold]

	sessions *tree[*Session]
	ledgers  *tree[*Ledger]
	answers  *tree[*SeqAnswer]

	// endings counts what all histories hold.
	histories *tree[ended]
	endings   int

	// queued counts the requests at a name; taken the holds on a key whose
	// limit is above one. Names with none are absent.
	queued *tree[tally]
	taken  *tree[tally]

	// probe is nil in a View.
	probe *probe

	// holders counts all holds; holdAndWait the runs that hold and wait.
	holders     int
	holdAndWait int
	// hash is the sum of the hashes of all records.
	hash uint64
}

// runHold lists a hold under its run. The run's hash comes first, so that a
// search seldom looks at a string.
type runHold struct {
	hash uint64
	hold *Hold
}

// owned places an item under a session's number.
type owned[T any] struct {
	session uint64
	id      uint64
	item    T
}

type tally struct {
	name  Name
	count uint32
}

func nameLess(a, b Name) bool {
	if a.Kind != b.Kind {
		return a.Kind < b.Kind
	}
	return a.Text < b.Text
}

func ownedLess[T any](a, b owned[T]) bool {
	if a.session != b.session {
		return a.session < b.session
	}
	return a.id < b.id
}

func newState() state {
	s := state{
		probe: new(probe),
		runHolds: newTree(func(a, b runHold) bool {
			if a.hash != b.hash {
				return a.hash < b.hash
			}
			if c := cmp.Compare(a.hold.Run, b.hold.Run); c != 0 {
				return c < 0
			}
			return nameLess(a.hold.Name, b.hold.Name)
		}),
		runRequests:  newTree(func(a, b *Request) bool { return a.Run < b.Run }),
		byNumber:     newTree(func(a, b *Request) bool { return a.Number < b.Number }),
		sessionHolds: newTree(ownedLess[*Hold]),
		sessionWaits: newTree(ownedLess[*Request]),
		delays:       newTree(func(a, b *Hold) bool { return a.Token < b.Token }),
		sessions:     newTree(func(a, b *Session) bool { return a.ID.Number < b.ID.Number }),
		ledgers:      newTree(func(a, b *Ledger) bool { return a.Session < b.Session }),
		answers: newTree(func(a, b *SeqAnswer) bool {
			if a.Session != b.Session {
				return a.Session < b.Session
			}
			return a.Seq < b.Seq
		}),
		histories: newHistories(),
		queued:    newTree(func(a, b tally) bool { return nameLess(a.name, b.name) }),
		taken:     newTree(func(a, b tally) bool { return nameLess(a.name, b.name) }),
	}
	for _, k := range kinds {
		s.holds[k] = newCover[*Hold]()
		s.requests[k] = newCover[*Request]()
	}
	return s
}

var kinds = [...]Kind{Key, Reference}

func (s *state) copy() state {
	c := *s
	c.probe = nil
	for _, k := range kinds {
		c.holds[k] = s.holds[k].copy()
		c.requests[k] = s.requests[k].copy()
	}
	c.runHolds = s.runHolds.Copy()
	c.runRequests = s.runRequests.Copy()
	c.byNumber = s.byNumber.Copy()
	c.sessionHolds = s.sessionHolds.Copy()
	c.sessionWaits = s.sessionWaits.Copy()
	c.delays = s.delays.Copy()
	c.sessions = s.sessions.Copy()
	c.ledgers = s.ledgers.Copy()
	c.answers = s.answers.Copy()
	c.histories = s.histories.Copy()
	c.queued = s.queued.Copy()
	c.taken = s.taken.Copy()
	return c
}

// strength is what a hold covers, as a want.
func (h *Hold) strength() Want { return Want{Name: h.Name, Mode: h.Mode, Scope: h.Scope} }

func (s *state) putHold(h *Hold) {
	s.holds[h.Name.Kind].add(h.strength(), h)
	s.holders++
	s.hash += hashHold(h)
	if h.Limit > 1 {
		addTally(s.taken, h.Name, 1)
	}
	if h.Run == "" {
		s.delays.Set(h)
		return
	}
	r := s.request(h.Run)
	if r != nil {
		if !s.holdsAny(h.Run) {
			s.holdAndWait++
		}
		s.hide(r, h.Name)
	}
	s.runHolds.Set(runHold{hashRun(h.Run), h})
	if r != nil {
		s.show(r, h.Name)
	}
	if !h.Session.IsZero() {
		s.sessionHolds.Set(owned[*Hold]{h.Session.Number, h.Token, h})
	}
}

func (s *state) dropHold(h *Hold) {
	s.holds[h.Name.Kind].remove(h.strength(), h)
	s.holders--
	s.hash -= hashHold(h)
	if h.Limit > 1 {
		addTally(s.taken, h.Name, -1)
	}
	if h.Run == "" {
		s.delays.Delete(h)
		return
	}
	r := s.request(h.Run)
	if r != nil {
		s.hide(r, h.Name)
	}
	s.runHolds.Delete(runHold{hashRun(h.Run), h})
	if r != nil {
		s.show(r, h.Name)
		if !s.holdsAny(h.Run) {
			s.holdAndWait--
		}
	}
	if !h.Session.IsZero() {
		s.sessionHolds.Delete(owned[*Hold]{session: h.Session.Number, id: h.Token})
	}
}

func (s *state) putRequest(r *Request) {
	for _, w := range r.Wants {
		s.requests[w.Name.Kind].add(s.join(r.Run, w), r)
		addTally(s.queued, w.Name, 1)
	}
	s.runRequests.Set(r)
	s.byNumber.Set(r)
	s.sessionWaits.Set(owned[*Request]{r.Session.Number, r.Number, r})
	s.hash += hashRequest(r)
	if s.holdsAny(r.Run) {
		s.holdAndWait++
	}
}

func (s *state) dropRequest(r *Request) {
	for _, w := range r.Wants {
		s.requests[w.Name.Kind].remove(s.join(r.Run, w), r)
		addTally(s.queued, w.Name, -1)
	}
	s.runRequests.Delete(r)
	s.byNumber.Delete(r)
	s.sessionWaits.Delete(owned[*Request]{session: r.Session.Number, id: r.Number})
	s.hash -= hashRequest(r)
	if s.holdsAny(r.Run) {
		s.holdAndWait--
	}
}

// hide takes a request's want of n out of the cover, and show puts it back:
// around every change of what its run holds on n, because others see the
// request as what it would hold.
func (s *state) hide(r *Request, n Name) {
	if w, named := r.want(n); named {
		s.requests[n.Kind].remove(s.join(r.Run, w), r)
	}
}

func (s *state) show(r *Request, n Name) {
	if w, named := r.want(n); named {
		s.requests[n.Kind].add(s.join(r.Run, w), r)
	}
}

func (s *state) putSession(x *Session) {
	if old, replaced := s.sessions.Set(x); replaced {
		s.hash -= hashSession(old)
	}
	s.hash += hashSession(x)
}

func (s *state) dropSession(x *Session) {
	s.sessions.Delete(x)
	s.hash -= hashSession(x)
}

func (s *state) putLedger(l *Ledger) {
	if old, replaced := s.ledgers.Set(l); replaced {
		s.hash -= hashLedger(old)
	}
	s.hash += hashLedger(l)
}

func (s *state) dropLedger(l *Ledger) {
	s.ledgers.Delete(l)
	s.hash -= hashLedger(l)
}

func (s *state) putAnswer(a *SeqAnswer) {
	if old, replaced := s.answers.Set(a); replaced {
		s.hash -= hashAnswer(old)
	}
	s.hash += hashAnswer(a)
}

func (s *state) dropAnswer(a *SeqAnswer) {
	s.answers.Delete(a)
	s.hash -= hashAnswer(a)
}

func addTally(tree *tree[tally], n Name, by int) {
	t, _ := tree.Get(tally{name: n})
	count := int(t.count) + by
	if count == 0 {
		tree.Delete(tally{name: n})
		return
	}
	tree.Set(tally{name: n, count: uint32(count)})
}

func tallyOf(tree *tree[tally], n Name) uint32 {
	if tree.Len() == 0 {
		return 0
	}
	t, _ := tree.Get(tally{name: n})
	return t.count
}
