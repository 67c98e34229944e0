package gate

import "slices"

const (
	// maxNodeItems and minNodeItems bound the items of a node; the root may have
	// fewer. A version costs a copy of each node on the way to what is changed.
	maxNodeItems = 64
	minNodeItems = maxNodeItems / 4
	// nodeRoom is how many items a full node gets room for, unless there are but
	// fewTreeItems: those come and go, and a little room is soon used up or too much.
	nodeRoom     = 4
	fewTreeItems = 4096
)

// tree is a set of items, ordered by rank and then by key, that shares its nodes
// with the versions that Copy takes of it, and copies those that it changes. Its
// nodes take hardly more memory than their items: a large table is mostly trees.
// The ranks lie in the nodes, so that a search looks at few items. A tree belongs
// to one goroutine; a version may be read by many.
type tree[K, T any] struct {
	// order is nil where each item has a rank of its own.
	order *order[K, T]
	root  *treeNode[T]
	count int
	epoch *epoch
}

// order says how the items of a tree are ordered.
type order[K, T any] struct {
	// compare orders an item and a key of one rank.
	compare func(item T, key K) int
	// textOf and keyText are nil, or what orders the items: then the tree ranks
	// them itself.
	textOf  func(item T) string
	keyText func(key K) string
}

// none is the key of items that each have a rank of their own.
type none struct{}

// entry is an item under its rank.
type entry[T any] struct {
	rank uint64
	item T
}

// epoch is the time between two Copies. A node of the tree's present epoch is in
// no version and may be changed.
type epoch struct{ _ byte }

// treeNode has the items between its children, which leaves do not have. It fills
// a cache line: a search in a large tree waits for it.
type treeNode[T any] struct {
	items    []entry[T]
	children *childNodes[T]
	epoch    *epoch
	// shared is what all texts of the node begin with, if not more: a text's rank
	// is the eight bytes that follow. It is empty without items.
	shared string
	// changes counts what was put in or taken out since that was looked at.
	changes uint8
}

// childNodes are one more than the node has items, and have room for the children
// of a node that is about to be split.
type childNodes[T any] [maxNodeItems + 2]*treeNode[T]

func newTree[K, T any](o *order[K, T]) *tree[K, T] { return &tree[K, T]{order: o, epoch: new(epoch)} }

// newNumbered returns a tree whose items each have a rank of their own.
func newNumbered[T any]() *tree[none, T] { return newTree[none, T](nil) }

// Copy returns the present version, to be read only.
func (t *tree[K, T]) Copy() *tree[K, T] {
	version := *t
	t.epoch = new(epoch)
	return &version
}

// Len returns the number of items.
func (t *tree[K, T]) Len() int { return t.count }

// change returns where the item of that rank and key lies, for it to be replaced
// by another one, or nil.
func (t *tree[K, T]) change(rank uint64, key K) *T {
	if t.root == nil {
		return nil
	}
	for n := t.own(&t.root); ; {
		at, found := t.find(n, rank, key)
		switch {
		case found:
			return &n.items[at].item
		case n.children == nil:
			return nil
		}
		n = t.own(&n.children[at])
	}
}

// own returns the node at p as one that may be changed.
func (t *tree[K, T]) own(p **treeNode[T]) *treeNode[T] {
	if n := *p; n.epoch != t.epoch {
		*p = &treeNode[T]{roomy(n.items, 1), n.children.clone(), t.epoch, n.shared, n.changes}
	}
	return *p
}

// Set puts the item in, in place of the one with its rank and key.
func (t *tree[K, T]) Set(rank uint64, key K, item T) (old T, replaced bool) {
	if t.root == nil {
		t.root = &treeNode[T]{epoch: t.epoch}
	}
	root := t.own(&t.root)
	if old, replaced = t.set(root, key, entry[T]{rank, item}); !replaced {
		t.count++
	}
	if len(root.items) > maxNodeItems {
		t.root = &treeNode[T]{children: &childNodes[T]{root}, epoch: t.epoch}
		t.split(t.root, 0)
	}
	return old, replaced
}

func (t *tree[K, T]) set(n *treeNode[T], key K, item entry[T]) (old T, replaced bool) {
	at, found := t.find(n, item.rank, key)
	switch {
	case found:
		old, n.items[at].item = n.items[at].item, item.item
		return old, true
	case n.children == nil:
		t.insert(n, at, item)
		return old, false
	}
	child := t.own(&n.children[at])
	old, replaced = t.set(child, key, item)
	if len(child.items) > maxNodeItems {
		t.split(n, at)
	}
	return old, replaced
}

// split makes two of a child that has one item too many.
func (t *tree[K, T]) split(n *treeNode[T], at int) {
	left := n.children[at]
	middle := len(left.items) / 2
	right := &treeNode[T]{items: roomy(left.items[middle+1:], 0), epoch: t.epoch, shared: left.shared}
	item := left.items[middle]
	left.items = roomy(left.items[:middle], 0)
	if left.children != nil {
		right.children = new(childNodes[T])
		copy(right.children[:], left.children[middle+1:])
		clear(left.children[middle+1:])
	}
	t.insert(n, at, item)
	n.children.insert(at+1, right)
	t.tighten(left)
	t.tighten(right)
}

