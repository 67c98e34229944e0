package sim

import (
	"time"

	"lockd/cluster/timekeeper"
	"lockd/fsm"
	"lockd/gate"
)

// office is one term of a node's leadership. It does what cluster's does, in
// one goroutine.
type office struct {
	node     *node
	term     uint64
	progress []progress
	// ready once the term's first command is applied.
	ready  bool
	keeper *timekeeper.Keeper
	// expiring is the expiry under way, nil for none.
	expiring *timekeeper.Expiry
	// settled are those who wait for its outcome.
	settled []func()
	// queue is what the next entry will hold, under how many are under way.
	queue []*proposal
	under int
	// rooms are those who wait for a queued request.
	rooms  map[uint64][]*proposal
	proofs []proof
}

// progress is how far one follower is.
type progress struct {
	next, match uint64
	sending     bool
	serial      uint32
	// sent is when the newest message left.
	sent time.Duration
	// acked is when the newest message left that it answered with success.
	acked time.Duration
}

// proof is somebody who waits until it is proved that the leader led at from.
type proof struct {
	from time.Duration
	then func()
}

// proposal is one command on its way into the log.
type proposal struct {
	bytes []byte
	cmd   *gate.Command
	// delivery is whom the answer is for, at the node that asked; nil for a
	// command of the leader's own.
	delivery *delivery
	// expiry is what the timekeeper of by found; awake is when, by its clock
	// without stalls, and at by the clock itself.
	expiry    *timekeeper.Expiry
	by        *node
	at, awake time.Duration
	// early are the timers among it that have not run their full time.
	early []gate.Timer
}

// open has the term's first command applied.
func (o *office) open() {
	n := o.node
	o.propose(own(&gate.StartTerm{Term: o.term, Leader: n.name, ClientURL: n.name}))
}

func own(op gate.Op) *proposal {
	cmd := &gate.Command{Op: op}
	return &proposal{cmd: cmd, bytes: encoded(cmd)}
}

func encoded(cmd *gate.Command) []byte { return fsm.AppendCommand(make([]byte, 0, 96), cmd) }

// propose puts a command into the next entry.
func (o *office) propose(p *proposal) {
	o.queue = append(o.queue, p)
	if o.node.w.config.Flaw == ForwardTwice && p.delivery != nil && p.delivery.node != o.node && o.node.dice.chance(30) {
		o.queue = append(o.queue, p)
	}
	o.flush()
}

// flush makes an entry of all that waits, if a place is free.
func (o *office) flush() {
	n := o.node
	if n.office != o || len(o.queue) == 0 || o.under >= mostUnder {
		return
	}
	batch := fsm.Batch{Time: gate.Wall(n.wall()), Commands: make([][]byte, 0, len(o.queue))}
	size := 16
	for _, p := range o.queue {
		batch.Commands = append(batch.Commands, p.bytes)
		size += len(p.bytes) + 4
	}
	e := &entry{
		index: n.last() + 1, term: o.term, bytes: fsm.AppendBatch(make([]byte, 0, size), &batch), by: n, batch: o.queue,
	}
	o.queue = nil
	o.under++
	n.log = append(n.log, e)
	for _, f := range n.w.nodes {
		if f != n {
			o.replicate(f)
		}
	}
	if n.w.config.Flaw == CommitAlone {
		o.advance()
	}
}

// applied takes what an entry did.
func (o *office) applied(e *entry, done *fsm.Applied) {
	n := o.node
	if o.keeper != nil {
		for i := range done.Outcomes {
			for _, t := range done.Outcomes[i].Timers {
				o.keeper.Set(t, n.time())
			}
		}
	}
	for i := range done.Outcomes {
		for j := range done.Outcomes[i].Answers {
			a := &done.Outcomes[i].Answers[j]
			for _, p := range o.rooms[a.Request] {
				n.tell(p.delivery, &a.Result, e.index)
			}
			delete(o.rooms, a.Request)
		}
		if e.term == o.term {
			o.conclude(e.batch[i], &done.Outcomes[i].Result, e)
		}
	}
	if e.term == o.term {
		o.under--
		o.flush()
	}
	o.proved()
}

// conclude answers one command that this office put into the log.
func (o *office) conclude(p *proposal, result *gate.Result, e *entry) {
	switch {
	case result.Code == gate.TermStarted:
		o.begin()
	case p.expiry != nil && p.expiry == o.expiring:
		o.keeper.Settle(*p.expiry)
		o.expiring = nil
		settled := o.settled
		o.settled = nil
		for _, then := range settled {
			then()
		}
	case p.delivery != nil:
		if result.Code == gate.Queued {
			o.rooms[result.Request] = append(o.rooms[result.Request], p)
		}
		o.node.tell(p.delivery, result, e.index)
	}
}

// begin makes the office ready: every timer that there is gets its full time.
func (o *office) begin() {
	n := o.node
	o.keeper = timekeeper.New(n.time(), stall)
	for t := range n.view().Timers() {
		o.keeper.Set(t, n.time())
	}
	o.ready = true
	n.w.referee.ready(o)
	o.keepTime()
}

// keepTime proposes what is over, one expiry at a time.
func (o *office) keepTime() {
	n := o.node
	if n.office != o {
		return
	}
	if o.expiring == nil {
		if due := o.keeper.Due(n.time(), mostExpired); !due.Empty() {
			found := due
			o.expire(&found)
		}
	}
	next, any := o.keeper.Next(n.time())
	if !any || next > tick || o.expiring != nil {
		next = tick
	}
	n.after(next, o.keepTime)
}

// expire proposes an expiry. On its way to the log it may be held up, until
// after the node has lost this term and perhaps won another.
func (o *office) expire(due *timekeeper.Expiry) {
	n := o.node
	o.expiring = due
	p := own(&gate.Expire{Term: o.term, Seen: due.Seen, Sessions: due.Sessions, Requests: due.Requests, Delays: due.Delays})
	p.expiry, p.by, p.at, p.awake = due, n, n.clock(), n.awake()
	n.w.referee.found(n, p)
	if !n.dice.chance(n.w.traits.heldUp) || n.w.calm {
		o.propose(p)
		return
	}
	n.after(n.dice.between(0, veryLate), func() {
		if n.office != nil {
			n.office.propose(p)
		}
	})
}

// confirm calls then once it is proved that this node still led after now, and
// its table has all that was committed then.
func (o *office) confirm(then func()) {
	n := o.node
	if n.w.config.Flaw == AckUnconfirmed {
		then()
		return
	}
	committed := n.commit
	o.proofs = append(o.proofs, proof{from: n.clock(), then: func() { o.reached(committed, then) }})
	for _, f := range n.w.nodes {
		if f != n {
			o.replicate(f)
		}
	}
}

func (o *office) reached(index uint64, then func()) {
	n := o.node
	if n.office != o {
		return
	}
	if n.applied >= index {
		then()
		return
	}
	n.after(time.Millisecond, func() { o.reached(index, then) })
}

// proved calls those whose proof is there.
func (o *office) proved() {
	until := o.led()
	for len(o.proofs) > 0 && o.proofs[0].from <= until {
		then := o.proofs[0].then
		o.proofs = o.proofs[1:]
		then()
	}
}
