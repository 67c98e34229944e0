package gate

import (
	"cmp"
	"container/list"
	"iter"
	"slices"
)

// history is how the last holds of a name ended, the newest first and nil
// behind the oldest: MaxHistory of them, and behind those the newest that is no
// replacement if they all are, for the next holder's Previous. Histories are
// immutable once the command that made them is done.
type history struct {
	endings [MaxHistory + 1]*Ending
	// turn is the name's in the order of forgetting. The Table changes it in
	// place; a View never looks at it.
	turn *list.Element
}

// ended lists a history under its name. The name's hash comes first, so that a
// search looks at few strings.
type ended struct {
	hash uint64
	of   *history
}

func newHistories() *tree[ended] {
	return newTree(func(a, b ended) bool {
		if a.hash != b.hash {
			return a.hash < b.hash
		}
		return nameLess(a.of.name(), b.of.name())
	})
}

// name is what a history is of: one has an ending at least.
func (h *history) name() Name { return h.endings[0].Name }

// order is that of the newest ending.
func (h *history) order() uint64 { return h.endings[0].Order }

// last is how the name's last holder ended, or nil if none has: a run whose
// hold was replaced still held.
func (h *history) last() *Ending {
	for _, e := range h.endings {
		if e == nil || e.End != EndReplaced {
			return e
		}
	}
	return nil
}

// previous is the last ending if it was a bad one, else nil.
func (h *history) previous() *Ending {
	if e := h.last(); e != nil && e.End.bad() {
		return e
	}
	return nil
}

// follow puts what is still remembered of old behind the newest ending.
func (h *history) follow(old *history) {
	copy(h.endings[1:MaxHistory], old.endings[:])
	if h.last() == nil {
		for _, e := range old.endings[MaxHistory-1:] {
			if e != nil && e.End != EndReplaced {
				h.endings[MaxHistory] = e
			}
		}
	}
}

// all yields the endings, the oldest first.
func (h *history) all(yield func(*Ending) bool) bool {
	for _, e := range slices.Backward(h.endings[:]) {
		if e != nil && !yield(e) {
			return false
		}
	}
	return true
}

// turnsOf are the turns in which a history is forgotten. Those of names that
// ended badly have turns of their own, so that however many others end, the
// next holder is told.
func (t *Table) turnsOf(h *history) *list.List {
	if h.previous() != nil {
		return t.badTurns
	}
	return t.goodTurns
}

// putEnding adds to a name's history how a hold ended.
func (t *Table) putEnding(e *Ending) {
	h := &history{endings: [MaxHistory + 1]*Ending{e}}
	t.hash += hashEnding(e)
	t.endings++
	if x, known := t.histories.Set(ended{hashName(e.Name), h}); known {
		h.follow(x.of)
		for _, gone := range x.of.endings[MaxHistory-1:] {
			if gone != nil && gone != h.endings[MaxHistory] {
				t.dropEnding(gone)
			}
		}
		h.turn = x.of.turn
		if before := t.turnsOf(x.of); before != t.turnsOf(h) {
			before.Remove(h.turn)
			h.turn = nil
		}
	}
	t.takeTurn(h)
}

// takeTurn puts a history at the end of its order, and forgets the first one
// past MaxHistories.
func (t *Table) takeTurn(h *history) {
	turns := t.turnsOf(h)
	if h.turn == nil {
		h.turn = turns.PushBack(h)
	} else {
		h.turn.Value = h
		turns.MoveToBack(h.turn)
	}
	if turns.Len() > MaxHistories {
		t.dropHistory(turns.Remove(turns.Front()).(*history))
	}
}

func (s *state) dropEnding(e *Ending) {
	s.hash -= hashEnding(e)
	s.endings--
}

// dropHistory forgets a history that has no turn any more.
func (t *Table) dropHistory(h *history) {
	t.histories.Delete(ended{hashName(h.name()), h})
	h.all(func(e *Ending) bool {
		t.dropEnding(e)
		return true
	})
}

func (s *state) historyOf(n Name) *history {
	x, _ := s.histories.Get(ended{hashName(n), &history{endings: [MaxHistory + 1]*Ending{{Name: n}}}})
	return x.of
}

// previous returns how the last holder of n ended if it ended badly.
func (t *Table) previous(n Name) *Ending {
	if t.badTurns.Len() == 0 {
		return nil
	}
	if h := t.historyOf(n); h != nil {
		return h.previous()
	}
	return nil
}

// History returns how the last holds on n ended, the newest first, at most
// MaxHistory. It leaves out what was remembered before there were histories,
// which is known without a token and serves Previous only.
func (v *View) History(n Name) []*Ending {
	h := v.state.historyOf(n)
	if h == nil {
		return nil
	}
	var list []*Ending
	for _, e := range h.endings[:MaxHistory] {
		if e != nil && e.Token != 0 {
			list = append(list, e)
		}
	}
	return list
}

// AllEndings yields the remembered endings, those of a name in log order.
func (v *View) AllEndings() iter.Seq[*Ending] {
	return func(yield func(*Ending) bool) {
		more := true
		v.state.histories.Scan(func(x ended) bool {
			more = x.of.all(yield)
			return more
		})
	}
}

// loadEndings makes the histories of a Loader's endings.
func (t *Table) loadEndings(endings []*Ending) {
	slices.SortFunc(endings, func(a, b *Ending) int {
		return cmp.Or(cmp.Compare(a.Name.Kind, b.Name.Kind), cmp.Compare(a.Name.Text, b.Name.Text), cmp.Compare(b.Order, a.Order))
	})
	var all []*history
	for from := 0; from < len(endings); {
		h := new(history)
		n := 0
		for n < len(h.endings) && from+n < len(endings) && endings[from+n].Name == endings[from].Name {
			h.endings[n] = endings[from+n]
			t.hash += hashEnding(h.endings[n])
			n++
		}
		t.histories.Set(ended{hashName(h.name()), h})
		all = append(all, h)
		t.endings += n
		from += n
	}
	slices.SortFunc(all, func(a, b *history) int { return cmp.Compare(a.order(), b.order()) })
	for _, h := range all {
		h.turn = t.turnsOf(h).PushBack(h)
	}
}
