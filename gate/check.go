package gate

import (
	"errors"
	"fmt"
	"slices"
)

// Check verifies every invariant of the table and returns an error for each
// that is broken. It reads the whole table and changes nothing.
func (t *Table) Check() error {
	c := checker{state: &t.state}
	c.holdsAreConsistent()
	c.requestsAreConsistent()
	c.sessionsAreConsistent()
	c.countsAreRight()
	return errors.Join(c.broken...)
}

type checker struct {
	*state
	hash        uint64
	holdAndWait int
	broken      []error
}

func (c *checker) expect(ok bool, format string, args ...any) {
	if !ok {
		c.broken = append(c.broken, fmt.Errorf("gate: "+format, args...))
	}
}

func (c *checker) holdsAreConsistent() {
	v := View{*c.state}
	var tokens []uint64
	count := 0
	for h := range v.AllHolds() {
		count++
		c.hash += hashHold(h)
		tokens = append(tokens, h.Token)
		c.holdIsSound(h)
	}
	c.expect(count == c.holders, "%d holds, but %d counted", count, c.holders)
	covered := 0
	for _, k := range kinds {
		for _, scopes := range c.holds[k].trees {
			covered += scopes[Node].Len() + scopes[Tree].Len()
		}
	}
	c.expect(covered == count, "%d holds, but %d cover something", count, covered)
	slices.Sort(tokens)
	c.expect(len(slices.Compact(tokens)) == count, "two holds have one token")
}

func (c *checker) holdIsSound(h *Hold) {
	c.expect(h.Token > 0 && h.Token <= c.counters.Token, "%v: token %d is above the counter", h.Name, h.Token)
	c.expect((h.Run == "") == (h.Ended != 0), "%v: token %d has no run and no ending", h.Name, h.Token)
	if h.Run != "" {
		c.expect(c.own(h.Run, h.Name) == h, "%v: run %q has another hold", h.Name, h.Run)
	}
	if !h.Session.IsZero() {
		c.expect(c.session(h.Session) != nil, "%v: held in a session that is gone", h.Name)
		listed, _ := c.sessionHolds.Get(owned[*Hold]{session: h.Session.Number, id: h.Token})
		c.expect(listed.item == h, "%v: not listed under its session", h.Name)
	}
	if h.Name.Kind == Key {
		c.expect(h.Limit > 0 && h.Limit <= MaxLimit && h.Mode == keyMode(h.Limit) && h.Scope == Node, "%v: bad key hold", h.Name)
		c.expect(h.Limit == c.keyLimit(h.Name), "%v: two limits", h.Name)
	} else {
		c.expect(h.Limit == 0, "%v: a reference with a limit", h.Name)
	}
	// What a hold of no run closes may overlap what its former run still holds.
	former := ""
	c.obstacles(h.Run, h.strength(), func(other *Hold) bool {
		if h.Run == "" && (former == "" || former == other.Run) {
			former = other.Run
			return true
		}
		c.expect(other.Run == "", "%v: token %d of %q overlaps token %d of %q on %v",
			h.Name, h.Token, h.Run, other.Token, other.Run, other.Name)
		return true
	})
}

func (c *checker) requestsAreConsistent() {
	queued := make(map[Name]uint32)
	wants := 0
	v := View{*c.state}
	for r := range v.AllRequests() {
		c.hash += hashRequest(r)
		c.expect(c.request(r.Run) == r, "request %d: run %q waits for another", r.Number, r.Run)
		c.expect(r.Number <= c.counters.Number, "request %d is above the counter", r.Number)
		c.expect(c.session(r.Session) != nil, "request %d: its session is gone", r.Number)
		c.expect(!c.grantable(c.claimOf(r)), "request %d of %q is grantable but waits", r.Number, r.Run)
		if c.holdsAny(r.Run) {
			c.holdAndWait++
		}
		for _, w := range r.Wants {
			queued[w.Name]++
			wants++
			c.expect(tallyOf(c.queued, w.Name) > 0, "%v: its queue is not counted", w.Name)
		}
	}
	c.expect(len(queued) == c.queued.Len(), "%d names with a queue, %d counted", len(queued), c.queued.Len())
	total := 0
	c.queued.Scan(func(x tally) bool {
		c.expect(queued[x.name] == x.count, "%v: %d queued, %d counted", x.name, queued[x.name], x.count)
		return true
	})
	for _, k := range kinds {
		for _, scopes := range c.requests[k].trees {
			total += scopes[Node].Len() + scopes[Tree].Len()
		}
	}
	c.expect(total == wants, "requests want %d names, %d are listed", wants, total)
	c.expect(c.runRequests.Len() == c.byNumber.Len(), "a run waits twice")
	c.expect(c.sessionWaits.Len() == c.byNumber.Len(), "a request is not listed under its session")
	c.expect(c.holdAndWait == c.state.holdAndWait, "%d runs hold and wait, %d counted", c.holdAndWait, c.state.holdAndWait)
}

func (c *checker) sessionsAreConsistent() {
	v := View{*c.state}
	for x := range v.AllSessions() {
		c.hash += hashSession(x)
		c.expect(x.ID.Number <= c.counters.Number, "session %v is above the counter", x.ID)
		c.expect(!x.Private || !c.idle(x.ID.Number), "private session %v is idle", x.ID)
	}
	answers := make(map[uint64]uint32)
	for a := range v.AllAnswers() {
		c.hash += hashAnswer(a)
		if a.Result != nil {
			answers[a.Session]++
		} else {
			c.expect(c.numbered(a.Request) != nil, "session %d, seq %d: its request is gone", a.Session, a.Seq)
		}
		c.expect(!c.ledger(a.Session).seen(a.Seq), "session %d keeps seq %d, which was seen", a.Session, a.Seq)
	}
	for l := range v.AllLedgers() {
		c.hash += hashLedger(l)
		c.expect(c.sessionByNumber(l.Session) != nil, "a ledger outlived session %d", l.Session)
		c.expect(answers[l.Session] == l.Answers, "session %d: %d answers, %d counted", l.Session, answers[l.Session], l.Answers)
		delete(answers, l.Session)
	}
	for a := range v.AllAnswers() {
		c.expect(answers[a.Session] == 0, "session %d has answers and no ledger", a.Session)
	}
}

func (c *checker) countsAreRight() {
	v := View{*c.state}
	for e := range v.AllEndings() {
		c.hash += hashEnding(e)
		c.expect(e.Order <= c.counters.Ending, "%v: its ending is above the counter", e.Name)
	}
	c.expect(c.endings.Len() == c.endingsByTurn.Len(), "endings differ in number")
	c.expect(c.endings.Len() <= MaxEndings, "%d endings", c.endings.Len())
	held := make(map[Name]uint32)
	for h := range v.AllHolds() {
		if h.Limit > 1 {
			held[h.Name]++
		}
	}
	c.expect(len(held) == c.taken.Len(), "%d semaphores, %d counted", len(held), c.taken.Len())
	c.taken.Scan(func(x tally) bool {
		c.expect(held[x.name] == x.count, "%v: %d slots taken, %d counted", x.name, held[x.name], x.count)
		c.expect(x.count <= c.keyLimit(x.name), "%v: more holders than its limit", x.name)
		return true
	})
	c.expect(c.hash == c.state.hash, "hash is %x, kept as %x", c.hash, c.state.hash)
}
