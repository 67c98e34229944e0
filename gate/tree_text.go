package gate

import "strings"

// In a tree ordered by texts, an item's rank is eight bytes of its text, in the
// order of texts. Texts that lie side by side begin alike, hence each node leaves
// out what its own texts have in common. Items of one rank are compared in full,
// so that a node which leaves out less than it could is slower and not wrong.

// word is the first eight bytes of s as a number, zeros behind its end.
func word(s string) uint64 {
	if len(s) >= 8 {
		return uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 |
			uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
	}
	var w uint64
	for i := range len(s) {
		w |= uint64(s[i]) << (56 - 8*i)
	}
	return w
}

func (t *tree[K, T]) ofTexts() bool { return t.order != nil && t.order.textOf != nil }

// rankIn returns the rank that a text has among a node's if within is zero; else
// all of them come behind the text (-1) or before it (1).
func (t *tree[K, T]) rankIn(n *treeNode[T], text string) (rank uint64, within int) {
	if !strings.HasPrefix(text, n.shared) {
		return 0, strings.Compare(text, n.shared)
	}
	return word(text[len(n.shared):]), 0
}

// fit returns an item with the rank that it has in a node that is to have it,
// which from then on shares no more than the item has in common with the others.
func (t *tree[K, T]) fit(n *treeNode[T], item entry[T]) entry[T] {
	if !t.ofTexts() {
		return item
	}
	text := t.order.textOf(item.item)
	if !strings.HasPrefix(text, n.shared) {
		t.rerank(n, commonPart(n.shared, text))
	}
	item.rank = word(text[len(n.shared):])
	return item
}

// tighten makes a node share as much as it can.
func (t *tree[K, T]) tighten(n *treeNode[T]) {
	if shared := t.common(n); len(shared) > len(n.shared) {
		t.rerank(n, shared)
	}
}

// common is what all texts of a node begin with: the first and the last do.
func (t *tree[K, T]) common(n *treeNode[T]) string {
	if !t.ofTexts() || len(n.items) == 0 {
		return ""
	}
	return commonPart(t.order.textOf(n.items[0].item), t.order.textOf(n.items[len(n.items)-1].item))
}

// rerank makes a node share something else.
func (t *tree[K, T]) rerank(n *treeNode[T], shared string) {
	if !t.ofTexts() {
		return
	}
	n.shared = shared
	for i := range n.items {
		n.items[i].rank = word(t.order.textOf(n.items[i].item)[len(shared):])
	}
}

// commonPart is what both texts begin with.
func commonPart(a, b string) string {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return a[:i]
		}
	}
	return a[:n]
}
