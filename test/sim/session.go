package sim

import (
	"slices"
	"time"

	"lockd/gate"
)

// session is a client's own view of one of its sessions. It is over for good
// once its lease could not be kept.
type session struct {
	client *client
	id     gate.SessionID
	ttl    time.Duration
	margin time.Duration
	// deadline is until when the client relies on the session, by its clock.
	deadline time.Duration
	over     bool
	lost     uint64
	// last, acked and finished number the commands and tell which answers were
	// seen.
	last, acked uint64
	finished    []uint64
}

// alive reports whether the client may rely on the session now.
func (s *session) alive() bool { return !s.over && s.client.clock() < s.deadline }

// newSession is what a client makes of an answer to something that it sent at
// sent.
func (c *client) newSession(id gate.SessionID, ttl, sent time.Duration) *session {
	s := &session{client: c, id: id, ttl: ttl, margin: c.w.margin(ttl)}
	s.extend(sent)
	return s
}

// margin is how long before its end a lease is given up: the SDK's own where
// clocks differ little, else what covers the difference.
func (w *world) margin(ttl time.Duration) time.Duration {
	margin := min(max(ttl/10, 100*time.Millisecond), 2*time.Second)
	if w.config.Flaw == DefaultMargin {
		return margin
	}
	slowest, fastest := million-w.traits.drift, million+w.traits.drift
	return max(margin, ttl-ttl*time.Duration(slowest)/time.Duration(fastest))
}

// extend counts the lease from when an acknowledged keepalive was sent.
func (s *session) extend(sent time.Duration) {
	if s.client.w.config.Flaw == LeaseFromAnswer {
		sent = s.client.clock()
	}
	s.deadline = max(s.deadline, sent+s.ttl-s.margin)
}

// keep sends keepalives for as long as the session lives.
func (s *session) keep() {
	c := s.client
	c.after(s.ttl/3, func() {
		if s.over {
			return
		}
		if !s.alive() {
			c.sessionOver(s, true)
			return
		}
		s.renew(nil)
		s.keep()
	})
}

// renew sends one keepalive, and calls then when it is acknowledged.
func (s *session) renew(then func()) {
	c, sent := s.client, s.client.clock()
	began := c.w.now
	n := c.w.nodes[c.dice.n(len(c.w.nodes))]
	c.w.send(&c.process, &n.process, &c.dice, func() {
		n.keepalive(s.id, &c.dice, func(alive bool, lost uint64) {
			c.w.send(&n.process, &c.process, &c.dice, func() { s.renewed(began, sent, alive, lost, then) })
		})
	})
}

func (s *session) renewed(began, sent time.Duration, alive bool, lost uint64, then func()) {
	c := s.client
	if alive {
		c.w.referee.acknowledged(s.id.Number, began)
	}
	switch {
	case s.over:
	case !alive:
		c.sessionOver(s, false)
	case then == nil && !s.alive():
		c.sessionOver(s, true)
	default:
		s.extend(sent)
		s.lost = max(s.lost, lost)
		if then != nil {
			then()
		}
	}
}

// number gives a command its place among the session's commands.
func (s *session) number(cmd *gate.Command) {
	s.last++
	cmd.Seq, cmd.Acked = s.last, s.acked
	cmd.Done = slices.Clone(s.finished)
}

// finish says that a command's answer was seen, or that nobody wants it any more.
func (s *session) finish(seq uint64) {
	if seq <= s.acked {
		return
	}
	s.finished = append(s.finished, seq)
	slices.Sort(s.finished)
	for len(s.finished) > 0 && s.finished[0] == s.acked+1 {
		s.acked++
		s.finished = s.finished[1:]
	}
}