// Delete takes the item of that rank and key out.
func (t *tree[K, T]) Delete(rank uint64, key K) (old T, found bool) {
	if t.root == nil {
		return old, false
	}
	if old, found = t.remove(t.own(&t.root), rank, key); found {
		t.count--
	}
	t.shorten()
	return old, found
}

// shorten drops a root without items, unless nothing is left: many trees are
// empty every other moment.
func (t *tree[K, T]) shorten() {
	if len(t.root.items) == 0 && t.root.children != nil {
		t.root = t.root.children[0]
	}
}

func (t *tree[K, T]) remove(n *treeNode[T], rank uint64, key K) (old T, found bool) {
	at, found := t.find(n, rank, key)
	if n.children == nil {
		if found {
			old = n.items[at].item
			t.cut(n, at)
		}
		return old, found
	}
	child := t.own(&n.children[at])
	if found {
		old = n.items[at].item
		n.items[at] = t.fit(n, t.removeLast(child))
	} else {
		old, found = t.remove(child, rank, key)
	}
	t.balance(n, at)
	return old, found
}

func (t *tree[K, T]) removeLast(n *treeNode[T]) (last entry[T]) {
	at := len(n.items)
	if n.children == nil {
		last = n.items[at-1]
		t.cut(n, at-1)
		return last
	}
	last = t.removeLast(t.own(&n.children[at]))
	t.balance(n, at)
	return last
}

// balance gives a child with too few items some of a sibling, or all of them.
func (t *tree[K, T]) balance(n *treeNode[T], at int) {
	if len(n.children[at].items) >= minNodeItems {
		return
	}
	from := max(at-1, 0)
	left, right := t.own(&n.children[from]), t.own(&n.children[from+1])
	switch {
	case len(left.items)+len(right.items) < maxNodeItems:
		if left.children != nil {
			copy(left.children[len(left.items)+1:], right.children[:len(right.items)+1])
		}
		left.items = append(append(roomy(left.items, 1+len(right.items)), n.items[from]), right.items...)
		t.rerank(left, t.common(left))
		t.cut(n, from)
		n.children.cut(from + 1)
	case from == at:
		t.insert(left, len(left.items), n.items[from])
		n.items[from] = t.fit(n, right.items[0])
		t.cut(right, 0)
		if left.children != nil {
			left.children[len(left.items)] = right.children[0]
			right.children.cut(0)
		}
	default:
		last := len(left.items) - 1
		t.insert(right, 0, n.items[from])
		n.items[from] = t.fit(n, left.items[last])
		t.cut(left, last)
		if left.children != nil {
			right.children.insert(0, left.children[last+1])
			left.children.cut(last + 1)
		}
	}
}

// clone returns a copy; that of no children is none.
func (c *childNodes[T]) clone() *childNodes[T] {
	if c == nil {
		return nil
	}
	next := *c
	return &next
}

// insert puts a child before the one at that place.
func (c *childNodes[T]) insert(at int, child *treeNode[T]) {
	copy(c[at+1:], c[at:])
	c[at] = child
}

// cut takes the child at that place out, of children that are not too many.
func (c *childNodes[T]) cut(at int) { copy(c[at:], c[at+1:]) }

// roomy returns a copy of items that has room for more of them, and not much else.
func roomy[T any](items []T, more int) []T {
	return append(slices.Grow([]T(nil), len(items)+more), items...)
}

// insert puts an item into a node before the one at that place.
func (t *tree[K, T]) insert(n *treeNode[T], at int, item entry[T]) {
	item = t.fit(n, item)
	if len(n.items) == cap(n.items) {
		n.items = roomy(n.items, t.room(n))
	}
	n.items = n.items[:len(n.items)+1]
	copy(n.items[at+1:], n.items[at:])
	n.items[at] = item
	t.changed(n)
}

// changed makes a node share what it can now and then: an item that has little in
// common with the others may come and go often. A first item shares all of itself.
func (t *tree[K, T]) changed(n *treeNode[T]) {
	if n.changes++; len(n.items) == 1 || n.changes == maxNodeItems {
		t.tighten(n)
		n.changes = 0
	}
}

// room is how much room a full node gets. Trees without an order may be many.
func (t *tree[K, T]) room(n *treeNode[T]) int {
	if t.order != nil && t.count < fewTreeItems {
		return max(nodeRoom, maxNodeItems-len(n.items))
	}
	return nodeRoom
}

// cut takes the item at that place out of a node, which keeps no more room than a
// full one gets, or a little more.
func (t *tree[K, T]) cut(n *treeNode[T], at int) {
	n.items = slices.Delete(n.items, at, at+1)
	if cap(n.items)-len(n.items) > t.room(n)+2*nodeRoom {
		n.items = roomy(n.items, nodeRoom)
	}
	if t.changed(n); len(n.items) == 0 {
		n.shared = ""
	}
}
