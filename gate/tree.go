package gate

import "slices"

const (
	// maxNodeItems and minNodeItems bound the items of a node; the root may have
	// fewer. A version costs a copy of each node on the way to what is changed.
	maxNodeItems = 64
	minNodeItems = maxNodeItems / 4
	// nodeRoom is how many items a full node gets room for.
	nodeRoom = 4
)

// tree is an ordered set that shares its nodes with the versions that Copy takes
// of it, and copies those that it changes. Its nodes take hardly more memory than
// their items: a large table is mostly trees. It belongs to one goroutine; a
// version may be read by many.
type tree[T any] struct {
	less  func(a, b T) bool
	root  *treeNode[T]
	count int
	epoch *epoch
}

// epoch is the time between two Copies. A node of the tree's present epoch is in
// no version and may be changed.
type epoch struct{ _ byte }

// treeNode has the items between its children, which leaves do not have.
type treeNode[T any] struct {
	items    []T
	children []*treeNode[T]
	epoch    *epoch
}

func newTree[T any](less func(a, b T) bool) *tree[T] { return &tree[T]{less: less, epoch: new(epoch)} }

// Copy returns the present version, to be read only.
func (t *tree[T]) Copy() *tree[T] {
	version := *t
	t.epoch = new(epoch)
	return &version
}

// Len returns the number of items.
func (t *tree[T]) Len() int { return t.count }

