package sim

import (
	"slices"
	"time"

	"lockd/gate"
)

// act begins one operation. Which one depends on the step's own dice and on
// whether the lane holds something.
func (l *lane) act() {
	d := &l.dice
	if l.client.kind == operator {
		l.look(true)
		return
	}
	if len(l.holds) == 0 {
		switch d.pick(20, 40, 8, 2, 1) {
		case 0:
			l.acquire(l.client.wants(d, 1), 0)
		case 1:
			l.acquire(l.client.wants(d, 1+d.pick(6, 2, 1)), l.wait())
		case 2:
			l.look(false)
		case 3:
			l.release([]held{{want: l.client.wants(d, 1)[0], token: 1}})
		case 4:
			l.closeSession()
		}
		return
	}
	h := l.holds[d.n(len(l.holds))]
	switch d.pick(34, 8, 26, 8, 6, 8, 4, 5, 1) {
	case 0:
		l.release(l.holds)
	case 1:
		l.release([]held{h})
	case 2:
		l.change(h)
	case 3:
		l.acquire(l.client.wants(d, 1), l.wait())
	case 4:
		l.acquire(l.client.wants(d, 1), 0)
	case 5:
		l.downgrade(h)
	case 6:
		l.acquire([]gate.Want{h.want}, 0)
	case 7:
		l.look(false)
	case 8:
		l.begin(&gate.Command{Op: &gate.ReleaseRun{Run: l.run}}, func(*gate.Result, *delivery) { l.proceed() })
		l.dropAll()
	}
}

// wants draws what an acquire asks for: one key, or references.
func (c *client) wants(d *dice, most int) []gate.Want {
	t := &c.w.traits
	if most == 1 && d.chance(450) {
		return []gate.Want{{Name: t.keys[d.n(len(t.keys))]}}
	}
	var wants []gate.Want
	for range most {
		w := gate.Want{Name: t.refs[d.n(len(t.refs))]}
		if d.chance(350) {
			w.Mode = gate.Shared
		}
		if d.chance(200) {
			w.Scope = gate.Tree
		}
		wants = append(wants, w)
	}
	return gate.MergeWants(wants)
}

func (l *lane) wait() time.Duration {
	if l.client.kind == bare {
		return 0
	}
	return l.dice.between(50*time.Millisecond, l.client.w.traits.wait)
}

// acquire asks for the wants. A client that waits may lose patience: then it
// wants none of it any more.
func (l *lane) acquire(wants []gate.Want, wait time.Duration) {
	c := l.client
	op := &gate.Acquire{Run: l.run, Wants: wants, Wait: wait}
	if wants[0].Name.Kind == gate.Key && l.dice.chance(970) {
		op.Limit = c.w.traits.limit(wants[0].Name)
	}
	cmd := &gate.Command{Op: op}
	switch {
	case c.kind == private && l.private == nil:
		op.TTL, op.Nonce = max(c.w.traits.ttl, gate.MinTTL), l.dice.roll()
	case c.kind == private:
		cmd.Session = l.private.id
	case c.session != nil:
		cmd.Session = c.session.id
	}
	l.begin(cmd, func(result *gate.Result, d *delivery) {
		// A late copy of what was asked on an earlier session may have moved the request there.
		elsewhere := !cmd.Session.IsZero() && result.Session != cmd.Session
		if result.Code != gate.Acquired || elsewhere {
			l.proceed()
		} else if op.TTL > 0 {
			l.tookPrivate(result, d, op.TTL)
		} else {
			l.took(result, l.liveSession())
			l.proceed()
		}
	})
	if k := l.call; c.careless() && wait > 0 && l.dice.chance(100) {
		c.after(l.dice.between(0, wait), func() { l.giveUp(k, wants) })
	}
}

// liveSession is the session on which the lane's holds hang; nil for none.
func (l *lane) liveSession() *session {
	if l.client.kind == private {
		return l.private
	}
	return l.client.session
}

// tookPrivate begins to keep the session that came with a grant. Its TTL counts
// from the sending of the copy that was answered. If it may be over already, a
// keepalive has to tell.
func (l *lane) tookPrivate(result *gate.Result, d *delivery, ttl time.Duration) {
	s := l.client.newSession(result.Session, ttl, d.sent)
	l.private = s
	kept := func() {
		l.took(result, s)
		s.keep()
		l.proceed()
	}
	if s.alive() {
		kept()
		return
	}
	busy := l.busy
	s.renew(func() {
		if l.busy == busy && s.alive() {
			kept()
		}
	})
	l.client.after(s.ttl, func() {
		if l.busy == busy {
			l.client.sessionOver(s, true)
		}
	})
}

// giveUp ends the wait for an acquire, and takes back what it may have got.
func (l *lane) giveUp(k *call, wants []gate.Want) {
	if k.over || l.call != k {
		return
	}
	k.end()
	var holds []held
	for _, w := range wants {
		holds = append(holds, held{want: w})
	}
	l.release(holds)
}

// release gives holds back. Clients that number their commands and use a new run
// in every session may leave the token out. Nobody else may, lest a late copy
// releases what was taken since.
func (l *lane) release(holds []held) {
	c := l.client
	op := &gate.Release{Run: l.run}
	cmd := &gate.Command{Op: op}
	if s := l.liveSession(); s != nil {
		cmd.Session = s.id
	}
	named := !c.careless() || l.dice.chance(500)
	for _, h := range slices.Clone(holds) {
		give := gate.Give{Name: h.want.Name}
		if named {
			give.Token = h.token
		}
		op.Gives = append(op.Gives, give)
		l.drop(h.want.Name)
	}
	l.begin(cmd, func(*gate.Result, *delivery) {
		if c.kind == private && len(l.holds) == 0 && l.private != nil {
			l.private.over = true
			l.private = nil
		}
		l.proceed()
	})
}

// careless reports whether a command of the client that comes late can hit
// nothing but what it is meant for, even without a token.
func (c *client) careless() bool { return c.kind == numbering && c.renames() == 1000 }

// downgrade weakens a hold. From the sending on, no more than the weaker one is
// relied on.
func (l *lane) downgrade(h held) {
	weaker := h.want
	if l.dice.chance(500) {
		weaker.Mode = gate.Shared
	} else {
		weaker.Scope = gate.Node
	}
	op := &gate.Downgrade{Run: l.run, Name: h.want.Name, Token: h.token, Mode: weaker.Mode, Scope: weaker.Scope}
	cmd := &gate.Command{Op: op}
	s := l.liveSession()
	if s != nil {
		cmd.Session = s.id
	}
	if h.want.Name.Kind == gate.Reference {
		h.belief.want = weaker
	}
	l.begin(cmd, func(result *gate.Result, _ *delivery) {
		switch result.Code {
		case gate.Downgraded:
			l.took(result, s)
		case gate.NotHeld:
			l.drop(h.want.Name)
		}
		l.proceed()
	})
}

// closeSession gives up the session while nothing hangs on the lane.
func (l *lane) closeSession() {
	s := l.client.session
	if s == nil || l.client.kind == private {
		l.proceed()
		return
	}
	l.client.sessionOver(s, true)
}
