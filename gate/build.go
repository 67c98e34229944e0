package gate

import (
	"cmp"
	"slices"
)

// filledNodeItems is how many items the nodes of a built tree get, or a few less:
// about as many as those of a tree that grew, and it does not begin by splitting.
const filledNodeItems = maxNodeItems * 3 / 4

// build fills the empty tree with items, which it puts in order unless they are.
// keyOf returns an item's key. The result is false, and nothing done, if two have
// one rank and key.
func (t *tree[K, T]) build(items []entry[T], keyOf func(T) K) bool {
	compare := func(a, b entry[T]) int {
		if c := cmp.Compare(a.rank, b.rank); c != 0 || t.order == nil {
			return c
		}
		return t.order.compare(a.item, keyOf(b.item))
	}
	ascending := func() bool {
		for i := 1; i < len(items); i++ {
			if compare(items[i-1], items[i]) >= 0 {
				return false
			}
		}
		return true
	}
	if !ascending() {
		slices.SortFunc(items, compare)
		if !ascending() {
			return false
		}
	}
	t.fill(items)
	return true
}

// fill makes the empty tree one of items that are in order, many times faster than
// they could be set.
func (t *tree[K, T]) fill(items []entry[T]) {
	t.count = len(items)
	for nodes := []*treeNode[T](nil); len(items) > 0 || len(nodes) > 1; {
		items, nodes = t.level(items, nodes)
		t.root = nodes[0]
	}
}

// level shares items out to nodes of one level, around the children, and returns
// those that stand between the nodes.
func (t *tree[K, T]) level(items []entry[T], children []*treeNode[T]) (between []entry[T], nodes []*treeNode[T]) {
	for left := (len(items) + filledNodeItems + 1) / (filledNodeItems + 1); left > 0; left-- {
		n := (len(items) - (left - 1)) / left
		node := &treeNode[T]{items: roomy(items[:n], nodeRoom), epoch: t.epoch}
		t.rerank(node, t.common(node))
		if children != nil {
			node.children = new(childNodes[T])
			copy(node.children[:], children[:n+1])
			children = children[n+1:]
		}
		nodes = append(nodes, node)
		if items = items[n:]; left > 1 {
			between = append(between, items[0])
			items = items[1:]
		}
	}
	return between, nodes
}
