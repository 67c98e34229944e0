package sim

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"lockd/fsm"
	"lockd/gate"
)

// node is one server: its part of the replicated log, its table, and what it
// keeps for the clients that are connected to it.
type node struct {
	process
	dice dice

	// On disk: the term it has seen, the log after base, and the newest snapshot.
	term     uint64
	base     uint64
	baseTerm uint64
	log      []*entry
	snapshot *snapshot

	// In memory. A node without a table of its own shares the line's.
	fsm      *fsm.FSM
	commit   uint64
	applied  uint64
	applying bool
	// pace is by how much the node applies more slowly than usual.
	pace   time.Duration
	leader *node
	// heard is when it last heard of that leader, by its own clock.
	heard  time.Duration
	office *office
	// waiting are the queued requests of its own clients.
	waiting []*delivery
}

// entry is one place of the log. A pointer to it is its identity.
type entry struct {
	index, term uint64
	bytes       []byte
	// by is who proposed it.
	by    *node
	batch []*proposal
}

// snapshot is a snapshot file.
type snapshot struct {
	index, term uint64
	file        []byte
}

func (n *node) last() uint64 { return n.base + uint64(len(n.log)) }

func (n *node) entry(index uint64) *entry { return n.log[index-n.base-1] }

func (n *node) termAt(index uint64) uint64 {
	if index == n.base {
		return n.baseTerm
	}
	return n.entry(index).term
}

// start begins a life of the node with what is on its disk.
func (n *node) start() {
	n.down = false
	n.life++
	n.commit, n.applied, n.applying, n.pace = 0, 0, false, 0
	n.fsm = nil
	if !n.w.config.Shared {
		n.fsm = fsm.New(fsm.Config{})
	}
	n.leader, n.office, n.waiting = nil, nil, nil
	n.heard = n.clock()
	if n.snapshot != nil {
		n.restore(n.snapshot)
	}
}

// crash ends the node's life; what is on its disk stays.
func (n *node) crash() {
	n.down = true
	n.until = 0
	n.office, n.waiting, n.fsm = nil, nil, nil
}

func (n *node) restore(s *snapshot) {
	restored := fsm.New(fsm.Config{})
	if err := restored.Restore(io.NopCloser(bytes.NewReader(s.file))); err != nil {
		n.w.fail("restore", "%s cannot restore its snapshot at %d: %v", n.name, s.index, err)
		return
	}
	n.commit, n.applied = s.index, s.index
	n.fsm = restored
	n.w.referee.restored(n, s.index)
}

// apply has the committed entries applied, some at a time, at the node's pace.
func (n *node) apply() {
	if n.applying || n.applied >= n.commit {
		return
	}
	n.applying = true
	delay := n.dice.between(0, time.Millisecond) + n.pace
	if n.office == nil && n.dice.chance(300) {
		delay += n.dice.between(0, 15*time.Millisecond)
	}
	n.after(delay, func() {
		n.applying = false
		for range 1 + n.dice.n(8) {
			if n.applied < n.commit && n.w.wrong == nil {
				n.applyOne(n.entry(n.applied + 1))
			}
		}
		n.apply()
	})
}

func (n *node) applyOne(e *entry) {
	done := n.carryOut(e)
	n.applied = e.index
	n.w.referee.applied(n, e, done)
	if n.office != nil {
		n.office.applied(e, done)
	}
	for i := range done.Outcomes {
		if done.Outcomes[i].Result.Code == gate.TermStarted {
			n.resume(e.term)
		}
	}
}

// takeSnapshot fixes the table as it is now and writes it out a little later,
// while entries go on being applied.
func (n *node) takeSnapshot() {
	if n.applied == 0 || n.snapshot != nil && n.snapshot.index == n.applied {
		return
	}
	index, term := n.applied, n.termAt(n.applied)
	n.w.referee.compareHash(n, index)
	fixed, err := n.table().Snapshot()
	if err != nil {
		n.w.fail("snapshot", "%s: %v", n.name, err)
		return
	}
	keep := uint64(n.dice.n(20))
	n.after(n.dice.between(0, 200*time.Millisecond), func() {
		var file sink
		if err := fixed.Persist(&file); err != nil {
			n.w.fail("snapshot", "%s: %v", n.name, err)
		}
		if n.snapshot != nil && n.snapshot.index >= index {
			return
		}
		n.snapshot = &snapshot{index: index, term: term, file: file.Bytes()}
		n.w.stats.Snapshots++
		if index > n.base+keep {
			base := index - keep
			n.baseTerm = n.termAt(base)
			n.log = n.log[base-n.base:]
			n.base = base
		}
	})
}

// sink takes a snapshot's bytes.
type sink struct{ bytes.Buffer }

func (*sink) ID() string    { return "" }
func (*sink) Close() error  { return nil }
func (*sink) Cancel() error { return fmt.Errorf("sim: snapshot cancelled") }
