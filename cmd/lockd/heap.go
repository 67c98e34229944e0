package main

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// tuneHeap decides how much garbage may gather, until ctx ends. Go's own rule is
// as much as there are live objects: a small node then collects every 4 MB, which
// takes 4 to 8 % of its CPU time, and one with a million holds is twice as large
// as its table, at rest too. With a small share for all, a collection of that
// table after every few thousand commands takes more than the commands do. Whoever
// sets GOGC or GOMEMLIMIT has decided otherwise.
func tuneHeap(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(heap)
	rate, last := uint64(0), heap[1].Value.Uint64()
	// All nodes make the same garbage: who looks at other times collects at others.
	every := time.NewTicker(heapCheck*3/4 + rand.N(heapCheck/2))
	defer every.Stop()
	var h heapTuner
	for {
		metrics.Read(heap)
		allocated := heap[1].Value.Uint64()
		rate = max(allocated-last, rate/2) // a pause is not yet rest
		last = allocated
		changed, rested := h.see(heap[0].Value.Uint64(), rate)
		if changed {
			debug.SetGCPercent(h.share)
		}
		if rested {
			returnMemory()
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// heapTuner follows the size of the heap and the load.
type heapTuner struct {
	// share is the percentage of the live heap that garbage may gather up to.
	share int
	busy  bool
	// quiet counts the looks since there was load.
	quiet int
}

// see takes the live bytes and how many were allocated in the last heapCheck. It
// reports whether the share has changed much, as each change stops the program for
// a moment, and whether a large heap has come to rest.
func (h *heapTuner) see(live, rate uint64) (changed, rested bool) {
	next, least := garbageShare(live, rate), garbageShare(live, 0)
	if next > h.share*5/4 || next < h.share*4/5 {
		h.share, changed = next, true
	}
	h.quiet++
	if next > least {
		h.quiet = 0
	}
	// A collection slows the load down: that is not yet rest.
	rested = h.busy && h.quiet == restChecks
	h.busy = next >= least*3/2 || h.busy && !rested
	return changed, rested
}

// returnMemory collects what a large heap has gathered under load, which at rest
// nothing else would do for minutes. Go gives back what the first collection has
// freed only after a second one: it keeps pages near others that were in use at
// the last (runtime/mgcscavenge.go, shouldScavenge).
func returnMemory() {
	for range 2 {
		runtime.GC()
	}
}

// garbageShare is the percentage of a live heap that garbage may gather up to: what
// is made of it in collectEvery at rate bytes in each heapCheck, or garbageBytes if
// that is more, within what is good for a heap of that size.
func garbageShare(live, rate uint64) int {
	live = max(live, 1<<20)
	wanted := max(rate*uint64(collectEvery/heapCheck), garbageBytes) * 100 / live
	most := max(garbageBytes*100/live, busyGarbageShare)
	return int(min(max(wanted, minGarbageShare), most, maxGarbageShare))
}
