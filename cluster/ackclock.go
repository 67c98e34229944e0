package cluster

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// ackClock knows until when this node's leadership is proved. It notes when
// each AppendEntries of the term left that a voter answered with success: at
// that moment or later the voter had not voted for anybody else. When a quorum
// of voters, this node included, has such a time at or after t, no other leader
// can have committed anything before t. Whoever records must know that this node was
// still in the term when the answer came.
type ackClock struct {
	self raft.ServerID
	// voters returns the voters of the latest configuration.
	voters func() []raft.ServerID

	mu sync.Mutex
	// term is the term being led, zero for none.
	term uint64
	sent map[raft.ServerID]time.Time
	// followed is like sent, for messages that carry the log, not heartbeats.
	followed map[raft.ServerID]time.Time
	// proved is told of every advance; it must not block.
	proved func(until time.Time)
}

// lead starts the clock for a term; nothing is proved yet. A term of zero stops it.
func (c *ackClock) lead(term uint64, proved func(until time.Time)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.term, c.proved = term, proved
	c.sent = make(map[raft.ServerID]time.Time)
	c.followed = make(map[raft.ServerID]time.Time)
}

// record notes that voter answered with success what was sent at sent, in term.
func (c *ackClock) record(term uint64, voter raft.ServerID, sent time.Time) {
	c.mu.Lock()
	if term == 0 || term != c.term || !sent.After(c.sent[voter]) {
		c.mu.Unlock()
		return
	}
	before := c.quorum(time.Time{})
	c.sent[voter] = sent
	until, proved := c.quorum(time.Time{}), c.proved
	c.mu.Unlock()
	if proved != nil && until.After(before) {
		proved(until)
	}
}

// until returns the time up to which leadership of term is proved, given that
// this node leads in it now; zero if it is not proved at all.
func (c *ackClock) until(term uint64, now time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if term != c.term {
		return time.Time{}
	}
	return c.quorum(now)
}

// recordLog notes that member took a message that carries the log.
func (c *ackClock) recordLog(term uint64, member raft.ServerID, sent time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if term == c.term && sent.After(c.followed[member]) {
		c.followed[member] = sent
	}
}

// following returns when the member was last sent something of the log that it
// took, in the term being led; zero for never.
func (c *ackClock) following(member raft.ServerID) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.followed[member]
}

// quorum returns the latest time that a quorum of voters has reached; c.mu is
// held. This node, if a voter, has reached any time; where it is a quorum by
// itself the answer is alone.
func (c *ackClock) quorum(alone time.Time) time.Time {
	voters := c.voters()
	needed := len(voters)/2 + 1
	times := make([]time.Time, 0, MaxMembers)
	for _, id := range voters {
		if id == c.self {
			needed--
		} else {
			times = append(times, c.sent[id])
		}
	}
	if needed == 0 {
		return alone
	}
	if needed > len(times) {
		return time.Time{}
	}
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	return times[needed-1]
}
