package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// Linearize asks Porcupine, for each partition by itself, whether some order that
// agrees with real time explains all answers. It knows nothing of indices.
//
// A partition that is not decided within timeout is returned as undecided.
func Linearize(ops []Op, timeout time.Duration) (wrong []Violation, undecided []string) {
	parts := make(map[string][]Op)
	for _, op := range ops {
		if p := op.partition(); p != "" {
			parts[p] = append(parts[p], op)
		}
	}
	sessions := leases(ops)
	for _, p := range slices.Sorted(maps.Keys(parts)) {
		switch explain(parts[p], sessions, timeout) {
		case porcupine.Illegal:
			wrong = append(wrong, Violation{NoOrder, p, shortest(parts[p], sessions)})
		case porcupine.Unknown:
			undecided = append(undecided, p)
		}
	}
	return wrong, undecided
}

// explain looks for an order in which nothing was applied of what nobody was told
// of, and only if there is none for any order.
func explain(ops []Op, sessions map[string]*lease, timeout time.Duration) porcupine.CheckResult {
	seen := make(map[string]bool)
	for _, op := range ops {
		for _, h := range op.Holders {
			seen[h.Run] = true
		}
		if op.Kind == Release && op.Outcome == OK {
			seen[op.Run] = true
		}
	}
	told := slices.DeleteFunc(slices.Clone(ops), func(op Op) bool {
		return op.Kind == Acquire && op.Outcome == Unknown && !seen[op.Run]
	})
	result := porcupine.CheckOperationsTimeout(model(), steps(told, sessions), timeout)
	if result == porcupine.Illegal && len(told) < len(ops) {
		return porcupine.CheckOperationsTimeout(model(), steps(ops, sessions), timeout)
	}
	return result
}

// shortest is the end of the shortest beginning of the history that is wrong by
// itself: commands without an answer until then count as such.
func shortest(ops []Op, sessions map[string]*lease) []Op {
	const (
		shown   = 12
		patient = 2 * time.Second
	)
	byEnd := slices.SortedFunc(slices.Values(ops), func(a, b Op) int { return cmp.Compare(a.End, b.End) })
	// Expiries are taken from the whole history: they only allow more.
	low, high := 0, len(byEnd)
	for low < high {
		half := (low + high) / 2
		if explain(cut(byEnd, half), sessions, patient) == porcupine.Illegal {
			high = half
		} else {
			low = half + 1
		}
	}
	low = min(low, len(byEnd))
	return byEnd[max(0, low-shown):low]
}

// cut is the history as it was known after the first n answers.
func cut(byEnd []Op, n int) []Op {
	known := slices.Clone(byEnd)
	for i := n; i < len(known); i++ {
		op := &known[i]
		op.Outcome, op.End = Unknown, Never
		op.Wants = slices.Clone(op.Wants)
		for w := range op.Wants {
			if op.Kind == Acquire {
				op.Wants[w].Token = 0
			}
		}
	}
	return known
}

// ending is the input of the step that ends a session.
type ending struct {
	session string
	// certain says that it had ended when the step returned.
	certain bool
}

// finish is the input of the step after all answers. What may never have been
// applied comes after it, without effect; before it, a step without effect would
// only be one more order to try.
type finish struct{}

// steps are the operations that the model knows, with one for the end of each
// session that can have ended.
func steps(ops []Op, sessions map[string]*lease) []porcupine.Operation {
	var all []porcupine.Operation
	used := make(map[string]bool)
	last := int64(0)
	for i := range ops {
		op := &ops[i]
		if op.Outcome == None || op.Outcome == Gone || op.Kind == Read && op.Outcome != OK {
			continue
		}
		all = append(all, porcupine.Operation{Input: op, Call: op.Start, Return: op.End})
		used[op.Session] = true
		last = max(last, op.Start)
		if op.End != Never {
			last = max(last, op.End)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(used)) {
		l := sessions[id]
		if l == nil {
			continue
		}
		begin := min(l.closing, l.deadline(), l.goneBy)
		all = append(all, porcupine.Operation{Input: ending{id, l.goneBy != Never}, Call: begin, Return: l.goneBy})
		if l.goneBy != Never {
			last = max(last, l.goneBy)
		}
	}
	return append(all, porcupine.Operation{Input: finish{}, Call: last + 1, Return: last + 2})
}

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
		n.holds = append(n.holds, held{w.Name, op.Run, op.Session, w.Shared, w.Tree, w.Token})
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
		mine := h.run == op.Run && slices.ContainsFunc(op.Wants, func(w Want) bool {
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
			return x.Run == h.run && (h.token == 0 || x.Token == h.token)
		}) {
			return false
		}
	}
	return seen == len(op.Holders)
}

// end is the table after a session's end.
func (t *table) end(x ending) (bool, *table) {
	if t.finished && !x.certain {
		return true, t
	}
	n := &table{top: t.top, finished: t.finished, over: slices.Sorted(slices.Values(append(slices.Clone(t.over), x.session)))}
	for _, h := range t.holds {
		if h.session != x.session {
			n.holds = append(n.holds, h)
		}
	}
	return x.certain || len(n.holds) < len(t.holds), n
}
