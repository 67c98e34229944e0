package sim

import (
	"slices"
	"time"

	"lockd/gate"
)

// call is one command of a client, which sends copies of it until one is
// answered.
type call struct {
	lane   *lane
	client *client
	// session is the client's session that it belongs to; nil for none.
	session *session
	cmd     *gate.Command
	bytes   []byte
	dice    dice
	copies  int
	over    bool
	// life is the client's: what comes later than that finds nobody.
	life uint32
	// after is the log index of the newest answer that anybody had when the
	// call began.
	after uint64
	then  func(result *gate.Result, d *delivery)
}

// call begins a call of the lane; then gets the answer.
func (l *lane) begin(cmd *gate.Command, then func(*gate.Result, *delivery)) {
	c := l.client
	k := &call{lane: l, client: c, cmd: cmd, dice: newDice(l.dice.roll()), life: c.life, after: c.w.referee.answered, then: then}
	if s := l.liveSession(); s != nil && cmd.Session == s.id {
		k.session = s
		if c.kind == numbering {
			s.number(cmd)
		}
	}
	k.bytes = encoded(cmd)
	l.call = k
	c.w.stats.Calls++
	k.send()
}

// send sends one more copy, to some node, and another if no answer comes.
func (k *call) send() {
	if k.over {
		return
	}
	c := k.client
	if k.session != nil && !k.session.alive() {
		c.sessionOver(k.session, true)
		return
	}
	k.copies++
	d := &delivery{call: k, dice: newDice(k.dice.roll()), sent: c.clock()}
	d.node = c.w.nodes[k.dice.n(len(c.w.nodes))]
	if k.copies == 1 && c.home != nil && k.dice.chance(700) {
		d.node = c.home
	}
	if k.copies > 1 {
		c.w.stats.Copies++
	}
	patience := attempt
	if a, ok := k.cmd.Op.(*gate.Acquire); ok && a.Wait > 0 {
		patience = poll
	}
	n := d.node
	c.w.send(&c.process, &n.process, &d.dice, func() { n.serve(d) })
	copies := k.copies
	c.after(patience, func() {
		if k.copies == copies {
			k.send()
		}
	})
}

// answered takes a node's answer to one copy; without a result nothing was done.
func (k *call) answered(d *delivery, result *gate.Result, index uint64) {
	c := k.client
	switch {
	case k.over || k.life != c.life:
		return
	case result == nil:
		copies := k.copies
		c.after(k.dice.between(10*time.Millisecond, 100*time.Millisecond), func() {
			if k.copies == copies {
				k.send()
			}
		})
		return
	}
	c.w.referee.told(k, result, index)
	c.w.mix(index<<8 | uint64(result.Code))
	if c.w.tracing() {
		c.w.say("%s %s: %s", k.lane.name(), k.describe(), resultText(result))
	}
	k.end()
	if result.Code == gate.SessionNotFound && k.session != nil {
		c.sessionOver(k.session, false)
		return
	}
	k.then(result, d)
}

// end makes the lane free for its next call.
func (k *call) end() {
	k.over = true
	k.lane.call = nil
	if k.session != nil && k.cmd.Seq > 0 {
		k.session.finish(k.cmd.Seq)
	}
}

// held is what a lane knows that its run holds.
type held struct {
	want   gate.Want
	token  uint64
	limit  uint32
	belief *belief
}

// took notes what an acquire or downgrade gave.
func (l *lane) took(result *gate.Result, s *session) {
	for _, g := range result.Grants {
		l.drop(g.Name)
		h := held{want: gate.Want{Name: g.Name, Mode: g.Mode, Scope: g.Scope}, token: g.Token, limit: result.Limit}
		h.belief = l.client.w.referee.believes(l, s, h)
		l.holds = append(l.holds, h)
	}
}

// drop forgets a hold.
func (l *lane) drop(name gate.Name) {
	l.holds = slices.DeleteFunc(l.holds, func(h held) bool {
		if h.want.Name == name {
			h.belief.ended = true
		}
		return h.want.Name == name
	})
}

func (l *lane) dropAll() {
	for i := range l.holds {
		l.holds[i].belief.ended = true
	}
	l.holds = nil
}

// sendOnce sends a single copy, whatever becomes of it.
func (k *call) sendOnce() {
	k.bytes = encoded(k.cmd)
	k.copies = 1
	n := k.client.w.nodes[k.dice.n(len(k.client.w.nodes))]
	d := &delivery{call: k, node: n, dice: newDice(k.dice.roll()), sent: k.client.clock()}
	k.client.w.send(&k.client.process, &n.process, &d.dice, func() { n.serve(d) })
}
