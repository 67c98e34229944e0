package cluster

import (
	"context"
	"fmt"
	"sync"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

// renewals gathers the keepalives that a follower has to forward: while one
// message to the leader is under way the next one fills up, and for a moment more.
// Each message costs the leader a proof that it still leads, however many sessions
// it is about, and nobody waits for a keepalive as they do for a lock.
type renewals struct {
	node *Node

	mu      sync.Mutex
	pending []*renewal
	queued  int
	sending bool
}

// renewal is one message.
type renewal struct {
	peer   raft.ServerID
	ids    []gate.SessionID
	done   chan struct{}
	leases []Lease
	err    error
}

// renew has the leader renew the sessions; the errors are those of one attempt.
func (r *renewals) renew(ctx context.Context, peer raft.ServerID, ids []gate.SessionID) ([]Lease, error) {
	m, from, err := r.join(peer, ids)
	if err != nil {
		return nil, err
	}
	select {
	case <-m.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if m.err != nil {
		return nil, m.err
	}
	return m.leases[from : from+len(ids)], nil
}

// join adds the ids to the message that is filling up, from the place returned.
func (r *renewals) join(peer raft.ServerID, ids []gate.SessionID) (m *renewal, from int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.queued+len(ids) > MaxQueuedKeepaliveIDs {
		return nil, 0, ErrOverloaded
	}
	if last := len(r.pending) - 1; last >= 0 && r.pending[last].peer == peer && len(r.pending[last].ids)+len(ids) <= MaxKeepaliveIDs {
		m = r.pending[last]
	} else {
		m = &renewal{peer: peer, done: make(chan struct{})}
		r.pending = append(r.pending, m)
	}
	from = len(m.ids)
	m.ids = append(m.ids, ids...)
	r.queued += len(ids)
	if !r.sending {
		if !r.node.spawn(r.run) {
			return nil, 0, ErrShuttingDown
		}
		r.sending = true
	}
	return m, from, nil
}

// run sends one message after the other until none is left.
func (r *renewals) run() {
	for {
		r.mu.Lock()
		if len(r.pending) == 0 {
			r.sending = false
			r.mu.Unlock()
			return
		}
		m := r.pending[0]
		r.pending = r.pending[1:]
		r.queued -= len(m.ids)
		r.mu.Unlock()
		sent := r.node.uptime()
		m.leases, m.err = r.node.sendKeepalive(m.peer, m.ids)
		close(m.done)
		if !r.full() {
			sleep(keepaliveGap-(r.node.uptime()-sent), r.node.stop)
		}
	}
}

// full says whether a message can take no more.
func (r *renewals) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.pending) > 1
}

func (n *Node) sendKeepalive(peer raft.ServerID, ids []gate.SessionID) ([]Lease, error) {
	ctx, cancel := context.WithTimeout(context.Background(), n.config.Timing.LeaderWait)
	defer cancel()
	var payload []byte
	for _, id := range ids {
		payload = appendSessionID(payload, id)
	}
	answer, err := n.ask(ctx, peer, kindKeepalive, payload)
	if err != nil {
		return nil, err
	}
	c := &cursor{rest: answer}
	if err := errorOf(c.byte()); err != nil {
		return nil, err
	}
	leases := make([]Lease, 0, len(ids))
	for c.more() {
		leases = append(leases, c.lease())
	}
	if c.err != nil || len(leases) != len(ids) {
		return nil, fmt.Errorf("%w: keepalive of %s: %w", ErrOutcomeUnknown, peer, errMalformed)
	}
	return leases, nil
}
