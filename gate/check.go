package gate

import (
	"errors"
	"fmt"
	"slices"
)

// Check verifies every invariant of the table and returns an error that names
// those that are broken, if any. It reads the whole table and changes nothing.
func (t *Table) Check() error {
	c := checker{state: &t.state, table: t}
	c.recordsAreConsistent()
	c.nobodyWaitsInVain()
	c.ordersAgree()
	return errors.Join(c.broken...)
}

// checkRecords is Check for a table that a Loader has made of records: there the
// orders agree. Who waits in vain must do so in it, too: somebody may whom MaxWalk
// kept in the queue, and a table that grants is another one.
func (t *Table) checkRecords() error {
	c := checker{state: &t.state, table: t}
	c.recordsAreConsistent()
	return errors.Join(c.broken...)
}

func (c *checker) recordsAreConsistent() {
	c.holdsAreConsistent()
	c.requestsAreConsistent()
	c.sessionsAreConsistent()
	c.historiesAreConsistent()
	c.countsAreRight()
}

type checker struct {
	*state
	table *Table
	hash  uint64
	// tokens are those of all holds, inSessions is how many have a session.
	tokens      []uint64
	inSessions  int
	holdAndWait int
	broken      []error
}

// fail notes a broken invariant, the first maxBroken of them.
func (c *checker) fail(format string, args ...any) {
	if len(c.broken) < maxBroken {
		c.broken = append(c.broken, fmt.Errorf("gate: "+format, args...))
	}
}

const maxBroken = 20

func (c *checker) holdsAreConsistent() {
	c.tokens = make([]uint64, 0, c.holders)
	for _, k := range kinds {
		for m := range c.holds[k].trees {
			for s := range c.holds[k].trees[m] {
				c.coverIsSound(Want{Name{Kind: k}, Mode(m), Scope(s)})
			}
		}
	}
	if len(c.tokens) != c.holders {
		c.fail("%d holds, but %d counted", len(c.tokens), c.holders)
	}
	slices.Sort(c.tokens)
	if n := len(slices.Compact(c.tokens)); n != c.holders {
		c.fail("%d holds have %d tokens", c.holders, n)
	}
	if c.sessionHolds.Len() != c.inSessions {
		c.fail("%d holds have a session, %d are listed", c.inSessions, c.sessionHolds.Len())
	}
}

// coverIsSound looks at the holds of at's kind, mode and scope.
func (c *checker) coverIsSound(at Want) {
	cover := c.holds[at.Name.Kind]
	tree := cover.trees[at.Mode][at.Scope]
	// If all holds of the kind are here then each can only overlap its neighbours.
	lined := at.Scope == Node
	for other := range cover.each() {
		lined = lined && (other == tree || other.Len() == 0)
	}
	var before *hold
	tree.Scan(func(h *hold) bool {
		if at.Name.Text = h.text(); h.strength() != at {
			c.fail("%v: in the cover of %v as %v %v", h.name(), at.Name.Kind, at.Mode, at.Scope)
		}
		hash := hashHold(h, h.sessionID())
		c.hash += hash
		if h.hash != 0 && h.hash != hash {
			c.fail("%v: token %d has hash %x, kept as %x", h.name(), h.token, hash, h.hash)
		}
		c.tokens = append(c.tokens, h.token)
		c.holdIsSound(h)
		if together := before != nil && before.name() == h.name(); together || !lined {
			c.holdOverlapsNone(h)
		}
		before = h
		return true
	})
}

func (c *checker) holdIsSound(h *hold) {
	if h.token == 0 || h.token > c.counters.Token {
		c.fail("%v: token %d is above the counter", h.name(), h.token)
	}
	if (h.ofNobody()) != (h.ended() != 0) {
		c.fail("%v: token %d has no run and no ending", h.name(), h.token)
	}
	switch {
	case h.kind == Reference && h.limit != 0:
		c.fail("%v: a reference with a limit", h.name())
	case h.kind == Key && (h.limit == 0 || h.limit > MaxLimit || h.mode() != keyMode(uint32(h.limit)) || h.scope() != Node):
		c.fail("%v: bad key hold", h.name())
	case h.limit > 1 && uint32(h.limit) != c.keyLimit(h.name()):
		c.fail("%v: two limits", h.name())
	}
	if h.session != nil {
		c.inSessions++
		if c.session(h.session.ID) == nil {
			c.fail("%v: session %v of token %d is gone", h.name(), h.session.ID, h.token)
		}
	}
}

