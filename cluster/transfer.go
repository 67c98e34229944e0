package cluster

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"
)

// TransferLeadership has the leader, whichever node is asked, hand over to the
// named member, or to one that follows closely if to is empty. It returns
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
// election timeout. While it tries it takes no commands, and it goes on trying
// for as long as its messages to the other node are under way: so it is not asked
// to hand over to a member that is not following.
func (n *Node) transfer(ctx context.Context, to raft.ServerID) error {
	if to == n.id {
		return nil
	}
	if to == "" {
		to = n.heir()
	}
	if n.config.Clock().Sub(n.clock.following(to)) > n.config.Timing.Heartbeat {
		return fmt.Errorf("%w: %q does not follow the log", ErrTransferFailed, to)
	}
	future := n.raft.LeadershipTransferToServer(to, raft.ServerAddress(n.addrs[to]))
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

// heir returns the voter that follows most closely.
func (n *Node) heir() raft.ServerID {
	var heir raft.ServerID
	for _, id := range n.voters() {
		if id != n.id && (heir == "" || n.clock.following(id).After(n.clock.following(heir))) {
			heir = id
		}
	}
	return heir
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
