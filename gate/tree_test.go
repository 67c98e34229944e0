package gate

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

func TestATreeNodeTakesOneCacheLine(t *testing.T) {
	if size := unsafe.Sizeof(treeNode[*hold]{}); size > 64 {
		t.Errorf("a node takes %d bytes", size)
	}
}

func numbersTree() *tree[none, int] { return newNumbered[int]() }

func itemsOf[K, T any](t *tree[K, T]) (items []T) {
	t.Scan(func(item T) bool {
		items = append(items, item)
		return true
	})
	return items
}

// offspring are a node's children.
func (n *treeNode[T]) offspring() []*treeNode[T] {
	if n.children == nil {
		return nil
	}
	return n.children[:len(n.items)+1]
}

// soundTree verifies what every search and change relies on.
func soundTree(t *testing.T, x *tree[none, int]) {
	t.Helper()
	items := itemsOf(x)
	if len(items) != x.Len() || !slices.IsSortedFunc(items, func(a, b int) int { return cmp.Or(cmp.Compare(a, b), 1) }) {
		t.Fatalf("%d items are counted, in order: %v", x.Len(), items)
	}
	depths := make(map[int]bool)
	var visit func(n *treeNode[int], depth int)
	visit = func(n *treeNode[int], depth int) {
		if count := len(n.items); count > maxNodeItems || n != x.root && count < minNodeItems {
			t.Fatalf("a node of %d items", count)
		}
		if n.children == nil {
			depths[depth] = true
			return
		}
		for i, child := range n.children {
			if (child != nil) != (i <= len(n.items)) {
				t.Fatalf("a child at %d, or none, around %d items", i, len(n.items))
			}
			if child != nil {
				visit(child, depth+1)
			}
		}
	}
	if x.root != nil {
		visit(x.root, 0)
	}
	if len(depths) > 1 {
		t.Fatalf("leaves at depths %v", depths)
	}
}

// TestTreeIsASortedListWhoseVersionsStay changes a tree and a sorted list alike,
// so often that the tree grows to three levels and shrinks to none again and again.
func TestTreeIsASortedListWhoseVersionsStay(t *testing.T) {
	type kept struct {
		version *tree[none, int]
		items   []int
	}
	random := rand.New(rand.NewPCG(7, 11))
	x, list := numbersTree(), []int(nil)
	var versions []kept
	for step := range 60_000 {
		grow := step/6000%2 == 0
		item := random.IntN(20_000)
		at, known := slices.BinarySearch(list, item)
		switch {
		case random.IntN(10) == 0 && len(list) > 0 && !grow:
			if first, found := x.First(); !found || first != list[0] {
				t.Fatalf("first %d, want %d", first, list[0])
			}
			x.Delete(uint64(list[0]), none{})
			list = list[1:]
		case grow || random.IntN(8) == 0:
			if _, replaced := x.Set(uint64(item), none{}, item); replaced != known {
				t.Fatalf("%d: replaced %v, want %v", item, replaced, known)
			}
			if !known {
				list = slices.Insert(slices.Clone(list), at, item)
			}
		default:
			if len(list) > 0 && random.IntN(4) > 0 {
				at = random.IntN(len(list))
				item, known = list[at], true
			}
			if old, found := x.Delete(uint64(item), none{}); found != known || found && old != item {
				t.Fatalf("delete %d: %d, %v", item, old, found)
			}
			if known {
				list = slices.Delete(slices.Clone(list), at, at+1)
			}
		}
		if step%1000 == 0 {
			soundTree(t, x)
			versions = append(versions, kept{x.Copy(), list})
		}
	}
	for x.Len() > 0 {
		first, _ := x.First()
		x.Delete(uint64(first), none{})
	}
	soundTree(t, x)
	for i, v := range versions {
		soundTree(t, v.version)
		if !slices.Equal(itemsOf(v.version), v.items) {
			t.Fatalf("version %d was changed", i)
		}
	}
}

// TestTreeEmptiesFromEitherEnd has nodes of every level at either end take items
// of a sibling, or all of them.
func TestTreeEmptiesFromEitherEnd(t *testing.T) {
	for _, fromEnd := range []bool{false, true} {
		x := numbersTree()
		for _, item := range rand.New(rand.NewPCG(5, 9)).Perm(100_000) {
			x.Set(uint64(item), none{}, item)
		}
		for i := range 100_000 {
			item := i
			if fromEnd {
				item = 99_999 - i
			}
			if old, found := x.Delete(uint64(item), none{}); !found || old != item {
				t.Fatalf("delete %d: %d, %v", item, old, found)
			}
			if i%500 == 0 {
				soundTree(t, x)
			}
		}
	}
}

func TestTreeAscendsFromAnyItemAndStopsAnywhere(t *testing.T) {
	x := numbersTree()
	for i := range 10_000 {
		item := 2 * (i * 7919 % 10_000)
		x.Set(uint64(item), none{}, item)
	}
	for from := 0; from < 20_001; from += 37 {
		want := (from + 1) / 2 * 2
		for _, limit := range []int{1, 2, 63, 64, 65, 700} {
			var got []int
			x.Ascend(uint64(from), none{}, func(item int) bool {
				got = append(got, item)
				return len(got) < limit
			})
			if n := min(limit, max(0, (20_000-want)/2)); len(got) != n {
				t.Fatalf("from %d: %d items, want %d", from, len(got), n)
			}
			for i, item := range got {
				if item != want+2*i {
					t.Fatalf("from %d: item %d is %d", from, i, item)
				}
			}
		}
		if _, found := x.Get(uint64(from), none{}); found != (from%2 == 0 && from < 20_000) {
			t.Fatalf("get %d: %v", from, found)
		}
	}
}

// TestWhatComesLastIsComparedLittle has items of one rank come in as those of a
// session do: each is compared with one of each node on its way.
func TestWhatComesLastIsComparedLittle(t *testing.T) {
	const levels = 3
	looks := 0
	x := newTree(&order[uint64, uint64]{compare: func(item, key uint64) int {
		looks++
		return cmp.Compare(item, key)
	}})
	for i := range uint64(20_000) {
		looks = 0
		if x.Set(7, i, i); looks > levels {
			t.Fatalf("item %d was compared with %d others", i, looks)
		}
	}
}

func TestTreeTakesLittleMoreThanItsItems(t *testing.T) {
	x := numbersTree()
	random := rand.New(rand.NewPCG(3, 5))
	for range 100_000 {
		item := random.Int()
		x.Set(uint64(item), none{}, item)
	}
	room := 0
	var visit func(n *treeNode[int])
	visit = func(n *treeNode[int]) {
		room += cap(n.items)
		for _, child := range n.offspring() {
			visit(child)
		}
	}
	if visit(x.root); room > x.Len()*5/4 {
		t.Errorf("room for %d items, of which there are %d", room, x.Len())
	}
}
