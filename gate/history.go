package gate

import (
	"cmp"
	"iter"
	"slices"

	"github.com/tidwall/btree"
)

// history is how the last holds of a name ended, the newest first and nil
// behind the oldest: MaxHistory of them, and behind those the newest that is no
// replacement if they all are, for the next holder's Previous. Histories are
// immutable once the command that made them is done.
type history struct{ endings [MaxHistory + 1]*Ending }

// ended lists a history under its name. The name's hash comes first, so that a
// search looks at few strings.
type ended struct {
	hash uint64
	of   *history
}

// turn lists a name's hash under the order of its newest ending. Without a
// pointer in it, moving a name to the end costs least.
type turn struct{ order, hash uint64 }

func newHistories() *btree.BTreeG[ended] {
	return newTree(func(a, b ended) bool {
		if a.hash != b.hash {
			return a.hash < b.hash
		}
		return nameLess(a.of.name(), b.of.name())
	})
}

func newTurns() *btree.BTreeG[turn] {
	return newTree(func(a, b turn) bool { return a.order < b.order })
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
func (s *state) turnsOf(h *history) *btree.BTreeG[turn] {
	if h.previous() != nil {
		return s.badTurns
	}
	return s.goodTurns
}

// putEnding remembers how a hold ended, and forgets the history whose turn it
// is past MaxHistories.
func (s *state) putEnding(e *Ending) {
	x := ended{hashName(e.Name), &history{[MaxHistory + 1]*Ending{e}}}
	s.hash += hashEnding(e)
	s.endings++
	if older, known := s.histories.Set(x); known {
		s.turnsOf(older.of).Delete(turn{order: older.of.order()})
		x.of.follow(older.of)
		for _, gone := range older.of.endings[MaxHistory-1:] {
			if gone != nil && gone != x.of.endings[MaxHistory] {
				s.dropEnding(gone)
			}
		}
	}
	turns := s.turnsOf(x.of)
	turns.Load(turn{e.Order, x.hash})
	if turns.Len() > MaxHistories {
		oldest, _ := turns.PopMin()
		s.dropHistory(oldest)
	}
}

func (s *state) dropEnding(e *Ending) {
	s.hash -= hashEnding(e)
	s.endings--
}

// dropHistory forgets the history whose turn was x.
func (s *state) dropHistory(x turn) {
	var found ended
	s.histories.Ascend(ended{x.hash, &noHistory}, func(y ended) bool {
		found = y
		return y.of.order() != x.order
	})
	s.histories.Delete(found)
	found.of.all(func(e *Ending) bool {
		s.dropEnding(e)
		return true
	})
}

// noHistory sorts before every history of the same hash; it is never changed.
var noHistory = history{[MaxHistory + 1]*Ending{{}}}

func (s *state) historyOf(n Name) *history {
	x, _ := s.histories.Get(ended{hashName(n), &history{[MaxHistory + 1]*Ending{{Name: n}}}})
	return x.of
}

// previous returns how the last holder of n ended if it ended badly.
func (s *state) previous(n Name) *Ending {
	if s.badTurns.Len() == 0 {
		return nil
	}
	if h := s.historyOf(n); h != nil {
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
func (s *state) loadEndings(list []*Ending) {
	slices.SortFunc(list, func(a, b *Ending) int {
		return cmp.Or(cmp.Compare(a.Name.Kind, b.Name.Kind), cmp.Compare(a.Name.Text, b.Name.Text), cmp.Compare(b.Order, a.Order))
	})
	for from := 0; from < len(list); {
		x := ended{hashName(list[from].Name), new(history)}
		n := 0
		for n < len(x.of.endings) && from+n < len(list) && list[from+n].Name == list[from].Name {
			x.of.endings[n] = list[from+n]
			s.hash += hashEnding(x.of.endings[n])
			n++
		}
		s.histories.Set(x)
		s.turnsOf(x.of).Set(turn{x.of.order(), x.hash})
		s.endings += n
		from += n
	}
}
