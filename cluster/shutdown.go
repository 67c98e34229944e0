package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// Shutdown takes no new work, gives leadership to another member, which takes
// at most a second, ends what is still under way, and closes the stores. Calls
// that wait for a late answer get ErrShuttingDown; their requests stay queued.
// When ctx ends first the node is left as it is, and the process should end.
// Shutdown must be called once.
func (n *Node) Shutdown(ctx context.Context) error {
	n.calls.close()
	n.waiters.close()
	n.handOver(ctx)
	close(n.stop)
	if err := n.settleDown(ctx); err != nil {
		return err
	}
	if err := n.stopRaft(ctx); err != nil {
		return err
	}
	n.transport.close()
	if n.stores.Close != nil {
		if err := n.stores.Close(); err != nil {
			return fmt.Errorf("close the stores: %w", err)
		}
	}
	return nil
}

// handOver lets the calls under way end and then hands leadership over, all
// within maxHandOver.
func (n *Node) handOver(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, maxHandOver)
	defer cancel()
	var err error
	for len(n.addrs) > 1 && n.raft.State() == raft.Leader && n.pause(ctx, nil) == nil {
		if err = n.transfer(ctx, ""); err == nil {
			break
		}
	}
	if err != nil {
		n.logger.Warn("leadership not handed over", "error", err)
	}
	if err := n.calls.wait(ctx); err != nil {
		n.logger.Warn("some calls were cut off", "error", err)
	}
}

// settleDown ends the loops and everything that raft still owes an answer, while
// raft is there to give it.
func (n *Node) settleDown(ctx context.Context) error {
	n.forwards.giveUp(func(*forwarded) bool { return true }, errors.Join(ErrOutcomeUnknown, ErrShuttingDown))
	ended := make(chan struct{})
	go func() {
		n.loops.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		return fmt.Errorf("shutdown: loops: %w", ctx.Err())
	}
	if err := n.calls.wait(ctx); err != nil {
		return fmt.Errorf("shutdown: calls: %w", err)
	}
	n.tasks.close()
	if err := n.tasks.wait(ctx); err != nil {
		return fmt.Errorf("shutdown: proposals: %w", err)
	}
	return nil
}

func (n *Node) stopRaft(ctx context.Context) error {
	stopped := make(chan error, 1)
	future := n.raft.Shutdown()
	go func() {
		err := future.Error()
		// A write that failed has ended the node already.
		_ = n.stores.parallel.drain()
		stopped <- err
	}()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
		return fmt.Errorf("shutdown: raft: %w", ctx.Err())
	}
}
