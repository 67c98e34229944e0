package sim

import (
	"slices"

	"lockd/gate"
)

// store is storage that the locks are for: under each name, a value that is only
// ever replaced by one made from what was read before. A lost update is a
// replacement of something that was not read.
//
// Everything is stored twice: once as storage that takes whatever comes, and
// once as storage that refuses a token lower than one it has seen, on reads too.
type store struct {
	values map[gate.Name]*value
}

func newStore() *store { return &store{values: make(map[gate.Name]*value)} }

type value struct {
	open, fenced uint64
	seen         uint64
}

func (s *store) at(name gate.Name) *value {
	v := s.values[name]
	if v == nil {
		v = &value{}
		s.values[name] = v
	}
	return v
}

// change reads what h's name protects and replaces it a little later. The client
// looks at its lease before, but a message may be late, and it may be paused in
// between.
func (l *lane) change(h held) {
	c := l.client
	if h.want.Mode != gate.Exclusive || h.limit > 1 || !h.belief.active() {
		l.proceed()
		return
	}
	w, d, v := c.w, newDice(l.dice.roll()), c.w.store.at(h.want.Name)
	busy := l.busy
	recheck := d.chance(500)
	w.reach(&d, func() {
		read := *v
		accepted := h.token >= v.seen
		v.seen = max(v.seen, h.token)
		w.schedule(&c.process, d.between(minLatency, maxLatency), func() {
			if recheck && !h.belief.active() {
				l.goOn(busy)
				return
			}
			w.reach(&d, func() {
				w.replace(h, read, accepted)
				w.schedule(&c.process, d.between(minLatency, maxLatency), func() { l.goOn(busy) })
			})
		})
	})
}

// reach carries a message to the storage: it may be late, but is never lost.
func (w *world) reach(d *dice, do func()) {
	delay, arrives := w.carry(d)
	if !arrives {
		delay = d.between(maxLatency, veryLate)
	}
	w.schedule(nil, delay, do)
}

// replace writes to both storages what was made from read.
func (w *world) replace(h held, read value, accepted bool) {
	v := w.store.at(h.want.Name)
	w.stats.Writes++
	if v.open != read.open {
		w.stats.LostOpen++
	}
	v.open++
	if !accepted || h.token < v.seen && w.config.Flaw != NoFence {
		w.stats.Fenced++
		return
	}
	if v.fenced != read.fenced {
		w.fail("fenced resource", "%v: the write with token %d by %s replaces something that was not read",
			h.want.Name, h.token, h.belief.lane.name())
	}
	v.fenced++
}

// look reads a name. An operator breaks some of the holds that it finds.
func (l *lane) look(breaks bool) {
	c := l.client
	t := &c.w.traits
	name := t.refs[l.dice.n(len(t.refs))]
	if l.dice.chance(400) {
		name = t.keys[l.dice.n(len(t.keys))]
	}
	after, busy, began := c.w.referee.answered, l.busy, slices.Clone(l.holds)
	c.w.stats.Reads++
	d := newDice(l.dice.roll())
	n := c.w.nodes[d.n(len(c.w.nodes))]
	c.w.send(&c.process, &n.process, &d, func() {
		n.read(name, &d, func(lock gate.Lock, index uint64) {
			c.w.send(&n.process, &c.process, &d, func() {
				if l.busy != busy {
					return
				}
				c.w.referee.read(l, began, lock, index, after)
				if breaks {
					l.breakOne(lock)
				} else {
					l.proceed()
				}
			})
		})
	})
	c.after(attempt, func() {
		if l.busy == busy && l.call == nil {
			l.proceed()
		}
	})
}

// breakOne breaks one of the lock's holds, rather one without a session.
func (l *lane) breakOne(lock gate.Lock) {
	for _, h := range lock.Holders {
		likely := 60
		if h.Session.IsZero() {
			likely = 400
		}
		if h.Run == "" || !l.dice.chance(likely) {
			continue
		}
		var op gate.Op = &gate.Break{Name: h.Name, Token: h.Token, Reason: "test", Actor: l.client.name}
		if l.dice.chance(100) {
			op = &gate.ReleaseRun{Run: h.Run}
		}
		l.busy++
		l.begin(&gate.Command{Op: op}, func(*gate.Result, *delivery) { l.proceed() })
		return
	}
	l.proceed()
}
