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
func soundTexts(t *testing.T, x *tree[spot, *hold]) {
	t.Helper()
	var visit func(n *treeNode[*hold])
	visit = func(n *treeNode[*hold]) {
		for _, item := range n.items {
			text := item.item.text()
			if rest, shares := strings.CutPrefix(text, n.shared); !shares || item.rank != word(rest) {
				t.Fatalf("%q has rank %x in a node that shares %q", text, item.rank, n.shared)
			}
		}
		for _, child := range n.offspring() {
			visit(child)
		}
	}
	if x.root != nil {
		visit(x.root)
	}
}

// alikeOrMore verifies that Alike finds the list's items of a text, and behind
// them no others than follow in the list.
func alikeOrMore(t *testing.T, x *tree[spot, *hold], list []*hold, text string) {
	t.Helper()
	at, _ := slices.BinarySearchFunc(list, text, func(h *hold, text string) int { return strings.Compare(h.text(), text) })
	want := 0
	for at+want < len(list) && list[at+want].text() == text {
		want++
	}
	var found []*hold
	x.Alike(0, spot{text: text}, func(h *hold) bool {
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
	compare := func(a, b *hold) int {
		return cmp.Or(strings.Compare(a.text(), b.text()), cmp.Compare(a.token, b.token))
	}
	random := rand.New(rand.NewPCG(13, 17))
	parts := []string{"", "a", "b", "\x00", "/", "prod", "prod/region-1/zone-1", "prod/region-1/zone-2", "\xff"}
	text := func() string {
		return parts[random.IntN(len(parts))] + parts[random.IntN(len(parts))] + fmt.Sprint(random.IntN(100)) + parts[random.IntN(4)]
	}
	x := newTree(newCoverOrder[*hold]())
	type kept struct {
		version *tree[spot, *hold]
		list    []*hold
	}
	var list []*hold
	var versions []kept
	for step := range 40_000 {
		h := newHold(Want{Name: Name{Text: text()}}, "r", "", 0)
		h.token = uint64(1 + random.IntN(3))
		at, known := slices.BinarySearchFunc(list, h, compare)
		key := spot{h.text(), h.token}
		if found, ok := x.Get(0, key); ok != known || known && found != list[at] {
			t.Fatalf("%q: found %v, want %v", h.text(), ok, known)
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
			if old, found := x.Delete(0, spot{list[at].text(), list[at].token}); !found || old != list[at] {
				t.Fatalf("delete %q: %v", list[at].text(), found)
			}
			list = slices.Delete(list, at, at+1)
		}
		if step%500 == 0 {
			soundTexts(t, x)
			versions = append(versions, kept{x.Copy(), list})
			at, _ = slices.BinarySearchFunc(list, h, compare)
			var behind []*hold
			x.Ascend(0, key, func(h *hold) bool {
				behind = append(behind, h)
				return len(behind) < 100
			})
			if want := list[at:min(at+100, len(list))]; !slices.Equal(behind, want) {
				t.Fatalf("from %q: %d items, want %d", h.text(), len(behind), len(want))
			}
			for _, h := range list {
				alikeOrMore(t, x, list, h.text())
			}
			alikeOrMore(t, x, list, h.text())
		}
	}
	for i, v := range versions {
		soundTexts(t, v.version)
		if !slices.Equal(itemsOf(v.version), v.list) {
			t.Fatalf("version %d was changed", i)
		}
	}
}

// TestAFewTextsComeAndGoInTheirNode fills a small tree of texts again and again:
// that needs no memory, and its texts are ranked by what differs.
func TestAFewTextsComeAndGoInTheirNode(t *testing.T) {
	x := newTree(newCoverOrder[*hold]())
	var list []*hold
	for i := range maxNodeItems {
		list = append(list, newHold(Want{Name: Name{Reference, fmt.Sprintf("prod/region-1/%03d", i)}}, "r", "", 0))
	}
	fill := func() {
		for _, h := range list {
			x.Set(0, spot{h.text(), 0}, h)
		}
		if shared := x.root.shared; shared != "prod/region-1/0" {
			t.Errorf("the texts share %q", shared)
		}
		for _, h := range list {
			x.Delete(0, spot{h.text(), 0})
		}
	}
	if n := testing.AllocsPerRun(10, fill); n > 0 {
		t.Errorf("%v allocations", n)
	}
	outlier := newHold(Want{Name: Name{Reference, "zebra"}}, "r", "", 0)
	x.Set(0, spot{"zebra", 0}, outlier)
	for _, h := range list[:8] {
		x.Set(0, spot{h.text(), 0}, h)
	}
	x.Delete(0, spot{"zebra", 0})
	for range maxNodeItems / 2 {
		x.Set(0, spot{list[9].text(), 0}, list[9])
		x.Delete(0, spot{list[9].text(), 0})
	}
	if shared := x.root.shared; shared != "prod/region-1/00" {
		t.Errorf("once the outlier is gone the texts share %q", shared)
	}
}

// TestAnOutlierComesAndGoesCheaply has a text that shares little with the others
// of its node come and go: these are not looked at each time.
func TestAnOutlierComesAndGoesCheaply(t *testing.T) {
	order, looks := *newCoverOrder[*hold](), 0
	order.textOf = func(h *hold) string {
		looks++
		return h.text()
	}
	x := newTree(&order)
	for i := range maxNodeItems - 1 {
		h := newHold(Want{Name: Name{Reference, fmt.Sprintf("prod/region-1/%03d", i)}}, "r", "", 0)
		x.Set(0, spot{h.text(), 0}, h)
	}
	outlier := newHold(Want{Name: Name{Reference, "zebra"}}, "r", "", 0)
	looks = 0
	const times = 1000
	for range times {
		x.Set(0, spot{"zebra", 0}, outlier)
		x.Delete(0, spot{"zebra", 0})
	}
	if looks > 6*times {
		t.Errorf("%d texts were looked at", looks)
	}
}
