package gate

import "cmp"

// slot places an item at a text.
type slot[T ordered] struct {
	text string
	item T
}

// ordered is what a cover is of. Items at one text are in the order of their
// ids: tokens for holds, numbers for requests. No item comes before all.
type ordered interface{ id() uint64 }

func (h *Hold) id() uint64 {
	if h == nil {
		return 0
	}
	return h.Token
}

func (r *Request) id() uint64 {
	if r == nil {
		return 0
	}
	return r.Number
}

func slotLess[T ordered](a, b slot[T]) bool {
	if c := cmp.Compare(a.text, b.text); c != 0 {
		return c < 0
	}
	return a.item.id() < b.item.id()
}

// cover holds items by what they cover, in one ordered tree for each mode and
// scope, so that a search meets only items that conflict: the cost of finding
// conflicts grows with a reference's depth and with their number, not with
// the table.
type cover[T ordered] struct {
	trees [2][2]*tree[slot[T]]
	// none is what versions have for trees that are empty.
	none *tree[slot[T]]
}

func newCover[T ordered]() cover[T] {
	c := cover[T]{none: newTree(slotLess[T])}
	for m := range c.trees {
		for s := range c.trees[m] {
			c.trees[m][s] = newTree(slotLess[T])
		}
	}
	return c
}

// copy returns the present version, to be read only.
func (c cover[T]) copy() cover[T] {
	for m := range c.trees {
		for s := range c.trees[m] {
			c.trees[m][s] = version(c.trees[m][s], c.none)
		}
	}
	return c
}

func (c cover[T]) add(w Want, item T) {
	c.trees[w.Mode][w.Scope].Set(slot[T]{w.Name.Text, item})
}

func (c cover[T]) remove(w Want, item T) {
	c.trees[w.Mode][w.Scope].Delete(slot[T]{w.Name.Text, item})
}

// at calls yield for the items at text, tree by tree, until it returns false.
func (c cover[T]) at(text string, yield func(slot[T]) bool) bool {
	for m := range c.trees {
		for s := range c.trees[m] {
			if !scanAt(c.trees[m][s], text, yield) {
				return false
			}
		}
	}
	return true
}

// any returns one of the items at text.
func (c cover[T]) any(text string) (item T, found bool) {
	c.at(text, func(s slot[T]) bool {
		item, found = s.item, true
		return false
	})
	return item, found
}

// conflicting calls yield for the items whose cover meets w's and of which at
// least one of the two is exclusive, until it returns false.
func (c cover[T]) conflicting(w Want, yield func(slot[T]) bool) bool {
	return c.meetingHere(w, yield) && c.meetingAbove(w, yield) && c.meetingBelow(w, yield)
}

// rivals are the modes that conflict with m.
func rivals(m Mode) []Mode {
	if m == Shared {
		return sharedRivals[:]
	}
	return exclusiveRivals[:]
}

var (
	sharedRivals    = [...]Mode{Exclusive}
	exclusiveRivals = [...]Mode{Exclusive, Shared}
)

func (c cover[T]) meetingHere(w Want, yield func(slot[T]) bool) bool {
	for _, m := range rivals(w.Mode) {
		for s := range c.trees[m] {
			if !scanAt(c.trees[m][s], w.Name.Text, yield) {
				return false
			}
		}
	}
	return true
}

func (c cover[T]) meetingAbove(w Want, yield func(slot[T]) bool) bool {
	for _, m := range rivals(w.Mode) {
		tree := c.trees[m][Tree]
		if tree.Len() == 0 {
			continue
		}
		for text, ok := parent(w.Name.Text); ok; text, ok = parent(text) {
			if !scanAt(tree, text, yield) {
				return false
			}
		}
	}
	return true
}

func (c cover[T]) meetingBelow(w Want, yield func(slot[T]) bool) bool {
	if w.Scope != Tree {
		return true
	}
	from, to := below(w.Name.Text)
	for _, m := range rivals(w.Mode) {
		for s := range c.trees[m] {
			if !scanRange(c.trees[m][s], from, to, yield) {
				return false
			}
		}
	}
	return true
}

// next returns the first text at or after from that has an item.
func (c cover[T]) next(from string) (text string, found bool) {
	for m := range c.trees {
		for s := range c.trees[m] {
			c.trees[m][s].Ascend(slot[T]{text: from}, func(x slot[T]) bool {
				if !found || x.text < text {
					text, found = x.text, true
				}
				return false
			})
		}
	}
	return text, found
}

func scanAt[T ordered](tree *tree[slot[T]], text string, yield func(slot[T]) bool) bool {
	if tree.Len() == 0 {
		return true
	}
	more := true
	tree.Ascend(slot[T]{text: text}, func(s slot[T]) bool {
		if s.text != text {
			return false
		}
		more = yield(s)
		return more
	})
	return more
}

func scanRange[T ordered](tree *tree[slot[T]], from, to string, yield func(slot[T]) bool) bool {
	if tree.Len() == 0 {
		return true
	}
	more := true
	tree.Ascend(slot[T]{text: from}, func(s slot[T]) bool {
		if s.text >= to {
			return false
		}
		more = yield(s)
		return more
	})
	return more
}

// version returns a version of tree to be read only: none, which is empty, if
// the tree is.
func version[T any](tree, none *tree[T]) *tree[T] {
	if tree.Len() == 0 {
		return none
	}
	return tree.Copy()
}
