package history

import (
	"fmt"
	"slices"
)

// What a hold becomes before and after its end: weaker by a downgrade, and a hold
// of no run for its lock delay.

// weaker is what a hold was downgraded to.
type weaker struct {
	// kept is what a downgrade asked to keep.
	kept Want
	// weakFrom is the earliest time of the downgrade, weakBy when it certainly had
	// been made, weakIndex its exact index, or zero.
	weakFrom, weakBy int64
	weakIndex        uint64
}

var unweakened = weaker{weakFrom: Never, weakBy: Never}

// weaken takes note of a downgrade, which keeps the token. No hold has two.
func (r *replay) weaken(g *grip, op Op) {
	if op.Outcome == OK && op.Wants[0].Token != g.want.Token {
		r.violated(Tokens, "a downgrade changed it", g.grant, op)
	}
	g.kept, g.weakFrom = op.Wants[0], op.Start
	if op.Outcome == OK {
		g.weakBy = op.End
		if op.Exact {
			g.weakIndex = op.Index
		}
	}
}

// mayBeWeak says whether the downgrade may have been made before index and the
// time t.
func (g *grip) mayBeWeak(index uint64, t int64) bool {
	if g.weakIndex != 0 {
		return index == 0 || g.weakIndex <= index
	}
	return g.weakFrom <= t
}

// wantAt is the least that the hold may have covered at index and the time t.
func (g *grip) wantAt(index uint64, t int64) Want {
	if g.mayBeWeak(index, t) {
		return g.kept
	}
	return g.want
}

// mode holds the mode and scope that a read shows against the hold's.
func (r *replay) mode(h Holder, g *grip, op Op) {
	if h.Name.IsKey() {
		return
	}
	strong := h.Shared == g.want.Shared && h.Tree == g.want.Tree
	weak := h.Shared == g.kept.Shared && h.Tree == g.kept.Tree
	switch {
	case strong && g.weakBy < op.Start:
		r.violated(StaleRead, h.Run+" is shown as before its downgrade", g.grant, op)
	case !strong && !(weak && g.mayBeWeak(op.Index, op.End)):
		r.violated(Phantom, h.Run+" is shown with another mode", g.grant, op)
	}
}

// hinders says whether the hold can have been in the way of a refused acquire.
func (g *grip) hinders(op Op) bool {
	held := g.want
	if g.weakBy < op.Start {
		held = g.kept
	}
	return held.Name == "" || slices.ContainsFunc(op.Wants, func(w Want) bool { return meet(held, w) })
}

// delay is how long what the hold covered stays closed after a bad end. What may
// have been downgraded has none that is certain.
func (g *grip) delay() int64 {
	if g.weakFrom != Never || g.want.Shared && !g.want.Name.IsKey() {
		return 0
	}
	return int64(g.grant.Delay)
}

// freeAfter is when the end that op asked for frees what was held, at the
// earliest.
func (g *grip) freeAfter(op Op) int64 {
	if op.Kind == Break {
		return op.Start + g.delay()
	}
	return op.Start
}

// closed holds a hold of no run that an answer shows against the hold that it was.
func (r *replay) closed(h Holder, op Op) {
	i := slices.IndexFunc(r.grips, func(g *grip) bool { return g.want.Token == h.Token })
	if i < 0 {
		unanswered := func(op Op) bool { return op.Kind == Acquire && op.Outcome == Unknown && op.Delay > 0 }
		if !slices.ContainsFunc(r.ops, unanswered) {
			r.violated(Phantom, fmt.Sprintf("a lock delay of token %d", h.Token), op)
		}
		return
	}
	switch g := r.grips[i]; {
	case g.grant.Delay == 0:
		r.violated(Phantom, "a lock delay that its session does not have", g.grant, op)
	case g.certain && !g.broken:
		r.violated(Phantom, "a lock delay of what was given back", g.grant, op)
	case !g.mayBeOver(op.Index, op.End):
		r.violated(LostHold, "its lock delay has begun", g.grant, op)
	}
}

// delays checks that between the first sure sign of a hold with a lock delay and
// the earliest end of that delay, nobody else gets what it covers, and reads show
// that it is closed.
func (r *replay) delays() {
	for _, g := range r.grips {
		if g.delay() == 0 || g.grant.Outcome != OK {
			continue
		}
		for _, o := range r.grips {
			if o.want.Token > g.want.Token && o.grant.End < g.free && o.grant.Run != g.grant.Run && meet(o.want, g.want) && r.crowds(o) {
				r.violated(Delay, fmt.Sprintf("%v after %v", o.want, g.want), g.grant, o.grant)
			}
		}
		for _, op := range r.ops {
			if op.Kind == Read && op.Outcome == OK && op.Wants[0].Name == g.want.Name && g.grant.End < op.Start && op.End < g.free &&
				!slices.ContainsFunc(op.Holders, func(h Holder) bool { return h.Token == g.want.Token }) {
				r.violated(Delay, "it is not shown", g.grant, op)
			}
		}
	}
}

// crowds says whether the grant was one too many for its name: always, unless the
// name has several slots.
func (r *replay) crowds(o *grip) bool {
	if !o.want.Name.IsKey() || o.grant.Limit <= 1 {
		return true
	}
	taken := 0
	for _, g := range r.grips {
		if g.want.Token < o.want.Token && g.grant.Outcome == OK && g.free > o.grant.End {
			taken++
		}
	}
	return taken >= o.grant.Limit
}
