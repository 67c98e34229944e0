package history

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// indexOrder checks that an operation which began after another's answer has no
// smaller index, and a change a larger one.
func indexOrder(ops []Op) []Violation {
	var placed []Op
	for _, op := range ops {
		switch op.Outcome {
		case OK, Occupied, NotHeld:
			if op.Index > 0 && op.Kind != Keepalive {
				placed = append(placed, op)
			}
		}
	}
	return contradictions(placed, RealTime, func(earlier, later Op) bool {
		if later.Outcome == OK && later.Kind != Read {
			return earlier.Index < later.Index
		}
		return earlier.Index <= later.Index
	}, func(op Op) uint64 { return op.Index })
}

// contradictions finds operations that began after the answer of another with a
// larger rank, as far as right does not excuse them.
func contradictions(ops []Op, rule Rule, right func(earlier, later Op) bool, rank func(Op) uint64) []Violation {
	byEnd := slices.SortedFunc(slices.Values(ops), func(a, b Op) int { return cmp.Compare(a.End, b.End) })
	byStart := slices.SortedFunc(slices.Values(ops), func(a, b Op) int { return cmp.Compare(a.Start, b.Start) })
	var wrong []Violation
	var highest *Op
	next := 0
	for _, later := range byStart {
		for ; next < len(byEnd) && byEnd[next].End < later.Start; next++ {
			if highest == nil || rank(byEnd[next]) > rank(*highest) {
				highest = &byEnd[next]
			}
		}
		if highest != nil && !right(*highest, later) {
			wrong = append(wrong, Violation{rule, fmt.Sprintf("%d was answered before %d was asked for", rank(*highest), rank(later)), []Op{*highest, later}})
		}
	}
	return wrong
}

// tokenOrder checks that tokens rise with the index and in real time, and that
// none was granted twice.
func tokenOrder(ops []Op) []Violation {
	type issue struct {
		token uint64
		op    Op
	}
	var issued []issue
	var grants []Op
	for _, op := range ops {
		if op.Kind != Acquire || op.Outcome != OK {
			continue
		}
		grants = append(grants, op)
		for _, w := range op.Wants {
			issued = append(issued, issue{w.Token, op})
		}
	}
	slices.SortFunc(issued, func(a, b issue) int { return cmp.Compare(a.token, b.token) })
	var wrong []Violation
	var last Op
	for i, x := range issued {
		if x.token == 0 || i > 0 && x.token == issued[i-1].token {
			wrong = append(wrong, Violation{Tokens, fmt.Sprintf("%d was granted twice", x.token), []Op{issued[max(i-1, 0)].op, x.op}})
		}
		if x.op.Index > 0 && x.op.Index < last.Index {
			wrong = append(wrong, Violation{Tokens, fmt.Sprintf("%d was granted before a smaller one", x.token), []Op{last, x.op}})
		}
		if x.op.Exact {
			last = x.op
		}
	}
	// highest for what comes first, lowest for what comes later.
	return append(wrong, contradictions(grants, Tokens, func(earlier, later Op) bool {
		return highestToken(earlier) < lowestToken(later)
	}, highestToken)...)
}

func highestToken(op Op) (highest uint64) {
	for _, w := range op.Wants {
		highest = max(highest, w.Token)
	}
	return highest
}

func lowestToken(op Op) uint64 {
	lowest := uint64(math.MaxUint64)
	for _, w := range op.Wants {
		lowest = min(lowest, w.Token)
	}
	return lowest
}

// deadGrants finds grants to sessions whose end had been answered, or has a
// smaller index.
func deadGrants(ops []Op) []Violation {
	var wrong []Violation
	sessions := leases(ops)
	for _, op := range ops {
		l := sessions[op.Session]
		if op.Kind != Acquire || op.Outcome != OK || l == nil {
			continue
		}
		if l.goneBy < op.Start {
			wrong = append(wrong, Violation{DeadGrant, op.Session, []Op{op}})
		}
		for _, end := range l.ends {
			if end.Outcome == OK && end.Exact && op.Exact && end.Index < op.Index {
				wrong = append(wrong, Violation{DeadGrant, op.Session, []Op{end, op}})
			}
		}
	}
	return wrong
}

// firstCome checks that nobody who began to ask after a request was seen in the
// queue was granted something in its way before it.
func (r *replay) firstCome() {
	for _, waited := range r.grips {
		if len(waited.grant.Queued) == 0 {
			continue
		}
		for _, passed := range r.grips {
			if passed.want.Token >= waited.want.Token {
				break
			}
			if passed.grant.Start > waited.grant.Queued[0].At && passed.grant.Run != waited.grant.Run && inTheWay(passed.grant, waited.grant) {
				r.violated(Order, fmt.Sprintf("%s passed %s", passed.grant.Run, waited.grant.Run), waited.grant, passed.grant)
			}
		}
	}
}

func inTheWay(a, b Op) bool {
	return slices.ContainsFunc(a.Wants, func(x Want) bool {
		return slices.ContainsFunc(b.Wants, func(y Want) bool { return meet(x, y) })
	})
}
