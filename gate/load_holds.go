package gate

import (
	"cmp"
	"slices"
)

// heldOrders are lists of holds, one for each order in which they are looked for.
type heldOrders struct {
	covers   [3][2][2][]entry[*hold]
	runs     []entry[*hold]
	delays   []entry[*hold]
	sessions []ownedHold
}

// ownedHold places a hold under its session without a look at the hold.
type ownedHold struct {
	session, token uint64
	hold           *hold
}

// roomFor gives the lists the room that the holds will take: doubling them would
// cost as much memory again.
func (o *heldOrders) roomFor(holds []entry[*hold]) {
	var covers [len(o.covers)][2][2]int
	delays, sessions := 0, 0
	for _, x := range holds {
		h := x.item
		covers[h.kind][h.mode()][h.scope()]++
		switch {
		case h.ofNobody():
			delays++
		case h.session != nil:
			sessions++
		}
	}
	for k := range covers {
		for m := range covers[k] {
			for s, n := range covers[k][m] {
				o.covers[k][m][s] = make([]entry[*hold], 0, n)
			}
		}
	}
	o.delays, o.sessions = make([]entry[*hold], 0, delays), make([]ownedHold, 0, sessions)
}

// sortOut lists the holds, which come under their runs' hashes, and overwrites
// their slice.
func (o *heldOrders) sortOut(holds []entry[*hold]) {
	o.roomFor(holds)
	o.runs = holds[:0]
	for _, x := range holds {
		h := x.item
		list := &o.covers[h.kind][h.mode()][h.scope()]
		*list = append(*list, entry[*hold]{item: h})
		if h.ofNobody() {
			o.delays = append(o.delays, entry[*hold]{h.token, h})
			continue
		}
		o.runs = append(o.runs, x)
		if h.session != nil {
			o.sessions = append(o.sessions, ownedHold{h.session.ID.Number, h.token, h})
		}
	}
}

// bySession returns the holds with a session in the order of that and of tokens,
// which the holds themselves would have to be read for.
func (o *heldOrders) bySession() []entry[*hold] {
	slices.SortFunc(o.sessions, func(a, b ownedHold) int {
		if c := cmp.Compare(a.session, b.session); c != 0 {
			return c
		}
		return cmp.Compare(a.token, b.token)
	})
	list := make([]entry[*hold], len(o.sessions))
	for i, x := range o.sessions {
		list[i] = entry[*hold]{x.session, x.hold}
	}
	return list
}

// loadHolds does for all holds what putHold does for one, while there are no
// requests. It returns false if two of them have one place in an order.
func (s *state) loadHolds(holds []entry[*hold]) bool {
	s.holders = len(holds)
	for _, x := range holds {
		s.hash += hashHold(x.item, x.item.sessionID())
	}
	var orders heldOrders
	orders.sortOut(holds)
	for _, k := range kinds {
		for m := range orders.covers[k] {
			for scope, list := range orders.covers[k][m] {
				if !s.holds[k].trees[m][scope].build(list, func(h *hold) spot { return spot{h.text(), h.id()} }) {
					return false
				}
			}
		}
	}
	s.sessionHolds.fill(orders.bySession())
	s.loadTaken()
	return s.runHolds.load(orders.runs) &&
		s.delays.build(orders.delays, func(*hold) none { return none{} })
}

// loadTaken counts the holds on keys whose limit is above one.
func (s *state) loadTaken() {
	var taken []entry[tally]
	s.holds[Key].trees[Shared][Node].Scan(func(h *hold) bool {
		if last := len(taken) - 1; last >= 0 && taken[last].item.name == h.name() {
			taken[last].item.count++
		} else {
			taken = append(taken, entry[tally]{hashName(h.name()), tally{h.name(), 1}})
		}
		return true
	})
	s.taken.build(taken, func(t tally) Name { return t.name })
}
