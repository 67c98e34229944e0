package virtual

import (
	"net/http"
	"time"

	"lockd/api"
)

// fault is one way to break the cluster. It returns once the worst is done, and
// whoever called it heals.
type fault struct {
	name string
	// weight says how often it is chosen.
	weight int
	// partition says that it cuts nodes off from each other.
	partition bool
	do        func(w *world, a, b, c string)
}

// The nodes a, b and c are in random order; a is the leader in two of three cases.
func faults() []fault {
	return []fault{
		{"isolate", 6, true, func(w *world, a, _, _ string) { w.isolate(a); w.endure() }},
		{"split", 2, true, func(w *world, a, b, _ string) { w.isolate(a); w.isolate(b); w.endure() }},
		{"deaf", 4, true, func(w *world, a, b, c string) { w.network.cut(b, a); w.network.cut(c, a); w.endure() }},
		{"mute", 4, true, func(w *world, a, b, c string) { w.network.cut(a, b); w.network.cut(a, c); w.endure() }},
		{"one way", 4, true, func(w *world, a, b, _ string) { w.network.cut(a, b); w.endure() }},
		{"bridge", 5, true, func(w *world, a, b, _ string) { w.network.cut(a, b); w.network.cut(b, a); w.endure() }},
		{"flap", 3, true, (*world).flap},
		{"isolate and crash", 3, true, (*world).isolateAndCrash},
		{"isolate while busy", 5, true, (*world).isolateBusy},
		{"crash of a lagging store", 3, true, (*world).crashLagging},
		{"isolate for long", 2, true, (*world).leaveBehind},
		{"transfer while cut", 2, true, func(w *world, a, b, c string) { w.network.cut(a, b); w.transfer(a, c); w.endure() }},
		{"loss", 2, false, func(w *world, _, _, _ string) { w.network.worsen(0.2, usualLeast, usualMost); w.endure() }},
		{"delay", 2, false, func(w *world, _, _, _ string) {
			w.network.worsen(0, w.network.scale*25*time.Millisecond, w.network.scale*125*time.Millisecond)
			w.endure()
		}},
		{"late answers", 2, false, func(w *world, _, _, _ string) {
			w.network.worsen(0.05, usualLeast, w.network.scale*1500*time.Millisecond)
			w.endure()
		}},
		{"crash", 3, false, func(w *world, a, _, _ string) { w.crash(a); w.endure() }},
		{"crash two", 1, false, func(w *world, a, b, _ string) { w.crash(a); w.crash(b); w.endure() }},
		{"crash all", 1, false, func(w *world, a, b, c string) { w.crash(a); w.crash(b); w.crash(c); w.endure() }},
		{"restart", 2, false, func(w *world, a, _, _ string) { w.stop(a); w.endure() }},
		{"rolling restart", 1, false, (*world).roll},
		{"transfer", 2, false, func(w *world, a, b, _ string) { w.transfer(a, b); w.endure() }},
		{"slow store", 2, false, func(w *world, a, _, _ string) { w.slow(a, 20*time.Millisecond, 300*time.Millisecond); w.endure() }},
		{"failing store", 2, false, (*world).failStore},
		{"hanging store", 2, false, (*world).hangStore},
	}
}

func (w *world) isolate(name string) {
	for _, m := range w.members {
		if m.Name != name {
			w.network.cut(name, m.Name)
			w.network.cut(m.Name, name)
		}
	}
}

// endure lets a fault last.
func (w *world) endure() {
	w.sleep(time.Duration(w.scale) * time.Duration(300+w.rng.IntN(4000)) * time.Millisecond)
}

// moment is a short while.
func (w *world) moment() {
	w.sleep(time.Duration(w.scale) * time.Duration(w.rng.IntN(400)) * time.Millisecond)
}

func (w *world) flap(a, b, c string) {
	for range 2 + w.rng.IntN(8) {
		w.isolate(a)
		w.moment()
		for _, other := range []string{b, c} {
			w.network.mend(a, other)
			w.network.mend(other, a)
		}
		w.moment()
	}
}

func (w *world) isolateAndCrash(a, b, _ string) {
	w.isolate(a)
	w.moment()
	w.crash(a)
	w.moment()
	w.crash(b)
	w.endure()
}

// isolateBusy makes a leader that does not notice for long that it is cut off: its
// main loop is busy. Another one is elected meanwhile.
func (w *world) isolateBusy(a, b, c string) {
	busy := w.timing.StuckWrite * 9 / 10
	w.occupy(a, busy)
	w.moment()
	w.isolate(a)
	w.sleep(busy)
	if w.rng.IntN(2) == 0 {
		for _, other := range []string{b, c} {
			w.network.mend(a, other)
			w.network.mend(other, a)
		}
	}
	w.moment()
}

// occupy keeps the main loop of a node's raft busy for a while, if the node is up.
func (w *world) occupy(name string, long time.Duration) {
	if p := w.process(name); p != nil {
		w.work.Go(func() { p.port.raft.occupy(long) })
	}
}

// crashLagging crashes a leader in the middle of a write, while one of the others has
// what it writes, and has it elect the next leader together with the third.
func (w *world) crashLagging(a, b, c string) {
	stall := w.timing.StuckWrite * 9 / 10
	w.isolate(c)
	w.moment()
	w.disks[a].slow(func() time.Duration { return stall })
	w.moment()
	w.crash(a)
	w.disks[a].mend()
	w.isolate(b)
	w.network.mend(a, c)
	w.network.mend(c, a)
	w.start(a)
	w.endure()
}