// find returns the place of the first of items that is not less than key, and
// whether that equals it.
func (t *tree[T]) find(items []T, key T) (at int, found bool) {
	low, high := 0, len(items)
	for low < high {
		if middle := int(uint(low+high) >> 1); t.less(items[middle], key) {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(items) && !t.less(key, items[low])
}

// Get returns the item that equals key.
func (t *tree[T]) Get(key T) (item T, found bool) {
	for n := t.root; n != nil; {
		at, found := t.find(n.items, key)
		if found {
			return n.items[at], true
		}
		if n.children == nil {
			break
		}
		n = n.children[at]
	}
	return item, false
}

// Scan calls yield for all items in order until it returns false.
func (t *tree[T]) Scan(yield func(T) bool) {
	if t.root != nil {
		t.root.scan(yield)
	}
}

func (n *treeNode[T]) scan(yield func(T) bool) bool {
	for i, item := range n.items {
		if n.children != nil && !n.children[i].scan(yield) || !yield(item) {
			return false
		}
	}
	return n.children == nil || n.children[len(n.items)].scan(yield)
}

// Ascend calls yield for the items from the first that is not less than from, in
// order, until it returns false.
func (t *tree[T]) Ascend(from T, yield func(T) bool) {
	if t.root != nil {
		t.ascend(t.root, from, yield)
	}
}

func (t *tree[T]) ascend(n *treeNode[T], from T, yield func(T) bool) bool {
	at, found := t.find(n.items, from)
	if n.children != nil && !found && !t.ascend(n.children[at], from, yield) {
		return false
	}
	for i := at; i < len(n.items); i++ {
		if !yield(n.items[i]) || n.children != nil && !n.children[i+1].scan(yield) {
			return false
		}
	}
	return true
}

// own returns the node at p as one that may be changed.
func (t *tree[T]) own(p **treeNode[T]) *treeNode[T] {
	if n := *p; n.epoch != t.epoch {
		*p = &treeNode[T]{roomy(n.items, 1), slices.Clone(n.children), t.epoch}
	}
	return *p
}

// Set puts the item in, in place of the one that equals it.
func (t *tree[T]) Set(item T) (old T, replaced bool) {
	if t.root == nil {
		t.root = &treeNode[T]{epoch: t.epoch}
	}
	root := t.own(&t.root)
	if old, replaced = t.set(root, item); !replaced {
		t.count++
	}
	if len(root.items) > maxNodeItems {
		t.root = &treeNode[T]{children: []*treeNode[T]{root}, epoch: t.epoch}
		t.split(t.root, 0)
	}
	return old, replaced
}

func (t *tree[T]) set(n *treeNode[T], item T) (old T, replaced bool) {
	at, found := t.find(n.items, item)
	switch {
	case found:
		old, n.items[at] = n.items[at], item
		return old, true
	case n.children == nil:
		n.items = insert(n.items, at, item)
		return old, false
	}
	child := t.own(&n.children[at])
	old, replaced = t.set(child, item)
	if len(child.items) > maxNodeItems {
		t.split(n, at)
	}
	return old, replaced
}

// split makes two of a child that has one item too many.
func (t *tree[T]) split(n *treeNode[T], at int) {
	left := n.children[at]
	middle := len(left.items) / 2
	right := &treeNode[T]{items: roomy(left.items[middle+1:], 0), epoch: t.epoch}
	item := left.items[middle]
	left.items = roomy(left.items[:middle], 0)
	if left.children != nil {
		right.children = slices.Clone(left.children[middle+1:])
		left.children = slices.Clone(left.children[:middle+1])
	}
	n.items = insert(n.items, at, item)
	n.children = slices.Insert(n.children, at+1, right)
}

// Delete takes the item that equals key out.
func (t *tree[T]) Delete(key T) (old T, found bool) {
	if t.root == nil {
		return old, false
	}
	if old, found = t.remove(t.own(&t.root), key); found {
		t.count--
	}
	t.shorten()
	return old, found
}

// PopMin takes the first item out.
func (t *tree[T]) PopMin() (first T, found bool) {
	t.Scan(func(item T) bool {
		first, found = item, true
		return false
	})
	if found {
		t.Delete(first)
	}
	return first, found
}

// shorten drops a root without items, unless nothing is left: many trees are
// empty every other moment.
func (t *tree[T]) shorten() {
	if len(t.root.items) == 0 && t.root.children != nil {
		t.root = t.root.children[0]
	}
}

func (t *tree[T]) remove(n *treeNode[T], key T) (old T, found bool) {
	at, found := t.find(n.items, key)
	if n.children == nil {
		if found {
			old = n.items[at]
			n.items = cut(n.items, at)
		}
		return old, found
	}
	child := t.own(&n.children[at])
	if found {
		old = n.items[at]
		n.items[at] = t.removeLast(child)
	} else {
		old, found = t.remove(child, key)
	}
	t.balance(n, at)
	return old, found
}

func (t *tree[T]) removeLast(n *treeNode[T]) (last T) {
	at := len(n.items)
	if n.children == nil {
		last = n.items[at-1]
		n.items = cut(n.items, at-1)
		return last
	}
	last = t.removeLast(t.own(&n.children[at]))
	t.balance(n, at)
	return last
}

// balance gives a child with too few items some of a sibling, or all of them.
func (t *tree[T]) balance(n *treeNode[T], at int) {
	if len(n.children[at].items) >= minNodeItems {
		return
	}
	from := max(at-1, 0)
	left, right := t.own(&n.children[from]), t.own(&n.children[from+1])
	switch {
	case len(left.items)+len(right.items) < maxNodeItems:
		left.items = append(append(roomy(left.items, 1+len(right.items)), n.items[from]), right.items...)
		left.children = append(left.children, right.children...)
		n.items = cut(n.items, from)
		n.children = slices.Delete(n.children, from+1, from+2)
	case from == at:
		left.items = insert(left.items, len(left.items), n.items[from])
		n.items[from] = right.items[0]
		right.items = cut(right.items, 0)
		if left.children != nil {
			left.children = append(left.children, right.children[0])
			right.children = slices.Delete(right.children, 0, 1)
		}
	default:
		last := len(left.items) - 1
		right.items = insert(right.items, 0, n.items[from])
		n.items[from] = left.items[last]
		left.items = cut(left.items, last)
		if left.children != nil {
			right.children = slices.Insert(right.children, 0, left.children[last+1])
			left.children = slices.Delete(left.children, last+1, last+2)
		}
	}
}

// roomy returns a copy of items that has room for more of them, and not much else.
func roomy[T any](items []T, more int) []T {
	return append(slices.Grow([]T(nil), len(items)+more), items...)
}

// insert puts item into items before the one at that place.
func insert[T any](items []T, at int, item T) []T {
	if len(items) == cap(items) {
		items = roomy(items, nodeRoom)
	}
	items = items[:len(items)+1]
	copy(items[at+1:], items[at:])
	items[at] = item
	return items
}

// cut takes the item at that place out of items, which keep little room.
func cut[T any](items []T, at int) []T {
	if items = slices.Delete(items, at, at+1); cap(items)-len(items) > 3*nodeRoom {
		items = roomy(items, nodeRoom)
	}
	return items
}
