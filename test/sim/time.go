package sim

import (
	"slices"
	"time"

	"lockd/fsm"
	"lockd/gate"
)

// clock is a timer as it must run: on each node since when, by that node's clock
// without the time in which it was stalled.
type clock struct {
	after time.Duration
	since [maxNodes]time.Duration
}

const maxNodes = 5

// tenure is a session as the events and its client tell it.
type tenure struct {
	ttl   time.Duration
	delay time.Duration
	// acked is when the newest acknowledged keepalive was sent.
	acked time.Duration
	// ended says who ended it by expiry, and when by that node's clock.
	ended *node
	at    time.Duration
}

// started notes the timers that a node starts, having applied an entry.
func (r *referee) started(n *node, done *fsm.Applied) {
	for i := range done.Outcomes {
		for _, t := range done.Outcomes[i].Timers {
			if t.After > 0 {
				r.restart(n, t)
			}
		}
	}
}

func (r *referee) restart(n *node, t gate.Timer) {
	key := gate.Timer{Kind: t.Kind, ID: t.ID}
	c := r.clocks[key]
	if c == nil {
		c = &clock{}
		r.clocks[key] = c
	}
	c.after = t.After
	c.since[n.id] = n.awake()
}

// ready notes that a new leader starts every timer anew.
func (r *referee) ready(o *office) {
	for t := range o.node.view().Timers() {
		r.restart(o.node, t)
	}
}

// renewed notes that a leader has moved a session's deadline.
func (r *referee) renewed(o *office, session uint64) {
	if c := r.clocks[gate.Timer{Kind: gate.SessionTTL, ID: session}]; c != nil {
		c.since[o.node.id] = o.node.awake()
	}
}

// found notes which timers of an expiry have not run their full time on the node
// that finds them to be over.
func (r *referee) found(n *node, p *proposal) {
	look := func(kind gate.TimerKind, ids []uint64) {
		for _, id := range ids {
			key := gate.Timer{Kind: kind, ID: id}
			if c := r.clocks[key]; c == nil || p.awake-c.since[n.id] < c.after {
				p.early = append(p.early, key)
			}
		}
	}
	look(gate.SessionTTL, p.expiry.Sessions)
	look(gate.RequestWait, p.expiry.Requests)
	look(gate.LockDelay, p.expiry.Delays)
}

// elapsed fails unless the timer had run its full time on the node that found it
// to be over.
func (r *referee) elapsed(p *proposal, kind gate.TimerKind, id uint64) {
	key := gate.Timer{Kind: kind, ID: id}
	if p.expiry == nil || slices.Contains(p.early, key) {
		r.w.fail("time", "%s %d is over before its time", kindText(kind), id)
	}
}

// session looks at the beginning or end of one.
func (r *referee) session(p *proposal, ev *gate.Event) {
	number := ev.Session.Number
	if ev.Kind == gate.EventSessionOpened {
		x := &tenure{}
		switch op := p.cmd.Op.(type) {
		case *gate.OpenSession:
			x.ttl, x.delay = op.TTL, op.LockDelay
		case *gate.Acquire:
			x.ttl = op.TTL
		}
		r.sessions[number] = x
		return
	}
	x := r.sessions[number]
	if x == nil {
		r.w.fail("session", "session %d ends twice", number)
		return
	}
	delete(r.sessions, number)
	for i := range r.holds {
		if r.holds[i].session == number {
			r.w.fail("session", "session %d is over, but %s still holds %v in it", number, r.holds[i].run, r.holds[i].want.Name)
		}
	}
	if ev.Kind == gate.EventSessionEnded {
		r.elapsed(p, gate.SessionTTL, number)
		x.ended, x.at = p.by, p.at
		r.past[number] = x
		r.early(number, x)
	}
}

// acknowledged notes that a client knows of a keepalive which it sent at began.
func (r *referee) acknowledged(number uint64, began time.Duration) {
	x := r.sessions[number]
	if x == nil {
		x = r.past[number]
	}
	if x == nil {
		return // closed by its client
	}
	x.acked = max(x.acked, began)
	r.early(number, x)
}

// early fails if a session was expired before its TTL was over, counted by the
// clock of who expired it from when the last acknowledged keepalive was sent
// (rule 8).
func (r *referee) early(number uint64, x *tenure) {
	if x.ended == nil || x.acked == 0 {
		return
	}
	if passed := x.at - (x.ended.origin + x.ended.local(x.acked)); passed < x.ttl {
		r.w.fail("expiry", "session %d is expired by %s %v after its last acknowledged keepalive was sent, its TTL is %v",
			number, x.ended.name, passed, x.ttl)
	}
}

func (r *referee) lockDelay(number uint64) time.Duration {
	if x := r.sessions[number]; x != nil {
		return x.delay
	}
	return 0
}
