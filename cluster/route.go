package cluster

import (
	"fmt"

	"github.com/hashicorp/raft"
)

// destination is who leads, as seen from this node: itself while in office and
// ready, else another member, else nobody.
type destination struct {
	office *office
	peer   raft.ServerID
}

func (d destination) nobody() bool { return d == destination{} }

// destination asks raft; nothing is remembered that could be out of date.
func (n *Node) destination() destination {
	if o := n.office.Load(); o != nil && o.isReady() {
		return destination{office: o}
	}
	if _, id := n.raft.LeaderWithID(); id != "" && id != n.id && n.addrs[id] != "" {
		return destination{peer: id}
	}
	return destination{}
}

// route returns the sink of the present leader. A sink is kept while its leader
// leads, so that what a lost leader still owes takes no slot of the next one.
func (n *Node) route() *sink {
	to := n.destination()
	n.sinkMu.Lock()
	defer n.sinkMu.Unlock()
	if n.sink == nil || n.sink.to != to {
		n.sink = &sink{to: to, slots: make(chan struct{}, MaxFramesInFlight), crowd: frameCrowd, send: n.sendNowhere}
		switch {
		case to.office != nil:
			n.sink = &sink{to: to, slots: make(chan struct{}, MaxEntriesInFlight), crowd: entryCrowd, send: to.office.propose}
		case !to.nobody():
			n.sink.send = func(batch []*proposal, over func()) { n.sendTo(to.peer, batch, over) }
		}
	}
	return n.sink
}

func (n *Node) sendNowhere(batch []*proposal, over func()) {
	over()
	refuse(batch, fmt.Errorf("%w: nobody leads", errNotApplied))
}

// sendTo forwards a batch to the leader. What was forwarded to this node goes
// back instead: its sender knows better by now, or will.
func (n *Node) sendTo(peer raft.ServerID, batch []*proposal, over func()) {
	own := batch[:0]
	for _, p := range batch {
		if p.forwarded {
			p.finish(verdict{err: fmt.Errorf("%w: %s leads", errNotApplied, peer)})
		} else {
			own = append(own, p)
		}
	}
	if len(own) == 0 || !n.spawn(func() { n.forward(peer, own, over) }) {
		over()
		refuse(own, errNotApplied)
	}
}
