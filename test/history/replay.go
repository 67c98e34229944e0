package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Replay holds the history against a sequential lock table, in the order of the
// log: by the answers' indices where they are exact, and by tokens, of which every
// grant has a larger one than all before it.
//
// A hold whose end nobody was told of may end when its end was first asked for,
// or when its session may first expire.
func Replay(ops []Op) []Violation {
	wrong := slices.Concat(indexOrder(ops), tokenOrder(ops), deadGrants(ops))
	parts := make(map[string][]Op)
	for _, op := range ops {
		if p := op.partition(); p != "" {
			parts[p] = append(parts[p], op)
		}
	}
	sessions := leases(ops)
	for _, p := range slices.Sorted(maps.Keys(parts)) {
		r := newReplay(parts[p], sessions)
		r.run()
		r.firstCome()
		r.delays()
		wrong = append(wrong, r.wrong...)
	}
	return wrong
}

// A grip is one hold, from its grant to its end.
type grip struct {
	want  Want
	grant Op
	// endIndex is the exact index of its end; zero if that is not known.
	endIndex uint64
	// from is the earliest time at which it may have ended, by the time at which
	// it certainly had.
	from, by int64
	// certain says that from is when a release or a break was sent that found the
	// hold; broken, that it was a break.
	certain, broken bool
	// free is the earliest time at which others could have what it held: from, or
	// the end of its lock delay.
	free int64
	weaker
}

// mayBeOver says whether the hold may have ended before index and the time t.
func (g *grip) mayBeOver(index uint64, t int64) bool {
	if g.endIndex != 0 {
		return index == 0 || g.endIndex <= index
	}
	return g.from <= t
}

// place is a run's claim to one name.
type place struct {
	run  string
	name Name
}

type replay struct {
	ops   []Op
	grips []*grip // by token
	by    map[place]*grip
	next  int // the first grip that was not granted yet
	state map[*grip]bool
	wrong []Violation
}

func (r *replay) violated(rule Rule, text string, ops ...Op) {
	r.wrong = append(r.wrong, Violation{rule, text, ops})
}

func newReplay(ops []Op, sessions map[string]*lease) *replay {
	r := &replay{ops: ops, by: make(map[place]*grip), state: make(map[*grip]bool)}
	learned := revealed(ops)
	for _, op := range ops {
		if op.Kind != Acquire || !op.mayHaveChanged() {
			continue
		}
		for _, w := range op.Wants {
			p := place{op.Run, w.Name}
			if w.Token == 0 {
				w.Token = learned[p]
			}
			if w.Token == 0 {
				continue // never granted, as far as anybody was told
			}
			if r.by[p] != nil {
				r.violated(BadRecord, "a run with two acquires of one name", r.by[p].grant, op)
			}
			g := &grip{want: w, grant: op, from: Never, by: Never, free: Never, weaker: unweakened}
			r.by[p] = g
			r.grips = append(r.grips, g)
		}
	}
	slices.SortFunc(r.grips, func(a, b *grip) int { return cmp.Compare(a.want.Token, b.want.Token) })
	r.settleEnds(sessions)
	return r
}

// revealed are the tokens that others saw: in reads and at keys, where a hold is
// shown at its own name.
func revealed(ops []Op) map[place]uint64 {
	tokens := make(map[place]uint64)
	for _, op := range ops {
		if op.Kind != Read && !op.Wants[0].Name.IsKey() {
			continue
		}
		for _, h := range op.Holders {
			tokens[place{h.Run, h.Name}] = h.Token
		}
	}
	return tokens
}

func (r *replay) settleEnds(sessions map[string]*lease) {
	for _, op := range r.ops {
		if op.Kind == Downgrade && op.mayHaveChanged() {
			if g := r.by[place{op.Run, op.Wants[0].Name}]; g != nil {
				r.weaken(g, op)
			}
		}
	}
	for _, op := range r.ops {
		if op.Kind != Release && op.Kind != Break || !op.mayHaveChanged() {
			continue
		}
		for _, w := range op.Wants {
			switch g := r.by[place{op.Run, w.Name}]; {
			case g == nil:
			case g.certain && op.Outcome == OK:
				r.violated(Twice, g.grant.Run, g.grant, op)
			default:
				g.endBy(op)
			}
		}
	}
	for _, g := range r.grips {
		if l := sessions[g.grant.Session]; l != nil && !g.certain {
			g.endWith(l)
		}
	}
}

