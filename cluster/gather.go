package cluster

import "time"

// gathering decides whether a batch waits for those who were answered with the last
// one. Without it callers who ask again at once fall into two groups, which take turns:
// one is under way while the other waits, each with half of what an entry could carry.
type gathering struct {
	// crowd is how many commands were under way or waited, of late, when a batch
	// ended, and round what the last one took.
	crowd int
	round time.Duration
	// wanted is how many the queue must have before it is looked at; zero for any.
	wanted int
	// waited is set while a batch for which enough had come is under way.
	waited bool
	// skips is how many batches go without a wait, as the last waits were in vain,
	// and skipped how many of these have gone.
	skips, skipped int
}

// ended notes that a batch of that many commands is about to be answered, after that
// long. Of several that are answered together the first one sees the whole crowd.
func (b *batcher) ended(size int, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := &b.gather
	g.crowd = max(b.underway+len(b.queue), g.crowd*7/8)
	g.round = took
	b.underway -= size
	if g.waited {
		g.waited = false
		// Callers who come together were all in it. If others came while it was under
		// way, people come at any time, and its wait just caught some of them. Of several
		// batches under way that cannot be said.
		g.learn(b.underway > 0 || 4*len(b.queue) <= size)
	}
}

// learn notes whether the last wait was worth it.
func (g *gathering) learn(worth bool) {
	if worth {
		g.skips = 0
	} else {
		g.skips = min(2*g.skips+1, maxGatherSkips)
	}
}

// enough reports whether the queue has what is wanted; b.mu is held.
func (b *batcher) enough() bool {
	return len(b.queue) >= b.gather.wanted || b.bytes >= MaxBatchBytes
}

// gatherAll waits until most of the crowd has asked again, or a batch is full, for as
// long as the last batch took at most, and for maxGather. Where callers do not come
// back that soon, it does so ever less often, and where fewer than least are away, never.
// It reports whether the batch may go: not if the leader has changed, or the node stops.
func (b *batcher) gatherAll(least int, rerouted <-chan struct{}) bool {
	patience := b.want(least)
	if patience == 0 {
		return true
	}
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		select {
		case <-b.filled:
			if b.gathered(false) {
				return true
			}
		case <-limit.C:
			b.gathered(true)
			return true
		case <-rerouted:
			b.gathered(true)
			return false
		case <-b.stop:
			b.gathered(true)
			return false
		}
	}
}

// want begins a wait and returns how long it may take; zero if there is none.
func (b *batcher) want(least int) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := &b.gather
	away := g.crowd - b.underway
	wanted := min(away-away/8, MaxBatchCommands)
	if away < least || len(b.queue) == 0 || len(b.queue) >= wanted || b.bytes >= MaxBatchBytes {
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
	g := &b.gather
	switch {
	case b.enough():
		g.waited = true
	case over:
		g.learn(false)
	default:
		return false
	}
	g.wanted = 0
	return true
}
