package gate

import (
	"cmp"
	"iter"
	"slices"
)

// ending is an Ending as the table keeps it.
type ending struct {
	hold  *hold
	order uint64
	at    Wall
	// hash is the ending's part of the state hash: an ending is not looked at again
	// when it is forgotten.
	hash uint64
	by   *Breaker
	end  End
}

// full returns the ending as readers see it.
func (e *ending) full() *Ending {
	h := e.hold
	return &Ending{
		Name: h.name(), Run: h.run(), End: e.end, Mode: h.mode(), Scope: h.scope(), Order: e.order, Token: h.token,
		From: h.at, At: e.at, Reason: h.reason(), Client: h.client(), By: e.by,
	}
}

// storedEnding returns the ending that x describes.
func storedEnding(x *Ending) ending {
	h := Hold{
		Name: x.Name, Mode: x.Mode, Scope: x.Scope, Run: x.Run, Token: x.Token, At: x.From, Reason: x.Reason, Client: x.Client,
	}
	return ending{hold: stored(&h, nil), end: x.End, order: x.Order, at: x.At, by: x.By}
}

// history is how the last holds of a name ended. It is changed in place in its own
// epoch of the tree of histories, like a node.
type history struct {
	epoch *epoch
	name  Name
	// recent are the last MaxHistory endings, in pairs: only one of these is changed by
	// an ending. Once there are as many, the oldest is at first, which is zero before,
	// and the others follow around the end.
	recent       [MaxHistory / 2]*[2]ending
	count, first uint8
	// own has a bit for each of the pairs that is in no version.
	own uint8
	// holders counts those of recent that are no replacements. If none is, before is
	// the newest ending that is none, for the next holder's Previous.
	holders uint8
	// bad says that the last holder ended badly.
	bad    bool
	before *ending
	// turn is the name's in the order of forgetting, for the Table alone.
	turn *turn
}

// newest is the i-th newest of the recent endings.
func (h *history) newest(i int) *ending {
	n := int(h.count)
	at := (int(h.first) + n - 1 - i) % n
	return &h.recent[at/2][at%2]
}

// place is where an ending may be written.
func (h *history) place(at uint8) *ending {
	pair, bit := &h.recent[at/2], uint8(1)<<(at/2)
	if h.own&bit == 0 {
		h.own |= bit
		next := new([2]ending)
		if *pair != nil {
			*next = **pair
		}
		*pair = next
	}
	return &(*pair)[at%2]
}

// order is that of the newest ending.
func (h *history) order() uint64 { return h.newest(0).order }

// previous is how the name's last holder ended, if badly, else nil: a run whose
// hold was replaced still held.
func (h *history) previous() *ending {
	if !h.bad {
		return nil
	}
	for i := range int(h.count) {
		if e := h.newest(i); e.end != EndReplaced {
			return e
		}
	}
	return h.before
}

// add puts in the newest ending. It returns how many are forgotten for it, and the
// sum of their hashes.
func (h *history) add(e ending) (forgotten int, sum uint64) {
	var old ending
	if h.count < MaxHistory {
		*h.place(h.count) = e
		h.count++
	} else {
		oldest := h.place(h.first)
		old, *oldest = *oldest, e
		h.first = (h.first + 1) % MaxHistory
	}
	h.name = e.hold.name()
	if e.end != EndReplaced {
		h.holders++
		h.bad = e.end.bad()
		if h.before != nil {
			forgotten, sum = 1, h.before.hash
			h.before = nil
		}
	}
	switch {
	case old.hold == nil:
		return forgotten, sum
	case old.end != EndReplaced:
		if h.holders--; h.holders == 0 {
			kept := old
			h.before = &kept
			return forgotten, sum
		}
	}
	return forgotten + 1, sum + old.hash
}

// all yields the endings, the oldest first.
func (h *history) all(yield func(*ending) bool) bool {
	if h.before != nil && !yield(h.before) {
		return false
	}
	for i := range int(h.count) {
		if !yield(h.newest(int(h.count) - 1 - i)) {
			return false
		}
	}
	return true
}

// putEnding adds to a name's history how a hold ended, and returns the turns in which
// that is forgotten, which may be one too many.
func (t *Table) putEnding(e ending) *turns {
	n := e.hold.name()
	name := hashName(n)
	e.hash = hashEnding(&e, name, t.clientHash(e.hold))
	h := t.openHistory(n, name)
	before := t.turnsOf(h)
	forgotten, sum := h.add(e)
	t.hash += e.hash - sum
	t.endings += 1 - forgotten
	return t.takeTurn(h, before)
}

// openHistory returns a name's history, a new one if there was none, as one that
// may be changed until the next version is taken.
func (t *Table) openHistory(n Name, hash uint64) *history {
	known := &t.recent.histories[hash%recentRecords]
	if h := *known; h != nil && h.epoch == t.histories.epoch && h.name == n {
		return h
	}
	at := t.histories.change(hash, n)
	switch {
	case at == nil:
		*known = &history{epoch: t.histories.epoch, name: n}
		t.histories.Set(hash, n, *known)
	case (*at).epoch == t.histories.epoch:
		*known = *at
	default:
		next := **at
		next.epoch, next.own = t.histories.epoch, 0
		next.turn.history = &next
		*at, *known = &next, &next
	}
	return *known
}

// dropHistory forgets a history that has no turn any more.
func (t *Table) dropHistory(h *history) {
	hash := hashName(h.name)
	t.histories.Delete(hash, h.name)
	t.recent.histories[hash%recentRecords] = nil
	h.all(func(e *ending) bool {
		t.hash -= e.hash
		t.endings--
		return true
	})
}

func (s *state) historyOf(n Name) *history {
	h, _ := s.histories.Get(hashName(n), n)
	return h
}

// previous returns how the last holder of n ended if it ended badly.
func (t *Table) previous(n Name) *Ending {
	if t.badTurns.count == 0 {
		return nil
	}
	if h := t.historyOf(n); h != nil && h.bad {
		return h.previous().full()
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
	for i := range int(h.count) {
		if e := h.newest(i); e.hold.token != 0 {
			list = append(list, e.full())
		}
	}
	return list
}

// AllEndings yields the remembered endings, those of a name in log order.
func (v *View) AllEndings() iter.Seq[*Ending] {
	return func(yield func(*Ending) bool) {
		more := true
		v.state.histories.Scan(func(h *history) bool {
			more = h.all(func(e *ending) bool { return yield(e.full()) })
			return more
		})
	}
}

// loadEndings makes the histories of a Loader's endings. It returns false if there
// are more of them than histories keep. No history is forgotten on the way: before
// its last ending a name may have passed for one that ended well, because what was
// before is not there any more.
func (t *Table) loadEndings(endings []ending) bool {
	slices.SortFunc(endings, func(a, b ending) int { return cmp.Compare(a.order, b.order) })
	for _, e := range endings {
		t.putEnding(e)
	}
	return t.endings == len(endings) && max(t.goodTurns.count, t.badTurns.count) <= MaxHistories
}