// endBy takes note of a release or a break.
func (g *grip) endBy(op Op) {
	switch {
	case op.Outcome == OK:
		g.certain, g.broken = true, op.Kind == Break
		g.from, g.by, g.free = op.Start, op.End, g.freeAfter(op)
		if op.Exact {
			g.endIndex = op.Index
		}
	case !g.certain:
		g.from = min(g.from, op.Start)
		g.free = min(g.free, g.freeAfter(op))
	}
}

// endWith takes note of how the hold's session ended.
func (g *grip) endWith(l *lease) {
	if len(l.ends) == 1 && l.ends[0].Outcome == OK && l.ends[0].Exact && g.from == Never && l.deadline() > l.ends[0].End {
		g.endIndex = l.ends[0].Index
	}
	g.from = min(g.from, l.closing, l.deadline())
	g.by = min(g.by, l.goneBy)
	g.free = min(g.free, l.closing, l.deadline()+g.delay())
}

// run goes through the partition index by index: at each the changes, then the
// answers that only looked.
func (r *replay) run() {
	for _, i := range r.indices() {
		upTo := uint64(0)
		for _, g := range r.grips {
			if g.grant.Exact && g.grant.Outcome == OK && g.grant.Index <= i || g.endIndex != 0 && g.endIndex <= i {
				upTo = max(upTo, g.want.Token)
			}
		}
		r.grantUpTo(upTo, i)
		for g := range r.state {
			if g.endIndex == i {
				delete(r.state, g)
			}
		}
		for _, op := range r.ops {
			if op.Index != i {
				continue
			}
			switch {
			case op.Kind == Read && op.Outcome == OK:
				r.look(op)
			case op.Outcome == Occupied:
				r.refused(op)
			case op.Outcome == NotHeld:
				r.notHeld(op)
			}
		}
	}
	r.grantUpTo(Never, 0)
}

