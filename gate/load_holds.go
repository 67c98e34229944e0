package gate

import (
	"cmp"
	"slices"
)

// heldOrders are lists of holds, one for each order in which they are looked for.
type heldOrders struct {
	covers   [3][2][2][]entry[*Hold]
	runs     []entry[*Hold]
	delays   []entry[*Hold]
	sessions []ownedHold
}

// ownedHold places a hold under its session without a look at the hold.
type ownedHold struct {
	session, token uint64
	hold           *Hold
}

// roomFor gives the lists the room that the holds will take: doubling them would
// cost as much memory again.
func (o *heldOrders) roomFor(holds []entry[*Hold]) {
	var covers [len(o.covers)][2][2]int
	delays, sessions := 0, 0
	for _, x := range holds {
		h := x.item
		covers[h.Name.Kind][h.Mode][h.Scope]++
		switch {
		case h.Run == "":
			delays++
		case !h.Session.IsZero():
			sessions++
		}
	}
	for k := range covers {
		for m := range covers[k] {
			for s, n := range covers[k][m] {
				o.covers[k][m][s] = make([]entry[*Hold], 0, n)
			}
		}
	}
	o.delays, o.sessions = make([]entry[*Hold], 0, delays), make([]ownedHold, 0, sessions)
}

// sortOut lists the holds, which come under their runs' hashes, and overwrites
// their slice.
func (o *heldOrders) sortOut(holds []entry[*Hold]) {
	o.roomFor(holds)
	o.runs = holds[:0]
	for _, x := range holds {
		h := x.item
		list := &o.covers[h.Name.Kind][h.Mode][h.Scope]
		*list = append(*list, entry[*Hold]{item: h})
		if h.Run == "" {
			o.delays = append(o.delays, entry[*Hold]{h.Token, h})
			continue
		}
		o.runs = append(o.runs, x)
		if !h.Session.IsZero() {
			o.sessions = append(o.sessions, ownedHold{h.Session.Number, h.Token, h})
		}
	}
}

// bySession returns the holds with a session in the order of that and of tokens,
// which the holds themselves would have to be read for.
func (o *heldOrders) bySession() []entry[*Hold] {
	slices.SortFunc(o.sessions, func(a, b ownedHold) int {
		if c := cmp.Compare(a.session, b.session); c != 0 {
			return c
		}
		return cmp.Compare(a.token, b.token)
	})
	list := make([]entry[*Hold], len(o.sessions))
	for i, x := range o.sessions {
		list[i] = entry[*Hold]{x.session, x.hold}
	}
	return list
}

// loadHolds does for all holds what putHold does for one, while there are no
// requests. It returns false if two of them have one place in an order.
func (s *state) loadHolds(holds []entry[*Hold]) bool {
	s.holders = len(holds)
	for _, x := range holds {
		s.hash += hashHold(x.item)
	}
	var orders heldOrders
	orders.sortOut(holds)
	for _, k := range kinds {
		for m := range orders.covers[k] {
			for scope, list := range orders.covers[k][m] {
				if !s.holds[k].trees[m][scope].build(list, func(h *Hold) spot { return spot{h.text(), h.id()} }) {
					return false
				}
			}
		}
	}
	s.sessionHolds.fill(orders.bySession())
	s.loadTaken()
	return s.runHolds.build(orders.runs, func(h *Hold) runName { return runName{h.Run, h.Name} }) &&
		s.delays.build(orders.delays, func(*Hold) none { return none{} })
}

// loadTaken counts the holds on keys whose limit is above one.
func (s *state) loadTaken() {
	var taken []entry[tally]
	s.holds[Key].trees[Shared][Node].Scan(func(h *Hold) bool {
		if last := len(taken) - 1; last >= 0 && taken[last].item.name == h.Name {
			taken[last].item.count++
		} else {
			taken = append(taken, entry[tally]{hashName(h.Name), tally{h.Name, 1}})
		}
		return true
	})
	s.taken.build(taken, func(t tally) Name { return t.name })
}
