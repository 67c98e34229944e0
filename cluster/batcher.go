package cluster

import (
	"runtime"
	"sync"
	"time"
)

// batcher gathers the commands that wait on this node, from its own clients
// and, on the leader, from the other nodes. It sends a batch as soon as the
// leader has room for one: while as many as it takes are under way the next one
// fills up. It may then wait for a moment, see gathering.
type batcher struct {
	clock func() time.Time
	// route returns where batches go at present; never nil.
	route func() *sink
	// rerouted is raised whenever route may have changed.
	rerouted *signal
	stop     <-chan struct{}

	mu    sync.Mutex
	queue []*proposal
	bytes int
	// underway is how many commands were sent and are not answered.
	underway int
	closed   bool
	// filled has a token when the queue may not be empty or, while a batch gathers,
	// may have all that is wanted.
	filled chan struct{}
	gather gathering
}

// sink is one leader as seen from this node, for as long as it leads.
type sink struct {
	to destination
	// slots has one token for each batch under way.
	slots chan struct{}
	// crowd is how many callers must be away for a batch to wait for them.
	crowd int
	// send hands the batch over and calls over, before the first answer, when another
	// may follow.
	send func(batch []*proposal, over func())
}

func newBatcher(clock func() time.Time, route func() *sink, rerouted *signal, stop <-chan struct{}) *batcher {
	return &batcher{clock: clock, route: route, rerouted: rerouted, stop: stop, filled: make(chan struct{}, 1)}
}

// put queues the proposals, all or none: ErrOverloaded, ErrShuttingDown.
func (b *batcher) put(proposals ...*proposal) error {
	size := 0
	for _, p := range proposals {
		size += len(p.command)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed:
		return ErrShuttingDown
	case len(b.queue)+len(proposals) > MaxQueuedCommands, b.bytes+size > MaxQueuedBytes:
		return ErrOverloaded
	}
	b.queue = append(b.queue, proposals...)
	b.bytes += size
	if b.enough() {
		select {
		case b.filled <- struct{}{}:
		default:
		}
	}
	return nil
}

// take returns the next batch, nil if nothing waits. What it returns is under way.
func (b *batcher) take() []*proposal {
	b.mu.Lock()
	defer b.mu.Unlock()
	var batch []*proposal
	taken, size := 0, 0
	for _, p := range b.queue {
		if len(batch) == MaxBatchCommands || len(batch) > 0 && size+len(p.command) > MaxBatchBytes {
			break
		}
		taken++
		b.bytes -= len(p.command)
		if p.take() {
			batch = append(batch, p)
			size += len(p.command)
		}
	}
	b.underway += len(batch)
	clear(b.queue[:taken])
	b.queue = b.queue[taken:]
	if len(b.queue) == 0 {
		b.queue = nil
	}
	return batch
}

// run sends batches until stop, then refuses what is left.
func (b *batcher) run() {
	defer b.drain()
	for {
		select {
		case <-b.filled:
		case <-b.stop:
			return
		}
		for b.sendOne() {
		}
	}
}

// sendOne sends one batch; false if there was none or the node stops.
func (b *batcher) sendOne() bool {
	rerouted := b.rerouted.wait()
	to := b.route()
	select {
	case to.slots <- struct{}{}:
	case <-rerouted:
		return true
	case <-b.stop:
		return false
	}
	// Who is about to ask, asks first: without a timer that costs nobody anything,
	// and the batch grows by those who were answered with the last one.
	runtime.Gosched()
	if !b.gatherAll(to.crowd, rerouted) {
		<-to.slots
		return true
	}
	batch := b.take()
	if len(batch) == 0 {
		<-to.slots
		return false
	}
	begun := b.clock()
	to.send(batch, sync.OnceFunc(func() {
		b.ended(len(batch), b.clock().Sub(begun))
		<-to.slots
	}))
	return true
}

func (b *batcher) drain() {
	b.mu.Lock()
	rest := b.queue
	b.queue, b.bytes, b.closed = nil, 0, true
	b.mu.Unlock()
	refuse(rest, ErrShuttingDown)
}
