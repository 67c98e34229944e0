package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockd/fsm"
	"lockd/gate"
)

// Do has the cluster apply cmd and returns its result. It returns an error when
// there is none:
//
//   - ErrNoLeader, ErrOverloaded, ErrShuttingDown, ErrTooLarge: cmd was not
//     applied and never will be;
//   - ErrOutcomeUnknown: it may have been applied, or may still be.
//
// When the context ends early its error is wrapped too, together with the one
// of these that holds. A command that was surely not applied is tried again for
// as long as Timing.LeaderWait; one whose outcome is unknown only if Session and
// Seq make that harmless.
//
// A try that is refused may be answered from a confirmed read, not from the log.
//
// If the result's code is Queued, the Reply has a Late channel, which must be
// given up with Close; the end of ctx closes it too. The caller must not change
// cmd after the call.
func (n *Node) Do(ctx context.Context, cmd *gate.Command) (*Reply, error) {
	leave, err := n.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	command := fsm.AppendCommand(make([]byte, 0, usualCommandBytes), cmd)
	if len(command) > MaxCommandBytes {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(command), MaxCommandBytes)
	}
	try := cmd.IsTry()
	if try {
		if reply := n.refusal(ctx, cmd, command); reply != nil {
			return reply, nil
		}
	}
	v, err := n.submit(ctx, command, !cmd.Session.IsZero() && cmd.Seq > 0)
	if err != nil {
		return nil, err
	}
	if try && v.result.Code == gate.Occupied {
		n.tries.note(cmd, true)
	}
	reply := &Reply{Result: v.result, Index: v.index}
	if !v.queued() {
		return reply, nil
	}
	late := make(chan Reply, 1)
	w, err := n.waiters.admit(cmd, v, func(r Reply) { late <- r })
	if err != nil {
		return nil, err
	}
	reply.Late, reply.waiter = late, w
	w.await(ctx, v.room)
	return reply, nil
}

// submit makes attempts until there is a result. repeatable says that a command
// with an unknown outcome may be sent again.
func (n *Node) submit(ctx context.Context, command []byte, repeatable bool) (verdict, error) {
	began, led := n.config.Clock(), n.led.wait()
	return n.pursue(ctx, command, repeatable, began, led, n.attempt(ctx, command))
}

// pursue makes further attempts, after a first one that began then and came to
// v, until there is a result. led was raised if there may be another leader since.
func (n *Node) pursue(ctx context.Context, command []byte, repeatable bool, began time.Time, led <-chan struct{}, v verdict) (verdict, error) {
	clock, t := n.config.Clock, n.config.Timing
	giveUp, limit := began.Add(t.LeaderWait), began.Add(t.Resend)
	var unknown error
	for ; ; v = n.attempt(ctx, command) {
		if v.err == nil {
			return v, nil
		}
		if errors.Is(v.err, ErrOutcomeUnknown) {
			if !repeatable {
				return v, v.err
			}
			unknown, giveUp = v.err, clock().Add(t.LeaderWait)
		} else if !errors.Is(v.err, errNotApplied) && unknown == nil {
			return v, v.err
		}
		err := n.pause(ctx, led)
		led = n.led.wait()
		if now := clock(); err == nil && now.Before(giveUp) && now.Before(limit) {
			continue
		}
		if unknown != nil {
			return v, unknown
		}
		if errors.Is(err, ErrShuttingDown) {
			return v, err
		}
		return v, errors.Join(fmt.Errorf("%w: %w", ErrNoLeader, v.err), err)
	}
}

// attempt proposes the command once, or has the leader do so. The verdict's
// error tells whether the command may have been applied.
func (n *Node) attempt(ctx context.Context, command []byte) verdict {
	if n.destination().nobody() {
		return verdict{err: fmt.Errorf("%w: nobody leads", errNotApplied)}
	}
	came := make(chan verdict, 1)
	p := &proposal{command: command, done: func(_ int, v verdict) { came <- v }}
	if err := n.batcher.put(p); err != nil {
		return verdict{err: err}
	}
	limit := time.NewTimer(n.config.Timing.Answer)
	defer limit.Stop()
	var err error
	select {
	case v := <-came:
		return v
	case <-ctx.Done():
		err = ctx.Err()
	case <-limit.C:
		err = fmt.Errorf("no answer within %s", n.config.Timing.Answer)
	}
	switch abandoned, unsent := p.abandon(); {
	case !abandoned:
		return <-came
	case unsent:
		return verdict{err: fmt.Errorf("%w: %w", errNotApplied, err)}
	default:
		return verdict{err: fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)}
	}
}
