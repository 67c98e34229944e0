package history

import "slices"

// Apart tells the acquires of a run with Again apart: a hold that some answer
// shows with a smaller token than the last one is of an acquire by a run of its
// own, which was never answered and may have ended at any time. The operations
// that it changes are copies.
func Apart(ops []Op) []Op {
	last := lastTokens(ops)
	if len(last) == 0 {
		return ops
	}
	ops = slices.Clone(ops)
	earlier := make(map[string]Op)
	first := func(p place, token uint64) (string, bool) {
		acquire, again := last[p]
		if !again || token == 0 || token >= acquire.token {
			return "", false
		}
		run := p.run + " before"
		op := acquire.op
		op.Run, op.Outcome, op.End, op.Index, op.Exact, op.Queued = run, Unknown, Never, 0, false, nil
		op.Wants = slices.Clone(op.Wants)
		for i := range op.Wants {
			op.Wants[i].Token = 0
		}
		earlier[run] = op
		return run, true
	}
	for i := range ops {
		op := &ops[i]
		op.Holders = slices.Clone(op.Holders)
		for j, h := range op.Holders {
			if run, yes := first(place{h.Run, h.Name}, h.Token); yes {
				op.Holders[j].Run = run
			}
		}
		if op.Kind == Break {
			if run, yes := first(place{op.Run, op.Wants[0].Name}, op.Wants[0].Token); yes {
				op.Run = run
			}
		}
	}
	for _, op := range earlier {
		ops = append(ops, op)
		op.Kind = Release
		ops = append(ops, op)
	}
	return ops
}

// A lastGrant is the last token that a run with Again is known to have been
// granted for a name.
type lastGrant struct {
	op    Op
	token uint64
}

func lastTokens(ops []Op) map[place]lastGrant {
	last := make(map[place]lastGrant)
	for _, op := range ops {
		if op.Kind == Acquire && op.Again {
			for _, w := range op.Wants {
				last[place{op.Run, w.Name}] = lastGrant{op, w.Token}
			}
		}
	}
	for _, op := range ops {
		for _, h := range op.Holders {
			p := place{h.Run, h.Name}
			if l, again := last[p]; again && l.op.Outcome == Unknown {
				l.token = max(l.token, h.Token)
				last[p] = l
			}
		}
	}
	return last
}
