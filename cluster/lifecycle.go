package cluster

import (
	"errors"

	"lockd/fsm"
	"lockd/gate"
)

// leader is what the table says about who leads.
type leader struct {
	term      uint64
	name      string
	clientURL string
}

// errSuperseded: a later leader is known.
var errSuperseded = errors.New("another leader has taken over")

// watchLeadership takes and leaves office as raft says. Raft's channel holds the
// latest change only: gaining leadership twice in a row means that it was lost
// in between.
func (n *Node) watchLeadership() {
	var current *office
	leave := func() {
		if current != nil {
			current.leave()
			current = nil
		}
	}
	defer leave()
	for {
		select {
		case leads := <-n.raft.LeaderCh():
			leave()
			if leads {
				current = n.takeOffice(n.raft.CurrentTerm())
			}
		case <-n.stop:
			return
		}
	}
}

// watchTerms gives up what an earlier leader still owes, whenever a new term
// has begun.
func (n *Node) watchTerms() {
	for {
		changed := n.begun.wait()
		if l := n.leader.Load(); l != nil {
			n.forwards.giveUp(func(f *forwarded) bool { return f.superseded(l.term, l.name) },
				errors.Join(ErrOutcomeUnknown, errSuperseded))
		}
		select {
		case <-changed:
		case <-n.stop:
			return
		}
	}
}

// applied is told what every entry did, on the goroutine that applies the log:
// nothing here waits for anything but short critical sections.
func (n *Node) applied(a *fsm.Applied) {
	if o := n.office.Load(); o != nil && o.term == a.Term {
		o.applied(a)
	}
	n.events.publish(a)
	for i := range a.Outcomes {
		for j := range a.Outcomes[i].Events {
			switch e := &a.Outcomes[i].Events[j]; e.Kind {
			case gate.EventLeader:
				n.termBegan(leader{term: e.Term, name: e.Leader, clientURL: e.ClientURL})
			case gate.EventBroken:
				n.logger.Warn("hold broken by an operator", e.Name.Kind.String(), e.Name.Text, "run", e.Run,
					"token", e.Token, "actor", e.Actor, "reason", e.Reason, "index", a.Index)
			}
		}
	}
}

// restored is told that the table was replaced by a snapshot's.
func (n *Node) restored(index uint64) {
	n.events.restart(index)
	view, _ := n.fsm.View()
	if c := view.Counters(); c.Term > 0 {
		n.termBegan(leader{term: c.Term, name: c.Leader, clientURL: c.ClientURL})
	}
}

func (n *Node) termBegan(l leader) {
	n.leader.Store(&l)
	n.begun.raise()
	n.led.raise()
}
