package main

import (
	"context"
	"os"
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
	share, rate, last := 0, uint64(0), heap[1].Value.Uint64()
	every := time.NewTicker(heapCheck)
	defer every.Stop()
	for {
		metrics.Read(heap)
		allocated := heap[1].Value.Uint64()
		rate = max(allocated-last, rate/2) // a pause is not yet rest
		last = allocated
		// Each change stops the program for a moment.
		if next := garbageShare(heap[0].Value.Uint64(), rate); next > share*5/4 || next < share*4/5 || share == 0 {
			share = next
			debug.SetGCPercent(share)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
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
