package gate

import (
	"cmp"
	"container/list"
	"iter"
	"slices"
)

// history is how the last holds of a name ended, the newest first and nil
// behind the oldest: MaxHistory of them, and behind those the newest that is no
// replacement if they all are, for the next holder's Previous. A history is
// changed in place in its own epoch of the tree of histories, like a node.
type history struct {
	epoch   *epoch
	name    Name
	endings [MaxHistory + 1]*Ending
	// hashes are the endings' parts of the state hash: an ending is not looked at
	// again when it is forgotten.
	hashes [MaxHistory + 1]uint64
	// bad says that the last holder ended badly.
	bad bool
	// turn is the name's in the order of forgetting. The Table changes it in
	// place; a View never looks at it.
	turn *list.Element
}

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

// add puts the newest ending, and its hash, before the others. It returns how
// many are forgotten for it, and the sum of their hashes.
func (h *history) add(e *Ending, hash uint64) (forgotten int, sum uint64) {
	oldest, theirs := [2]*Ending(h.endings[MaxHistory-1:]), [2]uint64(h.hashes[MaxHistory-1:])
	copy(h.endings[1:], h.endings[:MaxHistory-1])
	copy(h.hashes[1:], h.hashes[:MaxHistory-1])
	h.endings[0], h.hashes[0] = e, hash
	h.endings[MaxHistory], h.hashes[MaxHistory] = nil, 0
	moved := h.last() == nil
	for i, old := range oldest {
		switch {
		case old == nil:
		case moved && old.End != EndReplaced:
			h.endings[MaxHistory], h.hashes[MaxHistory] = old, theirs[i]
		default:
			forgotten++
			sum += theirs[i]
		}
	}
	h.bad = h.previous() != nil
	return forgotten, sum
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
	if h.bad {
		return t.badTurns
	}
	return t.goodTurns
}

// putEnding adds to a name's history how a hold ended.
func (t *Table) putEnding(e *Ending) {
	name := hashName(e.Name)
	hash := hashEnding(e, name)
	h := t.openHistory(e.Name, name)
	before := t.turnsOf(h)
	forgotten, sum := h.add(e, hash)
	t.hash += hash - sum
	t.endings += 1 - forgotten
	if h.turn != nil && t.turnsOf(h) != before {
		before.Remove(h.turn)
		h.turn = nil
	}
	t.takeTurn(h)
}

// openHistory returns a name's history, a new one if there was none, as one that
// may be changed until the next version is taken.
func (t *Table) openHistory(n Name, hash uint64) *history {
	at := t.histories.change(hash, n)
	if at == nil {
		h := &history{epoch: t.histories.epoch, name: n}
		t.histories.Set(hash, n, h)
		return h
	}
	if h := *at; h.epoch != t.histories.epoch {
		next := *h
		next.epoch = t.histories.epoch
		*at = &next
	}
	return *at
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

// dropHistory forgets a history that has no turn any more.
func (t *Table) dropHistory(h *history) {
	t.histories.Delete(hashName(h.name), h.name)
	for i, e := range h.endings {
		if e != nil {
			t.hash -= h.hashes[i]
			t.endings--
		}
	}
}

func (s *state) historyOf(n Name) *history {
	h, _ := s.histories.Get(hashName(n), n)
	return h
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
		v.state.histories.Scan(func(h *history) bool {
			more = h.all(yield)
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
		h := &history{epoch: t.histories.epoch, name: endings[from].Name}
		n := 0
		for n < len(h.endings) && from+n < len(endings) && endings[from+n].Name == endings[from].Name {
			h.endings[n] = endings[from+n]
			h.hashes[n] = hashEnding(h.endings[n], hashName(h.endings[n].Name))
			t.hash += h.hashes[n]
			n++
		}
		h.bad = h.previous() != nil
		t.histories.Set(hashName(h.name), h.name, h)
		all = append(all, h)
		t.endings += n
		from += n
	}
	slices.SortFunc(all, func(a, b *history) int { return cmp.Compare(a.order(), b.order()) })
	for _, h := range all {
		h.turn = t.turnsOf(h).PushBack(h)
	}
}
