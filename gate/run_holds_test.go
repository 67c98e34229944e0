package gate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func newRunHoldsOf(most int) runHolds {
	x := newRunHolds()
	x.most = most
	return x
}

func holdOf(run, text string, token uint64) *hold {
	h := newHold(Want{Name: Name{Reference, text}}, run, "", 0)
	h.token = token
	return h
}

// TestHoldsByRunAreThoseThatWerePutIn changes holds by run and a plain list alike.
func TestHoldsByRunAreThoseThatWerePutIn(t *testing.T) {
	type kept struct {
		version runHolds
		list    []*hold
	}
	random := rand.New(rand.NewPCG(19, 23))
	x := newRunHoldsOf(20)
	var list []*hold
	var versions []kept
	agree := func(x *runHolds, list []*hold, run string) {
		t.Helper()
		want := slices.DeleteFunc(slices.Clone(list), func(h *hold) bool { return h.run() != run })
		slices.SortFunc(want, func(a, b *hold) int { return compareNames(a.name(), b.name()) })
		if got := x.of(run); !slices.Equal(got, want) || x.any(run) != (len(want) > 0) || x.Len() != len(list) {
			t.Fatalf("%s has %d holds of %d, want %d of %d", run, len(got), x.Len(), len(want), len(list))
		}
	}
	for step := range 20_000 {
		run, text := fmt.Sprint("r", random.IntN(10)), fmt.Sprint("n", random.IntN(20))
		at := slices.IndexFunc(list, func(h *hold) bool { return h.run() == run && h.text() == text })
		got := x.get(run, Name{Reference, text})
		if (got != nil) != (at >= 0) || at >= 0 && got != list[at] {
			t.Fatalf("%s at %s: %v, place %d", run, text, got, at)
		}
		if list = slices.Clone(list); at >= 0 {
			x.remove(got)
			list = slices.Delete(list, at, at+1)
		} else if step/1000%3 < 2 {
			h := holdOf(run, text, uint64(step))
			x.add(h)
			list = append(list, h)
		}
		if x.young.Len() > x.most {
			t.Fatalf("%d holds are young", x.young.Len())
		}
		agree(&x, list, run)
		if step%100 == 0 {
			versions = append(versions, kept{x.copy(), list})
		}
	}
	for _, v := range versions {
		for run := range 10 {
			agree(&v.version, v.list, fmt.Sprint("r", run))
		}
	}
}

// TestHoldsThatComeAndGoStayYoung has some holds come and go among many that stay:
// once these have been moved, no others are.
func TestHoldsThatComeAndGoStayYoung(t *testing.T) {
	const staying, coming, most = 1000, 16, 32
	x := newRunHoldsOf(most)
	for i := range staying {
		x.add(holdOf(fmt.Sprint("stays-", i), "n", uint64(i)))
	}
	var present []*hold
	moved := 0
	cycle := func(i int) {
		if len(present) == coming {
			x.remove(present[0])
			present = present[1:]
		}
		old := x.old.Len()
		h := holdOf(fmt.Sprint("comes-", i), "n", uint64(staying+i))
		x.add(h)
		present = append(present, h)
		moved += x.old.Len() - old
	}
	for i := range 100 * most {
		cycle(i)
	}
	moved = 0
	for i := range 100 * most {
		cycle(100*most + i)
	}
	if moved > 0 || x.old.Len() < staying-most {
		t.Errorf("%d of the holds that come and go were moved; %d are old", moved, x.old.Len())
	}
}

func TestHoldsByRunAreLoadedWhereTheyBelong(t *testing.T) {
	for _, n := range []int{0, 1, 5, 6, 100} {
		x := newRunHoldsOf(5)
		var list []entry[*hold]
		for i := range n {
			h := holdOf(fmt.Sprint("r", i%7), fmt.Sprint("n", i), uint64(i))
			list = append(list, entry[*hold]{hashRun(h.run()), h})
		}
		if !x.load(slices.Clone(list)) || x.Len() != n || x.young.Len() > x.most {
			t.Errorf("%d holds: %d are there, of which %d are young", n, x.Len(), x.young.Len())
		}
		for _, e := range list {
			if x.get(e.item.run(), e.item.name()) != e.item {
				t.Errorf("%d holds: that of %s is not there", n, e.item.run())
			}
		}
		if twice := newRunHoldsOf(5); n > 0 && twice.load(append(list, list[0])) {
			t.Errorf("%d holds: one was loaded twice", n)
		}
	}
}

// TestARunsHoldIsFoundAmongOthersOnItsName has more and more runs share a name,
// past where all of them are looked at.
func TestARunsHoldIsFoundAmongOthersOnItsName(t *testing.T) {
	table := New()
	table.KeepYoung(2)
	name := Name{Reference, "a"}
	held := make(map[string]*hold)
	for i := range 3 * fewHolders {
		run := fmt.Sprint("r", i)
		op := &Acquire{Run: run, Wants: []Want{{Name: name, Mode: Shared}}, TTL: MinTTL, Nonce: 1}
		if code := table.Apply(&Command{Op: op}, 0).Result.Code; code != Acquired {
			t.Fatalf("%s: code %d", run, code)
		}
		held[run] = table.runHolds.get(run, name)
		for run, h := range held {
			if got := table.own(run, name); got != h || h == nil {
				t.Fatalf("%d holders: %s has %v, want %v", i+1, run, got, h)
			}
		}
		if got := table.own("another", name); got != nil {
			t.Fatalf("%d holders: a run without a hold has %v", i+1, got)
		}
	}
}
