package cluster

import "time"

// gathering decides whether a batch waits for those who were answered with the last
// one. Without it callers who ask again at once fall into two groups, which take turns:
// one is under way while the other waits, each with half of what an entry could carry.
type gathering struct {
	// crowd is how many commands were under way or waited when the last batch ended,
	// and round what that took.
	crowd int
	round time.Duration
	// wanted is how many the queue must have before it is looked at; zero for any.
	wanted int
	// skips is how many batches go without a wait, as the last waits were in vain,
	// and skipped how many of these have gone.
	skips, skipped int
}

// ended notes that a batch of that many commands is about to be answered, after that
// long.
func (b *batcher) ended(size int, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gather.crowd, b.gather.round = size+len(b.queue), took
}

// enough reports whether the queue has what is wanted; b.mu is held.
func (b *batcher) enough() bool {
	return len(b.queue) >= b.gather.wanted || b.bytes >= MaxBatchBytes
}

// gatherAll waits until most of the crowd has asked again, or a batch is full, for as
// long as the last batch took at most, and for maxGather. Where callers do not come
// back that soon, it does so ever less often.
func (b *batcher) gatherAll(rerouted <-chan struct{}) {
	patience := b.want()
	if patience == 0 {
		return
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		select {
		case <-b.filled:
			if b.gathered(false) {
				return
			}
			continue
		case <-limit.C:
		case <-rerouted:
		case <-b.stop:
		}
		b.gathered(true)
		return
	}
}

// want begins a wait and returns how long it may take; zero if there is none.
func (b *batcher) want() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := &b.gather
	wanted := min(g.crowd-g.crowd/8, MaxBatchCommands)
	if g.crowd < leastCrowd || len(b.queue) == 0 || len(b.queue) >= wanted || b.bytes >= MaxBatchBytes {
		return 0
	}
	if g.skipped < g.skips {
		g.skipped++
		return 0
	}
	g.wanted, g.skipped = wanted, 0
	return max(min(g.round, maxGather), 1)
}

// gathered ends the wait, if there is enough or it is over, and reports whether it
// has ended.
func (b *batcher) gathered(over bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch g := &b.gather; {
	case b.enough():
		g.wanted, g.skips = 0, 0
	case over:
		g.wanted, g.skips = 0, min(2*g.skips+1, maxGatherSkips)
	default:
		return false
	}
	return true
}
