package gate

import "math/bits"

// find returns the place of the first of the node's items that does not come
// before the key, and whether that is the key's.
func (t *tree[K, T]) find(n *treeNode[T], rank uint64, key K) (at int, found bool) {
	rank, within := t.rankAmong(n, rank, key)
	if within != 0 {
		return max(0, within*len(n.items)), false
	}
	return t.findRanked(n, rank, key)
}

// rankAmong returns the rank that the key of that rank has among the node's items
// if within is zero; else all of them come behind it (-1) or before it (1).
func (t *tree[K, T]) rankAmong(n *treeNode[T], rank uint64, key K) (among uint64, within int) {
	if t.ofTexts() {
		return t.rankIn(n, t.order.keyText(key))
	}
	return rank, 0
}

// findRanked is find for the rank among the node's items.
func (t *tree[K, T]) findRanked(n *treeNode[T], rank uint64, key K) (at int, found bool) {
	items := n.items
	at = firstOf(items, rank)
	if at == len(items) || items[at].rank != rank {
		return at, false
	}
	if t.order == nil {
		return at, true
	}
	high := len(items)
	if at+1 < high && items[at+1].rank != rank {
		high = at + 1 // mostly no two have one hash
	}
	// What comes in is often the last of its rank, as tokens and numbers grow.
	for middle := high - 1; at < high; middle = int(uint(at+high) >> 1) {
		c := 1
		if x := &items[middle]; x.rank == rank {
			c = t.order.compare(x.item, key)
		}
		switch {
		case c == 0:
			return middle, true
		case c < 0:
			at = middle + 1
		default:
			high = middle
		}
	}
	return at, false
}

// firstOf returns the place of the first item whose rank is not below rank. What
// a comparison finds is hard to foretell and the next one depends on it, so it
// takes quarters, with three comparisons at a time and no branch on them.
func firstOf[T any](items []entry[T], rank uint64) (at int) {
	n := len(items)
	for n > 3 {
		quarter := n >> 2
		at += quarter * (isBelow(items[at+quarter-1].rank, rank) + isBelow(items[at+2*quarter-1].rank, rank) +
			isBelow(items[at+3*quarter-1].rank, rank))
		n -= 3 * quarter
	}
	rest := items[at : at+n]
	for i := range rest {
		at += isBelow(rest[i].rank, rank)
	}
	return at
}

// isBelow is 1 if a is below b, else 0.
func isBelow(a, b uint64) int {
	_, borrow := bits.Sub64(a, b, 0)
	return int(borrow)
}

// Get returns the item of that rank and key.
func (t *tree[K, T]) Get(rank uint64, key K) (item T, found bool) {
	for n := t.root; n != nil; {
		at, found := t.find(n, rank, key)
		if found {
			return n.items[at].item, true
		}
		if n.children == nil {
			break
		}
		n = n.children[at]
	}
	return item, false
}

// First returns the first item.
func (t *tree[K, T]) First() (item T, found bool) {
	n := t.root
	if n == nil || len(n.items) == 0 {
		return item, false
	}
	for n.children != nil {
		n = n.children[0]
	}
	return n.items[0].item, true
}

// Scan calls yield for all items in order until it returns false.
func (t *tree[K, T]) Scan(yield func(T) bool) {
	if t.root != nil {
		t.root.scan(yield)
	}
}

func (n *treeNode[T]) scan(yield func(T) bool) bool {
	for i, item := range n.items {
		if n.children != nil && !n.children[i].scan(yield) || !yield(item.item) {
			return false
		}
	}
	return n.children == nil || n.children[len(n.items)].scan(yield)
}

// Ascend calls yield for the items from the first that does not come before from,
// in order, until it returns false.
func (t *tree[K, T]) Ascend(rank uint64, from K, yield func(T) bool) {
	if t.root != nil {
		t.ascend(t.root, rank, from, yield)
	}
}

func (t *tree[K, T]) ascend(n *treeNode[T], rank uint64, from K, yield func(T) bool) bool {
	at, found := t.find(n, rank, from)
	if n.children != nil && !found && !t.ascend(n.children[at], rank, from, yield) {
		return false
	}
	for i := at; i < len(n.items); i++ {
		if !yield(n.items[i].item) || n.children != nil && !n.children[i+1].scan(yield) {
			return false
		}
	}
	return true
}

// Alike calls yield for the items from the first that does not come before from
// to the last that has the rank of from where it lies, in order, until it returns
// false. Those of one text or run or session are among them.
func (t *tree[K, T]) Alike(rank uint64, from K, yield func(T) bool) {
	if t.root != nil {
		t.alike(t.root, rank, from, yield)
	}
}

func (t *tree[K, T]) alike(n *treeNode[T], rank uint64, from K, yield func(T) bool) bool {
	at, found := 0, false
	among, within := t.rankAmong(n, rank, from)
	switch {
	case within > 0:
		at = len(n.items)
	case within == 0:
		at, found = t.findRanked(n, among, from)
	}
	if n.children != nil && !found && !t.alike(n.children[at], rank, from, yield) {
		return false
	}
	for i := at; i < len(n.items); i++ {
		if within < 0 || n.items[i].rank != among || !yield(n.items[i].item) {
			return false
		}
		if n.children != nil && !t.alike(n.children[i+1], rank, from, yield) {
			return false
		}
	}
	return true
}
