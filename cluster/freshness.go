package cluster

import (
	"sync"
	"time"
)

// freshness knows at which time this node's table was the cluster's. A follower
// that was told "committed up to i" at some time and has applied i holds at
// least what was committed when that was sent. Contact alone would not do: a
// leader's heartbeats go on while its entries do not arrive.
type freshness struct {
	// term and applied are this node's own.
	term    func() uint64
	applied func() uint64

	mu sync.Mutex
	// asOf is the latest time shown, zero for none.
	asOf time.Time
	// pending is the next candidate: the table will be as of then once commit
	// is applied.
	pending time.Time
	commit  uint64
}

// heard notes a message of a leader. Those that tell nothing about the commit
// index, and those of a former leader, do not count.
func (f *freshness) heard(term, commit uint64, now time.Time) {
	if commit == 0 || term < f.term() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settle()
	if f.pending.IsZero() {
		f.pending, f.commit = now, commit
	}
}

// led notes that this node's leadership is proved up to a time.
func (f *freshness) led(until time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if until.After(f.asOf) {
		f.asOf = until
	}
}

// settle accepts the pending candidate if its entries are applied; f.mu is held.
func (f *freshness) settle() {
	if !f.pending.IsZero() && f.applied() >= f.commit {
		if f.pending.After(f.asOf) {
			f.asOf = f.pending
		}
		f.pending = time.Time{}
	}
}

// at returns the latest time at which the table was the cluster's, zero if
// nothing is known.
func (f *freshness) at() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.settle()
	return f.asOf
}
