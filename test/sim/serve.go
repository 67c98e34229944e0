package sim

import (
	"slices"
	"time"

	"lockd/gate"
)

// delivery is one copy of a call: what a client has sent to one node.
type delivery struct {
	call *call
	node *node
	dice dice
	// sent is when, by the client's clock.
	sent time.Duration
	// over: the node has answered, or given up.
	over bool
	// request is what the copy waits for, zero for nothing; term is the one in
	// which the leader was last asked for it.
	request uint64
	term    uint64
	// applied counts the entries that the copy is in, resumptions aside.
	applied int
}

// serve takes a client's command.
func (n *node) serve(d *delivery) {
	n.submit(&proposal{bytes: d.call.bytes, cmd: d.call.cmd, delivery: d})
}

// submit proposes the command, or has the leader do so.
func (n *node) submit(p *proposal) {
	switch {
	case n.office != nil:
		n.receive(p)
	case n.leader != nil:
		leader := n.leader
		n.w.send(&n.process, &leader.process, &p.delivery.dice, func() { leader.receive(p) })
	default:
		n.told(p.delivery, nil, 0)
	}
}

// receive takes a command on the leader.
func (n *node) receive(p *proposal) {
	if n.office == nil || !n.office.ready {
		n.tell(p.delivery, nil, 0)
		return
	}
	n.office.propose(p)
}

// tell carries the leader's answer to the node that asked. No result means that
// the command was not applied.
func (n *node) tell(d *delivery, result *gate.Result, index uint64) {
	n.w.send(&n.process, &d.node.process, &d.dice, func() { d.node.told(d, result, index) })
}

// told takes the leader's answer and passes it on to the client, unless the
// request waits.
func (n *node) told(d *delivery, result *gate.Result, index uint64) {
	switch {
	case d.over || result == nil && d.request != 0:
		return
	case result != nil && result.Code == gate.Queued:
		if d.request == 0 {
			n.await(d, result)
		}
		d.request, d.term = result.Request, n.term
		return
	}
	n.forget(d)
	call := d.call
	n.w.send(&n.process, &call.client.process, &d.dice, func() { call.answered(d, result, index) })
}

// await keeps the copy until its request ends or the client has stopped to
// listen. Meanwhile the node renews a session that is private to it.
func (n *node) await(d *delivery, result *gate.Result) {
	n.waiting = append(n.waiting, d)
	n.after(poll, func() { n.forget(d) })
	if a := d.call.cmd.Op.(*gate.Acquire); a.TTL > 0 {
		n.renewPrivate(d, result.Session, a.TTL)
	}
}

func (n *node) renewPrivate(d *delivery, id gate.SessionID, ttl time.Duration) {
	n.after(ttl/3, func() {
		if !d.over {
			n.keepalive(id, &d.dice, func(bool, uint64) {})
			n.renewPrivate(d, id, ttl)
		}
	})
}

func (n *node) forget(d *delivery) {
	d.over = true
	n.waiting = slices.DeleteFunc(n.waiting, func(x *delivery) bool { return x == d })
}

// resume asks the leader of a later term for everything that waits here. It
// joins what is queued or learns how it ended, and never takes anything anew.
func (n *node) resume(term uint64) {
	for _, d := range slices.Clone(n.waiting) {
		if d.term >= term {
			continue
		}
		d.term = term
		again := *d.call.cmd
		acquire := *again.Op.(*gate.Acquire)
		acquire.Resume = d.request
		again.Op = &acquire
		n.w.stats.Resumes++
		n.submit(&proposal{bytes: encoded(&again), cmd: &again, delivery: d})
	}
}

// keepalive has the leader renew a session. There may be no reply.
func (n *node) keepalive(id gate.SessionID, d *dice, reply func(alive bool, lost uint64)) {
	leader := n.leader
	if leader == nil {
		return
	}
	n.w.send(&n.process, &leader.process, d, func() {
		leader.renew(id, func(alive bool, lost uint64) {
			n.w.send(&leader.process, &n.process, d, func() { reply(alive, lost) })
		})
	})
}

// renew takes a keepalive on the leader: the deadline moves now, the answer
// waits for the proof.
func (n *node) renew(id gate.SessionID, reply func(alive bool, lost uint64)) {
	o := n.office
	if o == nil || !o.ready && n.w.config.Flaw != ServeBeforeStart {
		return
	}
	if _, lives := n.view().Session(id); lives && o.keeper != nil && o.keeper.Keepalive(id.Number, n.time()) {
		n.w.referee.renewed(o, id.Number)
	}
	o.confirm(func() { o.lease(id, reply) })
}

// lease answers a keepalive. While an expiry of the session is under way, no
// answer would be true.
func (o *office) lease(id gate.SessionID, reply func(alive bool, lost uint64)) {
	if o.node.office != o {
		return
	}
	session, lives := o.node.view().Session(id)
	if !lives {
		reply(false, 0)
		return
	}
	if o.keeper != nil && o.keeper.IsEnding(id.Number) && o.node.w.config.Flaw != AckWhileEnding {
		o.settled = append(o.settled, func() { o.lease(id, reply) })
		return
	}
	reply(true, session.Lost)
}

// read has the leader look a name up.
func (n *node) read(name gate.Name, d *dice, reply func(lock gate.Lock, index uint64)) {
	leader := n.leader
	if leader == nil {
		return
	}
	n.w.send(&n.process, &leader.process, d, func() {
		o := leader.office
		if o == nil || !o.ready && n.w.config.Flaw != ServeBeforeStart {
			return
		}
		o.confirm(func() {
			view, index := leader.table().View()
			lock := view.Lock(name)
			n.w.send(&leader.process, &n.process, d, func() { reply(lock, index) })
		})
	})
}
