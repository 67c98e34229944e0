package sim

import "time"

// trouble lets the faults happen, one after the other.
func (w *world) trouble(faults []step) {
	if len(faults) == 0 || w.calm {
		return
	}
	d := newDice(w.config.Seed, uint64(faults[0].id))
	w.schedule(nil, d.between(0, 700*time.Millisecond), func() {
		if w.calm {
			return
		}
		if !w.config.Left[faults[0].id] {
			w.stats.Faults++
			w.fault(&d)
		}
		w.trouble(faults[1:])
	})
}

// fault does one thing that goes wrong, and sees to its end.
func (w *world) fault(d *dice) {
	switch d.pick(18, 8, 12, 3, 8, 14, 10, 8, 6, 8, 12, 8, 5) {
	case 0:
		w.pauseNode(w.anyLeader(d), d)
	case 1:
		w.pauseNode(w.nodes[d.n(len(w.nodes))], d)
	case 2:
		w.crashNode(w.nodes[d.n(len(w.nodes))], d)
	case 3:
		for _, n := range w.nodes {
			w.crashNode(n, d)
		}
	case 4:
		w.crashNode(w.anyLeader(d), d)
	case 5:
		c := w.clients[d.n(len(w.clients))]
		w.note("%s is paused", c.name)
		c.pause(d.between(50*time.Millisecond, 2*w.traits.ttl))
	case 6:
		w.crashClient(w.clients[d.n(len(w.clients))], d)
	case 7:
		w.partition(d)
	case 8:
		a, b := w.nodes[d.n(len(w.nodes))], w.nodes[d.n(len(w.nodes))]
		w.cutFor(d, "from "+a.name+" to "+b.name, a.id, 1<<b.id)
	case 9:
		w.transfer(d)
	case 10:
		w.nodes[d.n(len(w.nodes))].snap()
	case 11:
		w.disturb(d)
	case 12:
		c, n := w.clients[d.n(len(w.clients))], w.nodes[d.n(len(w.nodes))]
		w.cutFor(d, "from "+c.name+" to "+n.name, c.id, 1<<n.id)
	}
}

func (w *world) note(format string, args ...any) {
	if w.tracing() {
		w.say("FAULT "+format, args...)
	}
}

// anyLeader returns a node that believes it leads, or any.
func (w *world) anyLeader(d *dice) *node {
	from := d.n(len(w.nodes))
	for i := range w.nodes {
		if n := w.nodes[(from+i)%len(w.nodes)]; n.office != nil {
			return n
		}
	}
	return w.nodes[from]
}

// pauseNode stops a node for half to ten times the election timeout.
func (w *world) pauseNode(n *node, d *dice) {
	pause := d.between(election/2, 3*election)
	if d.chance(300) {
		pause = d.between(election, 20*election)
	}
	w.note("%s is paused for %v", n.name, pause)
	n.pause(pause)
}

func (w *world) crashNode(n *node, d *dice) {
	if n.down {
		return
	}
	w.note("%s crashes", n.name)
	n.crash()
	w.schedule(nil, d.between(10*time.Millisecond, 2*time.Second), func() {
		if n.down {
			w.note("%s starts again", n.name)
			n.start()
		}
	})
}

func (w *world) crashClient(c *client, d *dice) {
	if c.down {
		return
	}
	w.note("%s crashes", c.name)
	c.crash()
	w.schedule(nil, d.between(0, w.traits.ttl), func() {
		if c.down {
			c.start()
		}
	})
}

// partition cuts one node, or each from some, off for a while.
func (w *world) partition(d *dice) {
	n := w.nodes[d.n(len(w.nodes))]
	if d.chance(500) {
		n = w.anyLeader(d)
	}
	others := uint64(1<<len(w.nodes)-1) &^ (1 << n.id)
	w.cutFor(d, "from "+n.name, n.id, others)
	if d.chance(700) {
		for _, o := range w.nodes {
			if o != n {
				w.cutFor(d, "to "+n.name, o.id, 1<<n.id)
			}
		}
	}
}

// cutFor takes ways away for a while.
func (w *world) cutFor(d *dice, what string, from int, to uint64) {
	to &^= w.cut[from] | 1<<from
	w.note("cut %s", what)
	w.cut[from] |= to
	w.schedule(nil, d.between(50*time.Millisecond, 2500*time.Millisecond), func() { w.cut[from] &^= to })
}

// transfer has the leader hand over to another node.
func (w *world) transfer(d *dice) {
	from, to := w.anyLeader(d), w.nodes[d.n(len(w.nodes))]
	if from != to && !to.down && !to.paused() && to.office == nil {
		w.note("%s hands over to %s", from.name, to.name)
		to.campaign(true)
	}
}

func (n *node) snap() {
	if !n.down && !n.paused() {
		n.w.note("%s takes a snapshot", n.name)
		n.takeSnapshot()
	}
}

// disturb makes something slow or wrong that must not matter.
func (w *world) disturb(d *dice) {
	switch d.n(3) {
	case 0:
		p := w.processes[d.n(len(w.processes))]
		p.jumped += time.Duration(d.n(3)-1) * time.Hour
		w.note("%s's wall clock is off by %v", p.name, p.jumped)
	case 1:
		n := w.nodes[d.n(len(w.nodes))]
		w.note("%s applies slowly", n.name)
		n.pace = d.between(10*time.Millisecond, 400*time.Millisecond)
		w.schedule(nil, d.between(100*time.Millisecond, 3*time.Second), func() { n.pace = 0 })
	case 2:
		w.note("the network is bad")
		w.lossy = w.now + d.between(200*time.Millisecond, 2*time.Second)
	}
}

// heal ends all faults for good, but lets pauses end by themselves.
func (w *world) heal() {
	w.calm = true
	w.lossy = 0
	clear(w.cut)
	for _, n := range w.nodes {
		n.pace = 0
		if n.down {
			n.start()
		}
	}
	for _, c := range w.clients {
		if c.down {
			c.start()
		}
	}
}