// leaveBehind isolates a node until only a snapshot can bring it back.
func (w *world) leaveBehind(a, b, c string) {
	w.isolate(a)
	w.endure()
	for range trailingLogs {
		w.flood(b, 1)
		w.flood(c, 1)
	}
	w.sleep(time.Duration(w.rng.IntN(10)) * time.Second)
}

// flood has so many keys taken and given back, two entries each.
func (w *world) flood(node string, cycles int) {
	for n := 0; n < cycles && !w.isOver(); n++ {
		run := w.run("flood")
		w.send(node, http.MethodPost, "/v1/keys/acquire", api.KeyAcquire{Key: run, RunID: run}, time.Second)
		w.send(node, http.MethodPost, "/v1/keys/release", api.KeyRelease{Key: run, RunID: run}, time.Second)
	}
}

// followers are the other nodes.
func (w *world) followers(leader string) []string {
	var names []string
	for _, m := range w.members {
		if m.Name != leader {
			names = append(names, m.Name)
		}
	}
	return names
}

func (w *world) roll(a, b, c string) {
	for _, name := range []string{a, b, c} {
		w.stop(name)
		w.moment()
		w.start(name)
		w.sleep(2 * w.election())
	}
}

func (w *world) transfer(from, to string) {
	w.trace("transfer to %s through %s", to, from)
	w.send(from, http.MethodPost, "/v1/leader/transfer", api.LeaderTransfer{To: to}, time.Second)
}

func (w *world) slow(name string, least, most time.Duration) {
	rng := w.rng.Uint64()
	w.disks[name].slow(func() time.Duration {
		rng = rng*6364136223846793005 + 1442695040888963407
		return least + time.Duration(rng>>33)%(most-least)
	})
}

func (w *world) failStore(a, _, _ string) {
	w.disks[a].failNext()
	w.endNode(a, "failed write")
}

func (w *world) hangStore(a, _, _ string) {
	w.disks[a].hangAll()
	w.endNode(a, "hanging write")
}

// endNode waits until the node gives up because of its disk.
func (w *world) endNode(name, why string) {
	p := w.process(name)
	if p == nil {
		return
	}
	limit := time.Now().Add(w.timing.StuckWrite + time.Duration(w.scale)*10*time.Second)
	for !p.fatal.Load() && w.sleep(100*time.Millisecond) {
		if time.Now().After(limit) {
			w.violated("%s goes on in spite of a %s", name, why)
		}
	}
	w.moment()
}

// trouble breaks something and heals it again, until the run ends.
func (w *world) trouble(length time.Duration) {
	menu := faults()
	total := 0
	for _, f := range menu {
		total += f.weight
	}
	for w.now() < length && !w.isOver() {
		pick := w.rng.IntN(total)
		i := 0
		for ; pick >= menu[i].weight; i++ {
			pick -= menu[i].weight
		}
		order := []string{"n1", "n2", "n3"}
		w.rng.Shuffle(3, func(x, y int) { order[x], order[y] = order[y], order[x] })
		if leader := w.leader(); w.rng.IntN(3) > 0 && leader != "" {
			for x := range order {
				if order[x] == leader {
					order[0], order[x] = order[x], order[0]
				}
			}
		}
		w.setCalm(false)
		w.trace("%s %v, leader %s", menu[i].name, order, w.leader())
		menu[i].do(w, order[0], order[1], order[2])
		w.tallies.faults.Add(1)
		if menu[i].partition {
			w.tallies.partitions.Add(1)
		}
		w.recover(menu[i].name)
		if w.rng.IntN(4) == 0 {
			w.sleep(time.Duration(w.rng.IntN(20)) * time.Second)
		} else {
			w.sleep(time.Duration(w.rng.IntN(4000)) * time.Millisecond)
		}
	}
}

// recover heals everything and measures how long it takes until somebody gets a
// new lock.
func (w *world) recover(after string) {
	w.network.heal()
	for _, m := range w.members {
		w.disks[m.Name].mend()
		if w.process(m.Name) == nil && !w.isOver() {
			w.start(m.Name)
			w.tallies.restarts.Add(1)
		}
	}
	w.trace("healed")
	healed := time.Now()
	limit := 2*w.election() + time.Second
	for key := w.run("probe"); !w.isOver(); {
		node := w.members[w.rng.IntN(3)].Name
		a := w.send(node, http.MethodPost, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: key}, 500*time.Millisecond)
		if a.ok() {
			took := time.Since(healed)
			w.slowestOf(took)
			w.trace("first grant after %v", took)
			if took > limit {
				w.violated("after %s: the first grant took %v, more than %v", after, took, limit)
			}
			w.send(node, http.MethodDelete, "/v1/runs/"+key, nil, time.Second)
			break
		}
		if time.Since(healed) > 10*limit {
			w.violated("after %s: no grant for %v", after, time.Since(healed))
		}
		w.sleep(20 * time.Millisecond)
	}
	w.setCalm(true)
}

func (w *world) slowestOf(took time.Duration) {
	for {
		old := w.tallies.slowest.Load()
		if int64(took) <= old || w.tallies.slowest.CompareAndSwap(old, int64(took)) {
			return
		}
	}
}
