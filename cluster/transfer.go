package cluster

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"
)

// TransferLeadership has the leader, whichever node is asked, hand over to the
// named member, or to the one that is furthest ahead if to is empty. It returns
// nil when the old leader has stepped down, or if the named member leads
// already. Errors: ErrUnknownMember, ErrTransferFailed (retry is safe),
// ErrNoLeader, ErrShuttingDown.
func (n *Node) TransferLeadership(ctx context.Context, to string) error {
	leave, err := n.enter()
	if err != nil {
		return err
	}
	defer leave()
	if to != "" && n.addrs[raft.ServerID(to)] == "" {
		return fmt.Errorf("%w: %q", ErrUnknownMember, to)
	}
	return n.retry(ctx, func(ctx context.Context, leader destination) error {
		switch {
		case leader.office == nil && string(leader.peer) == to:
			return nil
		case leader.office == nil:
			return n.sendTransfer(ctx, leader.peer, to)
		default:
			return n.transfer(ctx, raft.ServerID(to))
		}
	})
}

// transfer hands over from this node; raft gives up by itself within twice the
// election timeout.
func (n *Node) transfer(ctx context.Context, to raft.ServerID) error {
	var future raft.Future
	switch to {
	case n.id:
		return nil
	case "":
		future = n.raft.LeadershipTransfer()
	default:
		future = n.raft.LeadershipTransferToServer(to, raft.ServerAddress(n.addrs[to]))
	}
	ended := make(chan error, 1)
	if !n.spawn(func() { ended <- future.Error() }) {
		return ErrShuttingDown
	}
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("%w: %w", ErrTransferFailed, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrTransferFailed, ctx.Err())
	}
}

func (n *Node) sendTransfer(ctx context.Context, peer raft.ServerID, to string) error {
	answer, err := n.ask(ctx, peer, kindTransfer, []byte(to))
	if err != nil {
		return err
	}
	c := &cursor{rest: answer}
	if end := c.byte(); end == endFailed {
		return fmt.Errorf("%w: %s", ErrTransferFailed, c.rest)
	} else if c.err != nil {
		return c.err
	} else {
		return errorOf(end)
	}
}

func (n *Node) serveTransfer(ctx context.Context, payload []byte) []byte {
	if n.destination().office == nil {
		return []byte{endNotApplied}
	}
	to := raft.ServerID(payload)
	if to != "" && n.addrs[to] == "" {
		return append([]byte{endFailed}, "no such member"...)
	}
	if err := n.transfer(ctx, to); err != nil {
		return append([]byte{endFailed}, err.Error()...)
	}
	return []byte{endOK}
}
