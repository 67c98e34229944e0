package cluster

import (
	"context"
	"fmt"
	"time"

	"lockd/gate"
)

// Lease is what a keepalive found.
type Lease struct {
	ID gate.SessionID
	// Alive says that the session lives and has its whole TTL again. If it is
	// false the session never existed, was closed or has expired, and the rest
	// is zero.
	Alive bool
	TTL   time.Duration
	// Left is how much of the TTL was left when the leader answered.
	Left time.Duration
	// Lost counts the holds taken from the session by break or move so far.
	Lost uint64
}

// Keepalive renews the sessions, on whichever node, and returns one lease for
// each id, in order. A lease is alive only if the leader proved to a quorum,
// after it had received the keepalive, that it still leads, and has not proposed
// the session's expiry. Errors: ErrNoLeader, ErrOverloaded, ErrShuttingDown, and
// the context's. After an error the sessions may or may not have been renewed.
func (n *Node) Keepalive(ctx context.Context, ids []gate.SessionID) ([]Lease, error) {
	leave, err := n.enter()
	if err != nil {
		return nil, err
	}
	defer leave()
	return n.keepalive(ctx, ids)
}

func (n *Node) keepalive(ctx context.Context, ids []gate.SessionID) ([]Lease, error) {
	if len(ids) > MaxKeepaliveIDs {
		return nil, fmt.Errorf("%w: %d sessions in one keepalive, at most %d", ErrOverloaded, len(ids), MaxKeepaliveIDs)
	}
	var leases []Lease
	err := n.retry(ctx, func(ctx context.Context, to destination) (err error) {
		if to.office != nil {
			leases, err = to.office.keepalive(ctx, ids)
		} else {
			leases, err = n.renewals.renew(ctx, to.peer, ids)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

// keepalive renews sessions on the leader: the deadlines move now, as the
// messages are here now; the answer waits for the proof of leadership.
func (o *office) keepalive(ctx context.Context, ids []gate.SessionID) ([]Lease, error) {
	o.renew(ids)
	if err := o.confirm(ctx); err != nil {
		return nil, err
	}
	leases := make([]Lease, len(ids))
	for {
		settled := o.settled.wait()
		if o.leases(ids, leases) {
			return leases, nil
		}
		select {
		case <-settled:
		case <-o.over:
			return nil, fmt.Errorf("%w: leadership lost", errNotApplied)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// renew moves the deadlines of those sessions that there are.
func (o *office) renew(ids []gate.SessionID) {
	view, _ := o.node.fsm.View()
	now := o.node.config.Clock()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		if _, lives := view.Session(id); lives {
			o.keeper.Keepalive(id.Number, now)
		}
	}
}

// leases fills in what is known of each session. It returns false while the
// outcome of a proposed expiry is open: until then neither answer would be true.
func (o *office) leases(ids []gate.SessionID, leases []Lease) bool {
	now := o.node.config.Clock()
	o.mu.Lock()
	defer o.mu.Unlock()
	// Under the lock: an expiry is in this version before it stops to be ending.
	view, _ := o.node.fsm.View()
	for i, id := range ids {
		leases[i] = Lease{ID: id}
		session, lives := view.Session(id)
		if !lives {
			continue
		}
		if o.keeper.IsEnding(id.Number) {
			return false
		}
		left, runs := o.keeper.Left(id.Number, now)
		if !runs {
			left = session.TTL
		}
		leases[i] = Lease{ID: id, Alive: true, TTL: session.TTL, Left: left, Lost: session.Lost}
	}
	return true
}

// serveKeepalive renews sessions for another node.
func (n *Node) serveKeepalive(ctx context.Context, payload []byte) []byte {
	var ids []gate.SessionID
	c := &cursor{rest: payload}
	for c.more() {
		ids = append(ids, c.sessionID())
	}
	var leases []Lease
	err := c.err
	if o := n.destination().office; err == nil && o != nil {
		leases, err = o.keepalive(ctx, ids)
	} else if err == nil {
		err = errNotApplied
	}
	answer := []byte{endOf(err)}
	for _, l := range leases {
		answer = appendLease(answer, l)
	}
	return answer
}
