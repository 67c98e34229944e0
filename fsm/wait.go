package fsm

import (
	"container/heap"
	"context"
)

// waiter is one call of WaitApplied that has to wait.
type waiter struct {
	index uint64
	// at is the waiter's place in the heap, -1 once its wait has ended.
	at int
	// ended is closed when the wait has; then err says how.
	ended chan struct{}
	err   error
}

// waiters is a heap with the lowest index first, so that an entry costs only
// those whom it releases.
type waiters []*waiter

func (w waiters) Len() int           { return len(w) }
func (w waiters) Less(i, j int) bool { return w[i].index < w[j].index }
func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].at, w[j].at = i, j
}

// Push is for container/heap.
func (w *waiters) Push(x any) {
	x.(*waiter).at = len(*w)
	*w = append(*w, x.(*waiter))
}

// Pop is for container/heap.
func (w *waiters) Pop() any {
	last := len(*w) - 1
	x := (*w)[last]
	(*w)[last] = nil
	*w = (*w)[:last]
	x.at = -1
	return x
}

// WaitApplied returns nil once Applied is at least index, and the context's
// error if that ends first. Any number of goroutines may wait.
//
// Entries that Raft keeps to itself (the one that begins a term, and barriers)
// do not pass here: an index that is one of those is reached with the next
// command or configuration.
func (f *FSM) WaitApplied(ctx context.Context, index uint64) error {
	if f.applied.Load() >= index {
		return nil
	}
	f.mu.Lock()
	if f.applied.Load() >= index {
		f.mu.Unlock()
		return nil
	}
	w := &waiter{index: index, ended: make(chan struct{})}
	heap.Push(&f.waiters, w)
	f.mu.Unlock()

	stop := context.AfterFunc(ctx, func() { f.giveUp(w, context.Cause(ctx)) })
	defer stop()
	<-w.ended
	return w.err
}

// giveUp ends a wait that has not ended yet.
func (f *FSM) giveUp(w *waiter, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if w.at < 0 {
		return
	}
	heap.Remove(&f.waiters, w.at)
	w.err = err
	close(w.ended)
}

// publish makes index the applied one and releases who waited for it.
func (f *FSM) publish(index uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied.Store(index)
	for len(f.waiters) > 0 && f.waiters[0].index <= index {
		close(heap.Pop(&f.waiters).(*waiter).ended)
	}
}
