package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// prover makes reads and keepalives of one term wait until it is proved that
// the leader still led after they began. The proof is the ack clock's. Traffic
// moves that clock by itself; when it is idle, the prover has heartbeats sent,
// once for all who wait.
type prover struct {
	clock *ackClock
	term  uint64
	now   func() time.Time
	over  <-chan struct{}

	mu sync.Mutex
	// waiting is in the order of the times from which a proof is needed.
	waiting []unproved
	// triggered is when heartbeats were last asked for; zero if a quorum has
	// answered since.
	triggered time.Time
	trigger   chan struct{}
}

type unproved struct {
	from time.Time
	done chan struct{}
}

func newProver(clock *ackClock, term uint64, now func() time.Time, over <-chan struct{}) *prover {
	return &prover{clock: clock, term: term, now: now, over: over, trigger: make(chan struct{}, 1)}
}

// wait returns nil once leadership after the call is proved: errNotApplied when
// it was lost, ErrOverloaded, or the context's error.
func (p *prover) wait(ctx context.Context) error {
	done, err := p.join()
	if err != nil || done == nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-p.over:
		return fmt.Errorf("%w: leadership lost", errNotApplied)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join queues one more who waits; nil if there is nothing to wait for.
func (p *prover) join() (chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.now()
	if until := p.clock.until(p.term, from); !until.Before(from) {
		return nil, nil
	}
	if len(p.waiting) >= MaxConfirmations {
		return nil, ErrOverloaded
	}
	done := make(chan struct{})
	p.waiting = append(p.waiting, unproved{from: from, done: done})
	p.ask()
	return done, nil
}

// ask has heartbeats sent unless some already are under way; p.mu is held.
func (p *prover) ask() {
	if p.triggered.IsZero() {
		p.triggered = p.now()
		select {
		case p.trigger <- struct{}{}:
		default:
		}
	}
}

// advance releases those whose proof is there. It does not block.
func (p *prover) advance(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	proved := 0
	for proved < len(p.waiting) && !p.waiting[proved].from.After(until) {
		close(p.waiting[proved].done)
		p.waiting[proved].done = nil
		proved++
	}
	p.waiting = p.waiting[proved:]
	if !p.triggered.After(until) {
		p.triggered = time.Time{}
	}
	if len(p.waiting) > 0 {
		p.ask()
	} else {
		p.waiting = nil
	}
}

// run triggers heartbeats until the term is over. The answer to verify itself
// counts for nothing: it may rest on messages sent before, and on non-voters.
func (p *prover) run(verify func() raft.Future) {
	for {
		select {
		case <-p.trigger:
			verify()
		case <-p.over:
			return
		}
	}
}
