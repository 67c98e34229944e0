package peer

import (
	"context"
	"sync"
	"time"
)

// A request is one request being served, and the context it is served under.
// It is a context of its own because there is one per frame: the usual one
// costs several allocations and a place in its parent's table.
type request struct {
	in       *incoming
	id       uint64
	finished bool // replies do nothing any more; guarded by in.mu

	mu    sync.Mutex
	err   error
	done  chan struct{} // made when first asked for
	after map[*func()]struct{}
}

// Deadline implements context.Context: there is none.
func (r *request) Deadline() (time.Time, bool) { return time.Time{}, false }

// Value implements context.Context: there is none.
func (r *request) Value(any) any { return nil }

// Err implements context.Context.
func (r *request) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Done implements context.Context.
func (r *request) Done() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == nil {
		r.done = make(chan struct{})
		if r.err != nil {
			close(r.done)
		}
	}
	return r.done
}

// AfterFunc lets package context hang derived contexts and callbacks on the
// request without a goroutine for each. What it passes never blocks, but may be
// passed with locks held that it takes itself.
func (r *request) AfterFunc(f func()) (stop func() bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		go f()
		return func() bool { return false }
	}
	if r.after == nil {
		r.after = make(map[*func()]struct{})
	}
	r.after[&f] = struct{}{}
	return func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		_, waiting := r.after[&f]
		delete(r.after, &f)
		return waiting
	}
}

// end ends the context. It may be called more than once, and on nil.
func (r *request) end() {
	if r == nil {
		return
	}
	r.mu.Lock()
	if r.err != nil {
		r.mu.Unlock()
		return
	}
	r.err = context.Canceled
	if r.done != nil {
		close(r.done)
	}
	after := r.after
	r.after = nil
	r.mu.Unlock()
	for f := range after {
		(*f)()
	}
}
