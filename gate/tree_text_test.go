package gate

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// soundTexts verifies that each node ranks its texts by the bytes that follow
// what they have in common.
func soundTexts(t *testing.T, x *tree[spot, *Hold]) {
	t.Helper()
	var visit func(n *treeNode[*Hold])
	visit = func(n *treeNode[*Hold]) {
		for _, item := range n.items {
			text := item.item.Name.Text
			if rest, shares := strings.CutPrefix(text, n.shared); !shares || item.rank != word(rest) {
				t.Fatalf("%q has rank %x in a node that shares %q", text, item.rank, n.shared)
			}
		}
		for _, child := range n.children {
			visit(child)
		}
	}
	if x.root != nil {
		visit(x.root)
	}
}

// alikeOrMore verifies that Alike finds the list's items of a text, and behind
// them no others than follow in the list.
func alikeOrMore(t *testing.T, x *tree[spot, *Hold], list []*Hold, text string) {
	t.Helper()
	at, _ := slices.BinarySearchFunc(list, text, func(h *Hold, text string) int { return strings.Compare(h.Name.Text, text) })
	want := 0
	for at+want < len(list) && list[at+want].Name.Text == text {
		want++
	}
	var found []*Hold
	x.Alike(0, spot{text: text}, func(h *Hold) bool {
		found = append(found, h)
		return true
	})
	if len(found) < want || !slices.Equal(found, list[at:at+len(found)]) {
		t.Fatalf("%q: %d alike, of which %d have that text", text, len(found), want)
	}
}

// TestTreeOfTextsIsASortedList changes a tree of holds and a sorted list alike.
// The texts begin alike in groups, and many lie at each other's ends.
func TestTreeOfTextsIsASortedList(t *testing.T) {
	compare := func(a, b *Hold) int {
		return cmp.Or(strings.Compare(a.Name.Text, b.Name.Text), cmp.Compare(a.Token, b.Token))
	}
	random := rand.New(rand.NewPCG(13, 17))
	parts := []string{"", "a", "b", "\x00", "/", "prod", "prod/region-1/zone-1", "prod/region-1/zone-2", "\xff"}
	text := func() string {
		return parts[random.IntN(len(parts))] + parts[random.IntN(len(parts))] + fmt.Sprint(random.IntN(100)) + parts[random.IntN(4)]
	}
	x := newTree(newCoverOrder[*Hold]())
	type kept struct {
		version *tree[spot, *Hold]
		list    []*Hold
	}
	var list []*Hold
	var versions []kept
	for step := range 40_000 {
		h := &Hold{Name: Name{Text: text()}, Token: uint64(1 + random.IntN(3))}
		at, known := slices.BinarySearchFunc(list, h, compare)
		key := spot{h.Name.Text, h.Token}
		if found, ok := x.Get(0, key); ok != known || known && found != list[at] {
			t.Fatalf("%q: found %v, want %v", h.Name.Text, ok, known)
		}
		list = slices.Clone(list)
		if grow := step/5000%2 == 0; grow || random.IntN(8) == 0 {
			x.Set(0, key, h)
			if known {
				list[at] = h
			} else {
				list = slices.Insert(list, at, h)
			}
		} else if len(list) > 0 {
			at = random.IntN(len(list))
			if old, found := x.Delete(0, spot{list[at].Name.Text, list[at].Token}); !found || old != list[at] {
				t.Fatalf("delete %q: %v", list[at].Name.Text, found)
			}
			list = slices.Delete(list, at, at+1)
		}
		if step%500 == 0 {
			soundTexts(t, x)
			versions = append(versions, kept{x.Copy(), list})
			at, _ = slices.BinarySearchFunc(list, h, compare)
			var behind []*Hold
			x.Ascend(0, key, func(h *Hold) bool {
				behind = append(behind, h)
				return len(behind) < 100
			})
			if want := list[at:min(at+100, len(list))]; !slices.Equal(behind, want) {
				t.Fatalf("from %q: %d items, want %d", h.Name.Text, len(behind), len(want))
			}
			for _, h := range list {
				alikeOrMore(t, x, list, h.Name.Text)
			}
			alikeOrMore(t, x, list, h.Name.Text)
		}
	}
	for i, v := range versions {
		soundTexts(t, v.version)
		if !slices.Equal(itemsOf(v.version), v.list) {
			t.Fatalf("version %d was changed", i)
		}
	}
}