// indices are all at which something was answered, in order.
func (r *replay) indices() []uint64 {
	set := make(map[uint64]bool)
	for _, op := range r.ops {
		if op.Index > 0 {
			set[op.Index] = true
		}
	}
	for _, g := range r.grips {
		if g.endIndex > 0 {
			set[g.endIndex] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// grantUpTo makes the grants up to that token, not later than at index.
func (r *replay) grantUpTo(token, index uint64) {
	for ; r.next < len(r.grips) && r.grips[r.next].want.Token <= token; r.next++ {
		g := r.grips[r.next]
		at := index
		if g.grant.Exact && g.grant.Outcome == OK {
			at = g.grant.Index
		}
		r.grantOne(g, at)
	}
}

func (r *replay) grantOne(g *grip, at uint64) {
	sharers := 0
	for h := range r.state {
		if h.grant.Run == g.grant.Run || !meet(h.wantAt(at, g.grant.End), g.want) {
			continue
		}
		over := h.mayBeOver(at, g.grant.End)
		switch {
		case g.want.Name.IsKey() && g.grant.Limit > 1:
			if !over {
				sharers++
			}
		case over:
			delete(r.state, h)
		default:
			r.violated(Exclusion, fmt.Sprintf("%v and %v", h.want, g.want), h.grant, g.grant)
		}
	}
	if sharers > 0 && sharers >= g.grant.Limit {
		r.violated(Exclusion, fmt.Sprintf("%d others hold %s", sharers, g.want.Name), g.grant)
	}
	r.state[g] = true
}

// meet says whether two runs cannot both have what they want; for a key with
// several slots, whether they want the same.
func meet(a, b Want) bool {
	if a.Shared && b.Shared {
		return false
	}
	return a.Name == b.Name || a.Tree && below(b.Name, a.Name) || b.Tree && below(a.Name, b.Name)
}

func below(inner, outer Name) bool { return strings.HasPrefix(string(inner), string(outer)+"/") }

// look holds a read against the table.
func (r *replay) look(op Op) {
	name := op.Wants[0].Name
	for _, g := range r.grips {
		// Grants without an exact index are made as late as anybody can tell.
		if g.grant.End < op.Start || shows(op, g) {
			if g.grant.Exact && g.grant.Outcome == OK && g.grant.Index > op.Index {
				break // indexOrder tells
			}
			r.grantUpTo(g.want.Token, op.Index)
		}
	}
	for _, h := range op.Holders {
		switch g := r.by[place{h.Run, h.Name}]; {
		case h.Run == "":
			r.closed(h, op)
		case g == nil:
			r.violated(Phantom, h.Run, op)
		case g.want.Token != h.Token:
			r.violated(Tokens, fmt.Sprintf("%d is shown for %d", h.Token, g.want.Token), g.grant, op)
		case g.grant.Exact && g.grant.Outcome == OK && g.grant.Index > op.Index || g.grant.Start > op.End:
			r.violated(Phantom, h.Run+" was granted it later", g.grant, op)
		case !r.state[g] || g.by < op.Start:
			r.violated(StaleRead, h.Run, g.grant, op)
		default:
			r.mode(h, g, op)
		}
	}
	for g := range r.state {
		if g.want.Name != name || shows(op, g) {
			continue
		}
		if !g.mayBeOver(op.Index, op.End) {
			r.violated(LostHold, g.grant.Run+" is not shown", g.grant, op)
		}
		delete(r.state, g)
	}
}

func shows(op Op, g *grip) bool {
	return slices.ContainsFunc(op.Holders, func(h Holder) bool { return h.Run == g.grant.Run && h.Name == g.want.Name })
}

// refused holds a refusal against those whom it names.
func (r *replay) refused(op Op) {
	if op.partition() != "" && op.Wants[0].Name.IsKey() && len(op.Holders) < max(op.Limit, 1) {
		r.violated(Phantom, fmt.Sprintf("refused by %d holders", len(op.Holders)), op)
	}
	for _, h := range op.Holders {
		switch g := r.heldBy(h); {
		case h.Run == "":
			r.closed(h, op)
		case g == nil:
			r.violated(Phantom, fmt.Sprintf("%s with token %d", h.Run, h.Token), op)
		case g.grant.Exact && g.grant.Outcome == OK && g.grant.Index > op.Index || g.grant.Start > op.End:
			r.violated(Phantom, h.Run+" was granted it later", g.grant, op)
		case g.endIndex != 0 && g.endIndex < op.Index && op.Exact, g.by < op.Start:
			r.violated(StaleRead, h.Run+" is named as holder", g.grant, op)
		case !g.hinders(op):
			r.violated(Phantom, h.Run+" is named, and not in the way", g.grant, op)
		}
	}
}

// heldBy finds the hold that a refusal names. It may be on another name than the
// refused one, above or below it. A hold whose acquire was never answered has the
// token that is shown.
func (r *replay) heldBy(h Holder) *grip {
	for _, g := range r.grips {
		if g.grant.Run == h.Run && g.want.Token == h.Token {
			return g
		}
	}
	for i := range r.ops {
		if op := &r.ops[i]; op.Kind == Acquire && op.Run == h.Run && op.Outcome == Unknown {
			return &grip{want: Want{Token: h.Token}, grant: *op, from: op.Start, by: Never, free: op.Start, weaker: unweakened}
		}
	}
	return nil
}

// notHeld holds a command that found something missing against the holds, if
// there surely were all of them.
func (r *replay) notHeld(op Op) {
	var last *grip
	for _, w := range op.Wants {
		last = r.by[place{op.Run, w.Name}]
		if last == nil || last.grant.End >= op.Start || last.mayBeOver(op.Index, op.End) {
			return
		}
	}
	r.violated(LostHold, "it was not found", last.grant, op)
}
