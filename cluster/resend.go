package cluster

import (
	"context"
	"errors"
	"sync"
)

// resends takes up, with the next leader, the requests whose leader was lost.
type resends struct {
	node *Node

	mu     sync.Mutex
	queue  []*waiter
	filled chan struct{}
}

// put queues the waiter. It does not block: it is called while the log is applied.
// Each waiter is in the queue once at most, so waiters' own bound holds here.
func (r *resends) put(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue = append(r.queue, w)
	select {
	case r.filled <- struct{}{}:
	default:
	}
}

func (r *resends) take() []*waiter {
	r.mu.Lock()
	defer r.mu.Unlock()
	queue := r.queue
	r.queue = nil
	return queue
}

// run resends until the node stops.
func (r *resends) run() {
	var work sync.WaitGroup
	defer work.Wait()
	slots := make(chan struct{}, MaxResends)
	for {
		select {
		case <-r.filled:
		case <-r.node.stop:
			return
		}
		for _, w := range r.take() {
			select {
			case slots <- struct{}{}:
			case <-r.node.stop:
				return
			}
			work.Go(func() {
				r.resume(w)
				<-slots
			})
		}
	}
}

// resume sends the request to whoever leads until there is an answer. Whatever
// happened to an attempt, the next one is harmless: it never takes names anew.
func (r *resends) resume(w *waiter) {
	command := w.resumption()
	for !w.isOver() {
		v, err := r.node.submit(context.Background(), command, true)
		switch {
		case err == nil && v.queued():
			w.request = v.result.Request
			w.node.waiters.moved(w, v.result.Session)
			w.join(v.room)
			return
		case err == nil:
			w.deliver(Reply{Result: v.result, Index: v.index})
			return
		case errors.Is(err, ErrShuttingDown):
			return
		}
		if r.node.pause(context.Background(), r.node.led.wait()) != nil {
			return
		}
	}
}
