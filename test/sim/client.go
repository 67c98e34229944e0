package sim

import (
	"fmt"
	"time"

	"lockd/gate"
)

// kind is how a client uses the service.
type kind uint8

const (
	// numbering clients have a session and number their commands, as the SDK does.
	numbering kind = iota
	// plain clients have a session and no numbers, and release by token.
	plain
	// bare clients have no session.
	bare
	// private clients acquire with a TTL.
	private
	// operators look who holds what, and break it.
	operator
)

// client is one process that uses the service. Its lanes are what it does at
// the same time.
type client struct {
	process
	kind kind
	dice dice
	// home is the node that it asks first.
	home    *node
	session *session
	opening bool
	lanes   []*lane
	runs    int
}

// lane does one thing after the other, for one run at a time.
type lane struct {
	client *client
	number int
	run    string
	steps  []step
	next   int
	done   bool
	// parked: the lane waits until its client has a session.
	parked bool
	// busy counts what has been begun; whoever finds another count was left behind.
	busy  int
	call  *call
	holds []held
	// private is the session of a private client's lane.
	private *session
	dice    dice
}

func (l *lane) name() string { return fmt.Sprintf("%s/%d", l.client.name, l.number) }

// rename gives the lane a run of its own.
func (l *lane) rename() {
	l.client.runs++
	l.run = fmt.Sprintf("%s-%d-%d", l.client.name, l.number, l.client.runs)
}

// start begins the client's first life, or the next one after a crash, which
// remembers nothing but the names of its runs.
func (c *client) start() {
	c.life++
	c.down, c.opening, c.session = false, false, nil
	for _, l := range c.lanes {
		l.abandon()
		l.private = nil
		if c.dice.chance(c.renames()) {
			l.rename()
		}
		l.proceed()
	}
}

// renames is how often, in a thousand, a lane goes on under another run once its
// session is over or the client has crashed. Where the same run would get the
// same token again it always does: nothing would fence off its former self.
func (c *client) renames() int {
	if c.kind == bare || c.kind == private {
		return 1000
	}
	return c.w.traits.renames
}

func (c *client) crash() {
	c.down = true
	c.until = 0
	for _, l := range c.lanes {
		l.dropAll()
	}
	if c.session != nil {
		c.session.over = true
	}
}

// abandon leaves whatever the lane is doing, and what it holds.
func (l *lane) abandon() {
	if l.call != nil {
		l.call.end()
	}
	l.busy++
	l.dropAll()
}

// proceed goes on to the lane's next step, after a while.
func (l *lane) proceed() {
	if l.done {
		return
	}
	l.busy++
	l.parked = false
	busy := l.busy
	l.client.after(l.client.dice.between(0, l.client.w.traits.think), func() {
		if l.busy == busy {
			l.step()
		}
	})
}

// goOn proceeds unless the lane has left behind what was begun at busy.
func (l *lane) goOn(busy int) {
	if l.busy == busy {
		l.proceed()
	}
}

// step takes the lane's next step.
func (l *lane) step() {
	if l.next == len(l.steps) {
		l.finish()
		return
	}
	if l.client.w.config.Left[l.steps[l.next].id] {
		l.next++
		l.proceed()
		return
	}
	if l.client.needsSession() {
		l.parked = true
		l.client.open()
		return
	}
	s := l.steps[l.next]
	l.next++
	l.dice = newDice(l.client.w.config.Seed, uint64(s.id))
	l.client.w.stats.Operations++
	l.act()
}

// finish ends the lane when it holds nothing any more.
func (l *lane) finish() {
	switch {
	case len(l.holds) > 0:
		l.dice = newDice(l.client.w.config.Seed, uint64(l.client.id), uint64(l.number))
		l.release(l.holds)
	default:
		l.done = true
		l.client.w.busy--
	}
}

func (c *client) needsSession() bool {
	return (c.kind == numbering || c.kind == plain) && (c.session == nil || !c.session.alive())
}

// open opens a session. The answer may be lost; then another one is opened, and
// the first one expires.
func (c *client) open() {
	if s := c.session; s != nil {
		c.sessionOver(s, true)
	}
	if c.opening {
		return
	}
	c.opening = true
	w := c.w
	ttl := c.dice.between(w.traits.ttl/2, 2*w.traits.ttl).Truncate(time.Millisecond)
	op := &gate.OpenSession{TTL: max(ttl, gate.MinTTL), Nonce: c.dice.roll(), Client: gate.Client{Name: c.name}}
	if c.dice.chance(w.traits.delays) {
		op.LockDelay = c.dice.between(0, 2*time.Second)
	}
	life := &lane{client: c, number: -1, dice: newDice(c.dice.roll())}
	life.begin(&gate.Command{Op: op}, func(result *gate.Result, d *delivery) {
		c.opening = false
		if result.Code == gate.SessionOpened {
			c.session = c.newSession(result.Session, op.TTL, d.sent)
			w.referee.acknowledged(result.Session.Number, c.trueTime(d.sent))
			c.session.keep()
		}
		for _, l := range c.lanes {
			if l.parked {
				l.proceed()
			}
		}
	})
}

// trueTime is when the process's clock showed local, or a little before.
func (p *process) trueTime(local time.Duration) time.Duration {
	return p.w.now - p.real(p.clock()-local)
}

// sessionOver ends a session: the client forgets what hangs on it. If the
// cluster may not know, it is told, once.
func (c *client) sessionOver(s *session, tell bool) {
	if s.over {
		return
	}
	s.over = true
	if c.w.tracing() {
		c.w.say("%s's session %v is over", c.name, s.id)
	}
	for _, l := range c.lanes {
		if l.private == s || s == c.session {
			l.private = nil
			l.abandon()
			if c.dice.chance(c.renames()) {
				l.rename()
			}
			l.proceed()
		}
	}
	if tell && c.dice.chance(500) {
		farewell := &lane{client: c, number: -1, dice: newDice(c.dice.roll())}
		k := &call{
			lane: farewell, client: c, cmd: &gate.Command{Session: s.id, Op: &gate.CloseSession{}}, dice: farewell.dice,
			life: c.life, after: c.w.referee.answered, then: func(*gate.Result, *delivery) {},
		}
		k.sendOnce()
	}
}