// holdOverlapsNone need not look for what a shared hold overlaps, as the other
// hold is exclusive.
func (c *checker) holdOverlapsNone(h *hold) {
	if h.mode() == Shared && h.run() != "" {
		return
	}
	// What a hold of no run closes may overlap what its former run still holds.
	former := ""
	c.obstacles(h.run(), h.strength(), func(other *hold) bool {
		switch {
		case h.run() == "" && (former == "" || former == other.run()):
			former = other.run()
		case other.run() != "":
			c.fail("%v: token %d of %q overlaps token %d of %q on %v",
				h.name(), h.token, h.run(), other.token, other.run(), other.name())
		}
		return true
	})
}

func (c *checker) requestsAreConsistent() {
	queued := make(map[Name]uint32)
	wants := 0
	v := View{*c.state}
	for r := range v.AllRequests() {
		c.hash += hashRequest(r)
		if c.request(r.Run) != r {
			c.fail("request %d: run %q waits for another", r.Number, r.Run)
		}
		if r.Number > c.counters.Number {
			c.fail("request %d is above the counter", r.Number)
		}
		if c.session(r.Session) == nil {
			c.fail("request %d: its session is gone", r.Number)
		}
		if c.runHolds.any(r.Run) {
			c.holdAndWait++
		}
		for _, w := range r.Wants {
			queued[w.Name]++
			wants++
			shown := c.join(r.Run, w)
			x, _ := c.requests[w.Name.Kind].trees[shown.Mode][shown.Scope].Get(0, spot{w.Name.Text, r.Number})
			if x.item != r {
				c.fail("request %d: %v is not in the cover as what it would hold", r.Number, w.Name)
			}
		}
	}
	if len(queued) != c.queued.Len() {
		c.fail("%d names with a queue, %d counted", len(queued), c.queued.Len())
	}
	total := 0
	c.queued.Scan(func(x tally) bool {
		if queued[x.name] != x.count {
			c.fail("%v: %d queued, %d counted", x.name, queued[x.name], x.count)
		}
		return true
	})
	for _, k := range kinds {
		for _, scopes := range c.requests[k].trees {
			total += scopes[Node].Len() + scopes[Tree].Len()
		}
	}
	if total != wants {
		c.fail("requests want %d names, %d are listed", wants, total)
	}
	if c.runRequests.Len() != c.byNumber.Len() {
		c.fail("a run waits twice")
	}
	if c.sessionWaits.Len() != c.byNumber.Len() {
		c.fail("a request is not listed under its session")
	}
	if c.holdAndWait != c.state.holdAndWait {
		c.fail("%d runs hold and wait, %d counted", c.holdAndWait, c.state.holdAndWait)
	}
}

func (c *checker) nobodyWaitsInVain() {
	c.byNumber.Scan(func(r *Request) bool {
		if c.grantable(c.claimOf(r)) {
			c.fail("request %d of %q is grantable but waits", r.Number, r.Run)
		}
		return true
	})
}

func (c *checker) sessionsAreConsistent() {
	v := View{*c.state}
	for x := range v.AllSessions() {
		c.hash += hashSession(x)
		if x.ID.Number > c.counters.Number {
			c.fail("session %v is above the counter", x.ID)
		}
		if x.Restart > c.counters.Restart || x.Restart > 0 && !x.Private {
			c.fail("session %v: restart %d", x.ID, x.Restart)
		}
		if x.Private && c.idle(x.ID.Number) {
			c.fail("private session %v is idle", x.ID)
		}
	}
	answers := 0
	c.books.Scan(func(b *book) bool {
		answers += c.bookIsSound(b)
		return true
	})
	if answers != c.answers {
		c.fail("%d answers, %d counted", answers, c.answers)
	}
}

// bookIsSound counts the answers.
func (c *checker) bookIsSound(b *book) (answers int) {
	number := b.id.Number
	if x, _ := c.sessions.Get(number, none{}); x == nil || x != b.session || x.ID != b.id || x.Private != b.private || b.clientHash != hashClient(x.Client) {
		c.fail("session %d: its book is of another", number)
	}
	c.hash += hashSeen(number, b.acked, b.done())
	finished := uint32(0)
	last := uint64(0)
	b.all(func(a *answer) bool {
		answers++
		c.hash += c.hashAnswer(number, a)
		if a.seq <= last {
			c.fail("session %d: seq %d follows %d", number, a.seq, last)
		}
		last = a.seq
		if a.request == 0 {
			finished++
		} else if c.numbered(a.request) == nil {
			c.fail("session %d, seq %d: its request is gone", number, a.seq)
		}
		if (a.request != 0) == (a.whole != nil || a.hold != nil) {
			c.fail("session %d, seq %d: its answer and request %d", number, a.seq, a.request)
		}
		if b.seen(a.seq) {
			c.fail("session %d keeps seq %d, which was seen", number, a.seq)
		}
		return true
	})
	if finished != b.finished {
		c.fail("session %d: %d answers, %d counted", number, finished, b.finished)
	}
	return answers
}

