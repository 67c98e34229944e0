package cluster

import (
	"time"

	"lockd/cluster/timekeeper"
	"lockd/gate"
)

// keepTime proposes expiries until the term is over: one at a time, so that what
// comes due meanwhile fills the next one, and the same one again until it is
// applied.
func (o *office) keepTime() {
	var (
		t       = o.node.config.Timing
		clock   = o.node.config.Clock
		timer   = time.NewTimer(0)
		applied = make(chan error, 1)
		batch   timekeeper.Expiry
		under   bool
	)
	defer timer.Stop()
	for {
		select {
		case <-o.over:
			return
		case <-timer.C:
		case <-o.hurry:
		case err := <-applied:
			under = false
			if err == nil {
				o.settle(batch)
				batch = timekeeper.Expiry{}
			}
		}
		o.mu.Lock()
		if batch.Empty() {
			batch = o.keeper.Due(clock(), MaxExpired)
		}
		next, any := o.keeper.Next(clock())
		o.mu.Unlock()
		if !batch.Empty() && !under {
			under = true
			o.expire(batch, applied)
		}
		if !any || next > t.Tick || under {
			next = t.Tick
		}
		timer.Reset(next)
	}
}

// expire proposes the batch and reports, after a pause if it failed.
func (o *office) expire(batch timekeeper.Expiry, applied chan<- error) {
	cmd := &gate.Command{Op: &gate.Expire{Term: o.term, Seen: batch.Seen, Sessions: batch.Sessions, Requests: batch.Requests, Delays: batch.Delays}}
	o.work.Go(func() {
		_, err := o.node.commit(cmd)
		if err != nil {
			o.node.logger.Warn("expiry not applied", "term", o.term, "error", err)
			select {
			case <-o.over:
			case <-time.After(o.node.config.Timing.RetryPause):
			}
		}
		applied <- err
	})
}

func (o *office) settle(batch timekeeper.Expiry) {
	o.mu.Lock()
	o.keeper.Settle(batch)
	o.mu.Unlock()
	o.settled.raise()
}

// left returns how much of the session's TTL is left on this leader.
func (o *office) left(id gate.SessionID) (time.Duration, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.keeper.Left(id.Number, o.node.config.Clock())
}
