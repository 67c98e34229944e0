package gate

import (
	"cmp"
	"slices"
)

// runHolds are the holds by run and name, in two trees. Runs lie by their hashes, so
// that in a tree of many holds each lies somewhere else, far from any cache. Most
// holds are given back soon: they come and go among the young, which are few, and
// only those that stay are moved to the old ones, each once.
type runHolds struct {
	young, old *tree[runName, *hold]
	// most is how many holds are young.
	most int
	// hand is the hash from which on the next hold is taken that is no longer young. It
	// goes around: a hold that stays is moved in time, one that comes and goes seldom.
	hand uint64
}

// youngHolds is how many holds are young: more than clients that take and give back
// locks all the time, and few enough for a cache.
const youngHolds = 4096

// runName is the key of a hold under its run's hash. Nobody's name comes first.
type runName struct {
	run  string
	name Name
}

func newRunHolds() runHolds {
	o := &order[runName, *hold]{compare: compareHeld}
	return runHolds{young: newTree(o), old: newTree(o), most: youngHolds}
}

// copy returns the present version, to be read only.
func (x *runHolds) copy() runHolds { return runHolds{young: x.young.Copy(), old: x.old.Copy()} }

// Len returns the number of holds.
func (x *runHolds) Len() int { return x.young.Len() + x.old.Len() }

// add puts in a hold of a run that has none on its name. It moves at most one other.
func (x *runHolds) add(h *hold) {
	x.young.Set(hashRun(h.run()), h.runName(), h)
	if x.young.Len() > x.most {
		x.age()
	}
}

// age moves the young hold at the hand to the old ones.
func (x *runHolds) age() {
	next, _ := x.young.First()
	x.young.Ascend(x.hand, runName{}, func(h *hold) bool {
		next = h
		return false
	})
	hash := hashRun(next.run())
	x.young.Delete(hash, next.runName())
	x.old.Set(hash, next.runName(), next)
	x.hand = hash + 1
}

// remove takes a hold out.
func (x *runHolds) remove(h *hold) {
	hash := hashRun(h.run())
	if _, young := x.young.Delete(hash, h.runName()); !young {
		x.old.Delete(hash, h.runName())
	}
}

// load puts in holds that come under their runs' hashes, while there are none. It
// returns false if a run has two on one name.
func (x *runHolds) load(holds []entry[*hold]) bool {
	into := x.young
	if len(holds) > x.most {
		into = x.old
	}
	return into.build(holds, (*hold).runName)
}

// get returns run's hold on n, or nil.
func (x *runHolds) get(run string, n Name) *hold {
	hash, key := hashRun(run), runName{run, n}
	h, young := x.young.Get(hash, key)
	if !young && x.old.Len() > 0 {
		h, _ = x.old.Get(hash, key)
	}
	return h
}

// any reports whether run holds anything.
func (x *runHolds) any(run string) bool {
	return anyOf(x.young, run) || x.old.Len() > 0 && anyOf(x.old, run)
}

func anyOf(t *tree[runName, *hold], run string) (any bool) {
	eachOf(t, run, func(*hold) bool {
		any = true
		return false
	})
	return any
}

// of returns run's holds by name.
func (x *runHolds) of(run string) (list []*hold) {
	add := func(h *hold) bool {
		list = append(list, h)
		return true
	}
	eachOf(x.young, run, add)
	young := len(list)
	eachOf(x.old, run, add)
	if 0 < young && young < len(list) {
		slices.SortFunc(list, func(a, b *hold) int { return compareNames(a.name(), b.name()) })
	}
	return list
}

// eachOf calls yield for run's holds in a tree, by name, until it returns false.
func eachOf(t *tree[runName, *hold], run string, yield func(*hold) bool) {
	t.Alike(hashRun(run), runName{run: run}, func(h *hold) bool { return h.run() == run && yield(h) })
}

// runName is the hold's key.
func (h *hold) runName() runName { return runName{h.run(), h.name()} }

// compareHeld orders a hold and a key among those of one hash of a run.
func compareHeld(h *hold, key runName) int {
	if h.run() != key.run {
		return cmp.Compare(h.run(), key.run)
	}
	return compareNames(h.name(), key.name)
}
