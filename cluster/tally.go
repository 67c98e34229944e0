package cluster

import (
	"context"
	"sync"
)

// tally counts what is under way, until it is closed and the count is zero.
type tally struct {
	mu     sync.Mutex
	count  int
	closed bool
	idle   signal
}

// add counts one more; false once the tally is closed.
func (t *tally) add() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.count++
	return true
}

func (t *tally) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	if t.count == 0 {
		t.idle.raise()
	}
}

func (t *tally) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

// wait returns nil once the count is zero.
func (t *tally) wait(ctx context.Context) error {
	for {
		idle := t.idle.wait()
		t.mu.Lock()
		count := t.count
		t.mu.Unlock()
		if count == 0 {
			return nil
		}
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
