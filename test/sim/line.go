package sim

import (
	"bytes"
	"io"

	"lockd/fsm"
	"lockd/gate"

	"github.com/hashicorp/raft"
)

// line is the history of the one table that all nodes of a world share who
// have applied the same entries: each entry is applied once, by whoever comes
// to it first, and what it did is everybody's. A node has a table of its own
// after a restore, and when it needs the table as it was while others are
// further; it applies its own entries until it has come to a landmark after
// that, where both must be equal. In a world that is not shared the line stays
// empty.
type line struct {
	// fsm has the table after the last entry that anybody has applied.
	fsm *fsm.FSM
	// done has, for each of them, what it did.
	done []*fsm.Applied
	// landmarks are the tables at every landmark-th entry.
	landmarks []raft.FSMSnapshot
}

// landmark is how many entries lie between two versions that are kept.
const landmark = 16

func newLine() line { return line{fsm: fsm.New(fsm.Config{})} }

// carryOut applies the node's next entry.
func (n *node) carryOut(e *entry) *fsm.Applied {
	line := &n.w.line
	last := uint64(len(line.done))
	if n.w.config.Shared && n.fsm != nil && (n.applied == last || n.applied%landmark == 0) {
		n.rejoin()
	}
	switch {
	case n.fsm != nil:
		return applyTo(n.fsm, e)
	case e.index <= last:
		return line.done[e.index-1]
	}
	done := applyTo(line.fsm, e)
	line.done = append(line.done, done)
	return done
}

func applyTo(f *fsm.FSM, e *entry) *fsm.Applied {
	return f.Apply(&raft.Log{Index: e.index, Term: e.term, Data: e.bytes}).(*fsm.Applied)
}

// rejoin gives the node's own table up for that of the line, which was seen to
// be the same: at a landmark, or at the end.
func (n *node) rejoin() {
	n.w.referee.compareHash(n, n.applied)
	n.fsm = nil
	if n.applied == uint64(len(n.w.line.done)) {
		n.w.referee.compareHash(n, n.applied)
	}
}

// keep notes a landmark: n has just added entry index to the line.
func (l *line) keep(n *node, index uint64) {
	if index%landmark != 0 {
		return
	}
	n.w.referee.compareHash(n, index)
	fixed, err := l.fsm.Snapshot()
	if err != nil {
		n.w.fail("snapshot", "%s: %v", n.name, err)
	}
	l.landmarks = append(l.landmarks, fixed)
}

// table returns the node's table, as of the last entry that the node has applied.
func (n *node) table() *fsm.FSM {
	switch {
	case n.fsm != nil:
	case n.applied == uint64(len(n.w.line.done)):
		return n.w.line.fsm
	default:
		n.fork()
	}
	return n.fsm
}

// fork gives the node a table of its own, from the landmark before: written
// out, read back, and with the entries since applied once more.
func (n *node) fork() {
	n.fsm = fsm.New(fsm.Config{})
	from := n.applied / landmark
	if from > 0 {
		var file sink
		if err := n.w.line.landmarks[from-1].Persist(&file); err != nil {
			n.w.fail("snapshot", "%s: %v", n.name, err)
		}
		if err := n.fsm.Restore(io.NopCloser(bytes.NewReader(file.Bytes()))); err != nil {
			n.w.fail("restore", "%s at %d: %v", n.name, from*landmark, err)
			return
		}
	}
	for index := from*landmark + 1; index <= n.applied; index++ {
		n.w.referee.again(n, applyTo(n.fsm, n.w.referee.log[index-1]))
	}
}

// view returns the node's table as it is now.
func (n *node) view() *gate.View {
	view, _ := n.table().View()
	return view
}
