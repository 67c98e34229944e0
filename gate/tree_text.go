package gate

import "strings"

// In a tree ordered by texts, an item's rank is eight bytes of its text, in the
// order of texts. Texts that lie side by side begin alike, hence each node skips
// what its own texts have in common. Items of one rank are compared in full, so
// that a node which skips less than it could is slower and not wrong.

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
	if n.skip > 0 {
		if shared := t.order.textOf(n.items[0].item)[:n.skip]; !strings.HasPrefix(text, shared) {
			return 0, strings.Compare(text, shared)
		}
	}
	return word(text[n.skip:]), 0
}

// fit returns an item with the rank that it has in a node that is to have it,
// which must not skip more than the item has in common with the others.
func (t *tree[K, T]) fit(n *treeNode[T], item entry[T]) entry[T] {
	if !t.ofTexts() {
		return item
	}
	text := t.order.textOf(item.item)
	if n.skip > 0 {
		if common := commonBytes(text, t.order.textOf(n.items[0].item)[:n.skip]); common < n.skip {
			t.rerank(n, common)
		}
	}
	item.rank = word(text[n.skip:])
	return item
}

// tighten makes a node skip as much as it can.
func (t *tree[K, T]) tighten(n *treeNode[T]) {
	if common := t.common(n); common > n.skip {
		t.rerank(n, common)
	}
}

// common is how many bytes all texts of a node have in common: the first and the
// last do.
func (t *tree[K, T]) common(n *treeNode[T]) int {
	if !t.ofTexts() || len(n.items) == 0 {
		return 0
	}
	return commonBytes(t.order.textOf(n.items[0].item), t.order.textOf(n.items[len(n.items)-1].item))
}

// rerank makes a node skip so many bytes.
func (t *tree[K, T]) rerank(n *treeNode[T], skip int) {
	if !t.ofTexts() {
		return
	}
	n.skip = skip
	for i := range n.items {
		n.items[i].rank = word(t.order.textOf(n.items[i].item)[skip:])
	}
}

// commonBytes counts the bytes with which both texts begin.
func commonBytes(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
