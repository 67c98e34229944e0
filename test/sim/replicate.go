package sim

import (
	"slices"
	"time"
)

// appending is what a leader sends to one follower: entries, or a snapshot.
type appending struct {
	leader         *node
	term           uint64
	prev, prevTerm uint64
	entries        []*entry
	commit         uint64
	snapshot       *snapshot
}

// appended is the answer. If it is not ok, the follower has nothing after last.
type appended struct {
	term  uint64
	ok    bool
	match uint64
	last  uint64
}

// observe takes note of a term that somebody else has.
func (n *node) observe(term uint64) {
	if term > n.term {
		n.term = term
		n.leader = nil
		n.resign()
	}
}

// resign ends the node's leadership, if it leads.
func (n *node) resign() {
	if n.office != nil {
		if n.w.tracing() {
			n.w.say("%s gives up term %d", n.name, n.office.term)
		}
		n.office = nil
	}
}

// take does what a leader says, unless a later one has spoken.
func (n *node) take(m *appending) appended {
	if m.term < n.term {
		return appended{term: n.term}
	}
	n.observe(m.term)
	n.leader, n.heard = m.leader, n.clock()
	if m.snapshot != nil {
		return n.install(m.snapshot)
	}
	if m.prev > n.last() {
		return appended{term: n.term, last: n.last()}
	}
	if m.prev > n.base && n.termAt(m.prev) != m.prevTerm {
		return appended{term: n.term, last: m.prev - 1}
	}
	for _, e := range m.entries {
		switch {
		case e.index <= n.base:
			continue
		case e.index > n.last():
		case n.entry(e.index) == e:
			continue
		default:
			if e.index <= n.commit {
				n.w.fail("log", "%s is told to forget entry %d, which is committed", n.name, e.index)
			}
			n.log = slices.Clone(n.log[:e.index-n.base-1]) // messages under way share it
		}
		n.log = append(n.log, e)
	}
	match := m.prev + uint64(len(m.entries))
	n.commit = max(n.commit, min(m.commit, match))
	n.apply()
	return appended{term: n.term, ok: true, match: match}
}

// install replaces table and log by a snapshot that goes further.
func (n *node) install(s *snapshot) appended {
	if s.index > n.commit {
		n.w.stats.Installs++
		n.snapshot = s
		n.base, n.baseTerm, n.log = s.index, s.term, nil
		n.restore(s)
		n.resume(n.term)
	}
	return appended{term: n.term, ok: true, match: s.index}
}

// replicate sends the follower what it lacks, or a sign of life. One message is
// under way to each follower at a time.
func (o *office) replicate(f *node) {
	p := &o.progress[f.id]
	if p.sending {
		return
	}
	n := o.node
	m := &appending{leader: n, term: o.term, prev: p.next - 1, commit: n.commit}
	switch {
	case m.prev < n.base:
		m.snapshot = n.snapshot
	default:
		m.prevTerm = n.termAt(m.prev)
		from := m.prev - n.base
		to := min(uint64(len(n.log)), from+mostAppended)
		m.entries = n.log[from:to:to]
	}
	p.sending = true
	p.serial++
	p.sent = n.clock()
	serial, sent := p.serial, p.sent
	n.w.send(&n.process, &f.process, &n.dice, func() {
		a := f.take(m)
		n.w.send(&f.process, &n.process, &f.dice, func() { o.answered(f, serial, sent, a) })
	})
}

// answered takes a follower's answer, however late.
func (o *office) answered(f *node, serial uint32, sent time.Duration, a appended) {
	n := o.node
	n.observe(a.term)
	if n.office != o {
		return
	}
	p := &o.progress[f.id]
	if a.ok {
		p.match = max(p.match, a.match)
		p.next = max(p.next, p.match+1)
		if n.w.config.Flaw == ProofByAnswer {
			sent = n.clock()
		}
		p.acked = max(p.acked, sent)
		o.proved()
	} else if p.serial == serial {
		p.next = max(p.match+1, min(p.next-1, a.last+1))
	}
	if p.serial == serial {
		p.sending = false
	}
	o.advance()
	if !p.sending && p.next <= n.last() {
		o.replicate(f)
	}
}

// advance commits what a majority has, once an entry of this term is among it.
func (o *office) advance() {
	n := o.node
	match := make([]uint64, 0, maxNodes)
	for _, other := range n.w.nodes {
		if other != n {
			match = append(match, o.progress[other.id].match)
		}
	}
	slices.Sort(match)
	index := min(n.last(), match[len(match)-len(n.w.nodes)/2])
	if n.w.config.Flaw == CommitAlone {
		index = n.last()
	}
	if index > n.commit && n.termAt(index) == o.term {
		n.commit = index
		n.w.referee.committed(n)
		n.apply()
		o.flush()
	}
}
