package cluster

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

// Read returns what Config.Reader makes of the query, from one version of the
// table that holds everything answered anywhere in the cluster before the call,
// and the index of that version. The leader serves it, whichever node is asked.
// The answer is the caller's. Errors: ErrNoLeader, ErrOverloaded,
// ErrShuttingDown, and the context's together with ErrNoLeader.
func (n *Node) Read(ctx context.Context, query []byte) (answer []byte, index uint64, err error) {
	leave, err := n.enter()
	if err != nil {
		return nil, 0, err
	}
	defer leave()
	err = n.retry(ctx, func(ctx context.Context, to destination) (err error) {
		if to.office != nil {
			answer, index, err = to.office.read(ctx, query)
		} else {
			answer, index, err = n.sendRead(ctx, to.peer, query)
		}
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return answer, index, nil
}

func (o *office) read(ctx context.Context, query []byte) ([]byte, uint64, error) {
	if err := o.confirm(ctx); err != nil {
		return nil, 0, err
	}
	view, index := o.node.fsm.View()
	return o.node.config.Reader(view, index, o.left, query), index, nil
}

func (n *Node) sendRead(ctx context.Context, peer raft.ServerID, query []byte) ([]byte, uint64, error) {
	answer, err := n.ask(ctx, peer, kindRead, query)
	if err != nil {
		return nil, 0, err
	}
	c := &cursor{rest: answer}
	if err := errorOf(c.byte()); err != nil {
		return nil, 0, err
	}
	index := c.number()
	if c.err != nil {
		return nil, 0, fmt.Errorf("%w: read of %s: %w", ErrOutcomeUnknown, peer, c.err)
	}
	return c.rest, index, nil
}

func (n *Node) serveRead(ctx context.Context, query []byte) []byte {
	o := n.destination().office
	if o == nil {
		return []byte{endNotApplied}
	}
	answer, index, err := o.read(ctx, query)
	if err != nil {
		return []byte{endOf(err)}
	}
	return append(binary.AppendUvarint([]byte{endOK}, index), answer...)
}

// Stale returns the version of the table that this node has, without asking
// anybody: its index, and how long ago it was the cluster's latest at most. If
// known is false the node cannot tell its age, and the version may be arbitrarily
// old.
func (n *Node) Stale() (view *gate.View, index uint64, age time.Duration, known bool) {
	at := n.fresh.at()
	view, index = n.fsm.View()
	if o := n.office.Load(); o != nil && o.isReady() {
		if until := n.clock.until(o.term, n.config.Clock()); until.After(at) {
			at = until
		}
	}
	if at.IsZero() {
		return view, index, 0, false
	}
	return view, index, max(0, n.config.Clock().Sub(at)), true
}

// Leader names the leader of the latest term that this node knows to be ready,
// and where it serves clients; known is false while no leader is in contact, or
// while the next one is not ready. It costs next to nothing.
func (n *Node) Leader() (name, clientURL string, term uint64, known bool) {
	l := n.leader.Load()
	if l == nil {
		return "", "", 0, false
	}
	_, id := n.raft.LeaderWithID()
	if string(id) != l.name || n.raft.CurrentTerm() != l.term {
		return "", "", 0, false
	}
	return l.name, l.clientURL, l.term, true
}

// IsLeader reports whether this node leads and serves. It is not a proof: another
// leader may have been elected. Read is.
func (n *Node) IsLeader() bool { return n.destination().office != nil }
