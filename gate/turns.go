package gate

// turns is an order in which histories are forgotten. A history that goes to its
// end leaves its old place behind, so that this is written from end to end and
// nothing else is touched. Readers have no use for it: there are no versions of it.
type turns struct {
	// places are in order; those before next are gone through.
	places []place
	next   int
	// count is how many histories have their turn here.
	count int
}

// turn is the last place that a history took.
type turn struct {
	order uint64
	// history is the present version.
	history *history
}

// place is one in an order of forgetting: nobody's unless the turn's order is the
// place's, as orders of endings differ.
type place struct {
	order uint64
	turn  *turn
}

func (p place) taken() bool { return p.turn.order == p.order }

// add puts a history at the end.
func (x *turns) add(t *turn) {
	if len(x.places) == cap(x.places) {
		x.tidy()
	}
	x.places = append(x.places, place{t.order, t})
}

// tidy gives up the places that nobody has, and makes room for as many as are left.
func (x *turns) tidy() {
	taken := x.places[:0]
	if 2*x.count > cap(x.places) {
		taken = make([]place, 0, 2*x.count+16)
	}
	for _, p := range x.places[x.next:] {
		if p.taken() {
			taken = append(taken, p)
		}
	}
	x.places, x.next = taken, 0
}

// first takes the first history out.
func (x *turns) first() *history {
	for !x.places[x.next].taken() {
		x.next++
	}
	t := x.places[x.next].turn
	x.next++
	x.count--
	h := t.history
	t.history = nil // places that nobody has keep nothing alive
	return h
}

// each calls yield for the histories in their order.
func (x *turns) each(yield func(*history)) {
	for _, p := range x.places[x.next:] {
		if p.taken() {
			yield(p.turn.history)
		}
	}
}

// turnsOf are the turns in which a history is forgotten. Those of names that
// ended badly have turns of their own, so that however many others end, the
// next holder is told.
func (t *Table) turnsOf(h *history) *turns {
	if h.bad {
		return &t.badTurns
	}
	return &t.goodTurns
}

// takeTurn puts a history, which had its turn in before, at the end of its order,
// which it returns.
func (t *Table) takeTurn(h *history, before *turns) *turns {
	turns := t.turnsOf(h)
	if h.turn == nil {
		h.turn = &turn{history: h}
	} else {
		before.count--
	}
	h.turn.order = h.order()
	turns.count++
	turns.add(h.turn)
	return turns
}
