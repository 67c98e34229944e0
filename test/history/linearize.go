package history

import (
	"cmp"
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
	// certain says that it had ended when the step returned, closed that its end
	// was no expiry.
	certain, closed bool
}

// opening is the input of the step that ends the lock delay of a run's hold.
type opening struct {
	run  string
	name Name
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
	given := givenBack(ops)
	last := int64(0)
	for i := range ops {
		op := &ops[i]
		if op.Outcome == None || op.Outcome == Gone || op.Kind == Read && op.Outcome != OK {
			continue
		}
		all = append(all, porcupine.Operation{Input: op, Call: op.Start, Return: op.End})
		if l := sessions[op.Session]; l != nil && op.Kind == Acquire {
			used[op.Session] = used[op.Session] || l.run == "" || !given[l.run]
		}
		if op.Kind == Acquire && op.Delay > 0 && !given[op.Run] {
			for _, w := range op.Wants {
				if at := opens(op, w.Name, ops, sessions[op.Session]); at != Never {
					all = append(all, porcupine.Operation{Input: opening{op.Run, w.Name}, Call: at, Return: Never})
				}
			}
		}
		last = max(last, op.Start)
		if op.End != Never {
			last = max(last, op.End)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(used)) {
		if !used[id] {
			continue
		}
		l := sessions[id]
		closed := slices.ContainsFunc(l.ends, func(op Op) bool { return op.Outcome == OK })
		begin := min(l.closing, l.deadline(), l.goneBy)
		all = append(all, porcupine.Operation{Input: ending{id, l.goneBy != Never, closed}, Call: begin, Return: l.goneBy})
		if l.goneBy != Never {
			last = max(last, l.goneBy)
		}
	}
	return append(all, porcupine.Operation{Input: finish{}, Call: last + 1, Return: last + 2})
}

// givenBack are the runs whose holds were certainly released.
func givenBack(ops []Op) map[string]bool {
	runs := make(map[string]bool)
	for _, op := range ops {
		if op.Kind == Release && op.Outcome == OK {
			runs[op.Run] = true
		}
	}
	return runs
}

// opens is the earliest end of the lock delay of a name that was acquired.
func opens(acquired *Op, name Name, ops []Op, l *lease) int64 {
	earliest := int64(Never)
	for _, op := range ops {
		if op.Kind == Break && op.Run == acquired.Run && op.Wants[0].Name == name && op.mayHaveChanged() {
			earliest = min(earliest, op.Start+int64(acquired.Delay))
		}
	}
	if l != nil {
		// A close that nobody was told of leaves none.
		earliest = min(earliest, l.closing, l.deadline()+int64(acquired.Delay))
	}
	return earliest
}
