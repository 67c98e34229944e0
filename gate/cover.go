package gate

import (
	"cmp"
	"strings"
)

// covering is what a cover has items of.
type covering interface {
	// text is where an item lies, and id its place among those at one text.
	text() string
	id() uint64
}

// slot places a request at one of the texts that it wants.
type slot struct {
	at   string
	item *Request
}

func (s slot) text() string { return s.at }
func (s slot) id() uint64   { return s.item.Number }

// spot is the key of an item of a cover. Number zero is before all items there.
type spot struct {
	text   string
	number uint64
}

func newCoverOrder[T covering]() *order[spot, T] {
	return &order[spot, T]{
		compare: func(item T, key spot) int {
			if c := strings.Compare(item.text(), key.text); c != 0 {
				return c
			}
			return cmp.Compare(item.id(), key.number)
		},
		textOf:  T.text,
		keyText: func(key spot) string { return key.text },
	}
}

// cover holds items by what they cover, in one ordered tree for each mode and
// scope, so that a search meets only items that conflict: the cost of finding
// conflicts grows with a reference's depth and with their number, not with
// the table.
type cover[T covering] struct {
	trees [2][2]*tree[spot, T]
	// none is what versions have for trees that are empty.
	none *tree[spot, T]
}

func newCover[T covering]() cover[T] {
	o := newCoverOrder[T]()
	c := cover[T]{none: newTree(o)}
	for m := range c.trees {
		for s := range c.trees[m] {
			c.trees[m][s] = newTree(o)
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
	c.trees[w.Mode][w.Scope].Set(0, spot{w.Name.Text, item.id()}, item)
}

func (c cover[T]) remove(w Want, item T) {
	c.trees[w.Mode][w.Scope].Delete(0, spot{w.Name.Text, item.id()})
}

// at calls yield for the items at text, tree by tree, until it returns false.
func (c cover[T]) at(text string, yield func(T) bool) bool {
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
	c.at(text, func(x T) bool {
		item, found = x, true
		return false
	})
	return item, found
}

// conflicting calls yield for the items whose cover meets w's and of which at
// least one of the two is exclusive, until it returns false.
func (c cover[T]) conflicting(w Want, yield func(T) bool) bool {
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

func (c cover[T]) meetingHere(w Want, yield func(T) bool) bool {
	for _, m := range rivals(w.Mode) {
		for s := range c.trees[m] {
			if !scanAt(c.trees[m][s], w.Name.Text, yield) {
				return false
			}
		}
	}
	return true
}

func (c cover[T]) meetingAbove(w Want, yield func(T) bool) bool {
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

func (c cover[T]) meetingBelow(w Want, yield func(T) bool) bool {
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
			c.trees[m][s].Ascend(0, spot{text: from}, func(x T) bool {
				if !found || x.text() < text {
					text, found = x.text(), true
				}
				return false
			})
		}
	}
	return text, found
}

func scanAt[T covering](tree *tree[spot, T], text string, yield func(T) bool) bool {
	if tree.Len() == 0 {
		return true
	}
	more := true
	tree.Alike(0, spot{text: text}, func(x T) bool {
		if x.text() != text {
			return false
		}
		more = yield(x)
		return more
	})
	return more
}

func scanRange[T covering](tree *tree[spot, T], from, to string, yield func(T) bool) bool {
	if tree.Len() == 0 {
		return true
	}
	more := true
	tree.Ascend(0, spot{text: from}, func(x T) bool {
		if x.text() >= to {
			return false
		}
		more = yield(x)
		return more
	})
	return more
}

// version returns a version of tree to be read only: none, which is empty, if
// the tree is.
func version[K, T any](tree, none *tree[K, T]) *tree[K, T] {
	if tree.Len() == 0 {
		return none
	}
	return tree.Copy()
}
