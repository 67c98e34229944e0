package history

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// A table is the model's state; it is never changed.
type table struct {
	holds []held // sorted
	// top is the highest token seen.
	top uint64
	// over are the sessions that ended, sorted.
	over []string
	// finished comes with the finish step.
	finished bool
}

type held struct {
	name         Name
	run, session string
	shared, tree bool
	// token is zero where it is not known.
	token uint64
	// delayed holds are of a session with a lock delay; over says that this has
	// begun, and that the hold is of no run.
	delayed, over bool
}

func model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return &table{} },
		Step: func(state, input, _ any) (bool, any) {
			t := state.(*table)
			switch x := input.(type) {
			case finish:
				return true, &table{holds: t.holds, top: t.top, over: t.over, finished: true}
			case ending:
				return t.end(x)
			case opening:
				return t.open(x)
			}
			return t.step(input.(*Op))
		},
		Equal: func(a, b any) bool { return a.(*table).equal(b.(*table)) },
		Hash:  func(state any) uint64 { return state.(*table).hash() },
	}
}

func (t *table) equal(o *table) bool {
	return t.top == o.top && t.finished == o.finished && slices.Equal(t.holds, o.holds) && slices.Equal(t.over, o.over)
}

func (t *table) hash() uint64 {
	sum := t.top
	for _, h := range t.holds {
		for _, c := range []byte(h.run) {
			sum = sum*1099511628211 + uint64(c)
		}
	}
	return sum*31 + uint64(len(t.over))
}

func (t *table) step(op *Op) (bool, *table) {
	if t.finished && op.Outcome == Unknown {
		return true, t
	}
	switch op.Kind {
	case Acquire:
		return t.acquire(op)
	case Release:
		return t.release(op)
	case Downgrade:
		return t.downgrade(op)
	case Break:
		return t.breakOne(op)
	case Read:
		return t.shows(op), t
	}
	panic(fmt.Sprintf("history: %s in a partition", op.Kind))
}

func (t *table) acquire(op *Op) (bool, *table) {
	free := t.free(op) && !slices.Contains(t.over, op.Session)
	switch {
	case op.Outcome == Occupied:
		// A reference may be refused for an earlier request, which waits for a
		// hold elsewhere in the partition.
		return !t.free(op) || !op.Wants[0].Name.IsKey() && len(t.holds) > 0, t
	case !free:
		return false, t
	}
	n := &table{top: t.top, over: t.over, finished: t.finished, holds: slices.Clone(t.holds)}
	for _, w := range op.Wants {
		if w.Token != 0 && w.Token <= t.top {
			return false, t
		}
		n.top = max(n.top, w.Token)
		n.holds = append(n.holds, held{
			name: w.Name, run: op.Run, session: op.Session, shared: w.Shared, tree: w.Tree, token: w.Token, delayed: op.Delay > 0,
		})
	}
	slices.SortFunc(n.holds, func(a, b held) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.run, b.run))
	})
	return true, n
}

// free says whether the table has room for all that is wanted.
func (t *table) free(op *Op) bool {
	for _, w := range op.Wants {
		same := 0
		for _, h := range t.holds {
			switch {
			case w.Name.IsKey():
				same++
			case (!w.Shared || !h.shared) && (h.name == w.Name || covers(h.tree, h.name, w.Name) || covers(w.Tree, w.Name, h.name)):
				return false
			}
		}
		if w.Name.IsKey() && same >= max(op.Limit, 1) {
			return false
		}
	}
	return true
}

func covers(tree bool, above, name Name) bool {
	return tree && len(name) > len(above) && name[:len(above)] == above && name[len(above)] == '/'
}

func (t *table) release(op *Op) (bool, *table) {
	n := &table{top: t.top, over: t.over, finished: t.finished}
	found := 0
	for _, h := range t.holds {
		mine := !h.over && h.run == op.Run && slices.ContainsFunc(op.Wants, func(w Want) bool {
			return w.Name == h.name && (w.Token == 0 || h.token == 0 || w.Token == h.token)
		})
		if mine {
			found++
		} else {
			n.holds = append(n.holds, h)
		}
	}
	switch op.Outcome {
	case OK:
		return found == len(op.Wants), n
	case NotHeld:
		return found < len(op.Wants), t
	}
	return found > 0, n
}

// shows says whether a read's answer is what the table has.
func (t *table) shows(op *Op) bool {
	seen := 0
	for _, h := range t.holds {
		if h.name != op.Wants[0].Name {
			continue
		}
		seen++
		if !slices.ContainsFunc(op.Holders, func(x Holder) bool {
			return h.looks(x)
		}) {
			return false
		}
	}
	return seen == len(op.Holders)
}

// looks says whether x can be how the hold is shown.
func (h held) looks(x Holder) bool {
	if h.over {
		return x.Run == "" && (h.token == 0 || x.Token == h.token)
	}
	return x.Run == h.run && (h.token == 0 || x.Token == h.token) && (x.Name.IsKey() || x.Shared == h.shared && x.Tree == h.tree)
}

// downgrade weakens one hold.
func (t *table) downgrade(op *Op) (bool, *table) {
	w := op.Wants[0]
	i := slices.IndexFunc(t.holds, func(h held) bool { return !h.over && h.run == op.Run && h.name == w.Name })
	if op.Outcome == NotHeld {
		return i < 0, t
	}
	if i < 0 {
		return false, t
	}
	n := &table{top: t.top, over: t.over, finished: t.finished, holds: slices.Clone(t.holds)}
	n.holds[i].shared, n.holds[i].tree = w.Shared, w.Tree
	return true, n
}

// breakOne ends one hold, and begins its lock delay.
func (t *table) breakOne(op *Op) (bool, *table) {
	i := slices.IndexFunc(t.holds, func(h held) bool { return !h.over && h.run == op.Run && h.name == op.Wants[0].Name })
	if op.Outcome == NotHeld {
		return i < 0, t
	}
	if i < 0 {
		return false, t
	}
	n := &table{top: t.top, over: t.over, finished: t.finished}
	for j, h := range t.holds {
		if j != i || h.begin() {
			n.holds = append(n.holds, h)
		}
	}
	return true, n
}

// begin ends the hold badly, and says whether a lock delay is left of it.
func (h *held) begin() bool {
	h.over = h.delayed && (!h.shared || h.name.IsKey())
	return h.over
}

// open is the table after the end of a lock delay.
func (t *table) open(x opening) (bool, *table) {
	if t.finished {
		return true, t
	}
	n := &table{top: t.top, over: t.over, finished: t.finished}
	for _, h := range t.holds {
		if h.run != x.run || h.name != x.name || !h.over {
			n.holds = append(n.holds, h)
		}
	}
	return len(n.holds) < len(t.holds), n
}

// end is the table after a session's end.
func (t *table) end(x ending) (bool, *table) {
	if t.finished && !x.certain {
		return true, t
	}
	ended := 0
	n := &table{top: t.top, finished: t.finished, over: slices.Sorted(slices.Values(append(slices.Clone(t.over), x.session)))}
	for _, h := range t.holds {
		if h.session == x.session && !h.over {
			if ended++; x.closed || !h.begin() {
				continue
			}
		}
		n.holds = append(n.holds, h)
	}
	return x.certain || ended > 0, n
}