func (c *checker) historiesAreConsistent() {
	endings := 0
	c.histories.Scan(func(h *history) bool {
		if c.historyOf(h.name) != h {
			c.fail("%v: its history is listed elsewhere", h.name)
		}
		h.all(func(e *ending) bool {
			c.hash += hashEnding(e, hashName(e.hold.name()), hashClient(e.hold.client()))
			endings++
			return true
		})
		c.historyIsSound(h)
		return true
	})
	if endings != c.endings {
		c.fail("%d endings, %d counted", endings, c.endings)
	}
	c.turnsAreInOrder(&c.table.goodTurns)
	c.turnsAreInOrder(&c.table.badTurns)
	if n := c.table.goodTurns.count + c.table.badTurns.count; n != c.histories.Len() {
		c.fail("%d histories have %d turns", c.histories.Len(), n)
	}
}

func (c *checker) turnsAreInOrder(turns *turns) {
	order, count := uint64(0), 0
	turns.each(func(h *history) {
		if h.order() <= order || c.table.turnsOf(h) != turns || c.historyOf(h.name) != h {
			c.fail("%v: its history is forgotten out of turn", h.name)
		}
		order = h.order()
		count++
	})
	if count != turns.count || count > MaxHistories {
		c.fail("%d histories of one kind, %d counted", count, turns.count)
	}
}

func (c *checker) historyIsSound(h *history) {
	older, holders, bad := uint64(0), uint8(0), false
	h.all(func(e *ending) bool {
		switch {
		case e.hold.name() != h.name || e.end < EndReleased || e.end > EndReplaced || e.by != nil && e.end != EndBroken:
			c.fail("%v: bad ending %d", h.name, e.order)
		case e.order <= older || e.order > c.counters.Ending:
			c.fail("%v: ending %d is out of order", h.name, e.order)
		}
		older = e.order
		if e.end != EndReplaced {
			bad = e.end.bad()
			holders++
		}
		return true
	})
	switch {
	case h.before != nil && (h.count < MaxHistory || h.before.end == EndReplaced || h.holders > 0):
		c.fail("%v: ending %d should be forgotten", h.name, h.before.order)
	case h.before != nil:
		holders--
	}
	if holders != h.holders || bad != h.bad || h.count > MaxHistory || h.first > 0 && h.count < MaxHistory {
		c.fail("%v: its history counts %d holders of %d, bad %v", h.name, h.holders, holders, h.bad)
	}
}

func (c *checker) countsAreRight() {
	held := make(map[Name]uint32)
	c.holds[Key].trees[Shared][Node].Scan(func(h *hold) bool {
		held[h.name()]++
		return true
	})
	if len(held) != c.taken.Len() {
		c.fail("%d semaphores, %d counted", len(held), c.taken.Len())
	}
	c.taken.Scan(func(x tally) bool {
		if held[x.name] != x.count {
			c.fail("%v: %d slots taken, %d counted", x.name, held[x.name], x.count)
		}
		if x.count > c.keyLimit(x.name) {
			c.fail("%v: more holders than its limit", x.name)
		}
		return true
	})
	if c.hash != c.state.hash {
		c.fail("hash is %x, kept as %x", c.hash, c.state.hash)
	}
}

// ordersAgree verifies that the same holds are listed under their runs and
// sessions as in the cover.
func (c *checker) ordersAgree() {
	difference := uint64(0)
	for h := range c.eachStored() {
		difference += mixed(h.token)
		if h.ofNobody() {
			continue
		}
		if c.runHolds.get(h.run(), h.name()) != h {
			c.fail("%v: token %d is not listed under run %q", h.name(), h.token, h.run())
		}
		if h.session == nil {
			continue
		}
		if listed, _ := c.sessionHolds.Get(h.session.ID.Number, h.token); listed != h {
			c.fail("%v: token %d is not listed under session %v", h.name(), h.token, h.session.ID)
		}
	}
	listed := func(h *hold) bool {
		difference -= mixed(h.token)
		return true
	}
	c.runHolds.young.Scan(listed)
	c.runHolds.old.Scan(listed)
	c.delays.Scan(listed)
	if c.runHolds.Len()+c.delays.Len() != c.holders || difference != 0 {
		c.fail("%d holds, of which %d are listed under runs and %d as lock delays", c.holders, c.runHolds.Len(), c.delays.Len())
	}
}
