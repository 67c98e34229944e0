package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// retry makes attempts that leave no trace until one succeeds, for as long as
// LeaderWait. What an attempt returns is final if it is ErrOverloaded,
// ErrUnknownMember or ErrTransferFailed; otherwise the next one follows a pause,
// or a change of leader.
func (n *Node) retry(ctx context.Context, attempt func(ctx context.Context, to destination) error) error {
	limited, cancel := context.WithTimeout(ctx, n.config.Timing.LeaderWait)
	defer cancel()
	for {
		led := n.led.wait()
		err := errNotApplied
		if to := n.destination(); !to.nobody() {
			err = attempt(limited, to)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, ErrOverloaded), errors.Is(err, ErrUnknownMember), errors.Is(err, ErrTransferFailed):
			return err
		}
		if done := n.pause(limited, led); done != nil {
			if ctx.Err() != nil {
				return fmt.Errorf("%w: %w", ErrNoLeader, ctx.Err())
			}
			if errors.Is(done, ErrShuttingDown) {
				return done
			}
			return fmt.Errorf("%w: within %s: %w", ErrNoLeader, n.config.Timing.LeaderWait, err)
		}
	}
}

// pause waits for the signal, at most RetryPause. It returns the context's
// error, or ErrShuttingDown.
func (n *Node) pause(ctx context.Context, signal <-chan struct{}) error {
	timer := time.NewTimer(n.config.Timing.RetryPause)
	defer timer.Stop()
	select {
	case <-signal:
	case <-timer.C:
	case <-ctx.Done():
		return ctx.Err()
	case <-n.stop:
		return ErrShuttingDown
	}
	return nil
}

// ask sends one request to a member and returns its answer. It gives up, with
// ErrOutcomeUnknown, as soon as another leader than that member is known.
func (n *Node) ask(ctx context.Context, peer raft.ServerID, kind byte, payload []byte) ([]byte, error) {
	type outcome struct {
		answer []byte
		err    error
	}
	came := make(chan outcome, 1)
	term := n.raft.CurrentTerm()
	cancel, err := n.config.Link.Send(n.addrs[peer], kind, payload, func(answer []byte, _ bool, err error) {
		select {
		case came <- outcome{answer, err}:
		default:
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotApplied, err)
	}
	defer cancel()
	for {
		begun := n.begun.wait()
		if l := n.leader.Load(); kind != kindStatus && l != nil && l.term > term && l.name != string(peer) {
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, errSuperseded)
		}
		select {
		case o := <-came:
			if o.err != nil {
				return nil, fmt.Errorf("%w: connection to %s: %w", ErrOutcomeUnknown, peer, o.err)
			}
			return o.answer, nil
		case <-begun:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrOutcomeUnknown, ctx.Err())
		}
	}
}
