package sim

import (
	"slices"
	"time"
)

// elections has somebody try to become leader every now and then.
func (w *world) elections() {
	w.schedule(nil, w.dice.between(20*time.Millisecond, 120*time.Millisecond), func() {
		c := w.nodes[w.dice.n(len(w.nodes))]
		if !c.down && !c.paused() && c.office == nil && c.impatient() {
			c.campaign(false)
		}
		w.elections()
	})
}

// impatient reports whether the node has not heard of a leader for too long.
func (n *node) impatient() bool { return n.clock()-n.heard > election }

// campaign asks all others for their votes, all in one moment. A voter that
// hears of a leader gives none, unless that leader wants to be followed by the
// candidate.
func (n *node) campaign(wanted bool) {
	term := n.term + 1
	granting := []*node{n}
	for _, v := range n.w.nodes {
		if v == n || v.down || v.paused() || n.w.apart(n, v) {
			continue
		}
		switch {
		case v.term >= term:
			n.observe(v.term)
			return
		case !wanted && (v.office != nil || !v.impatient()):
		case !n.upToDate(v):
		default:
			granting = append(granting, v)
		}
	}
	if len(granting) <= len(n.w.nodes)/2 {
		return
	}
	for _, v := range granting {
		v.observe(term)
		v.heard = v.clock()
	}
	n.after(n.dice.between(0, 30*time.Millisecond), func() {
		if n.term == term && n.office == nil {
			n.lead()
		}
	})
}

// upToDate reports whether the node's log goes at least as far as v's.
func (n *node) upToDate(v *node) bool {
	mine, its := n.termAt(n.last()), v.termAt(v.last())
	return mine > its || mine == its && n.last() >= v.last()
}

// apart reports whether two nodes cannot talk to each other in both directions.
func (w *world) apart(a, b *node) bool {
	return w.cut[a.id]&(1<<b.id) != 0 || w.cut[b.id]&(1<<a.id) != 0
}

// lead takes office for the node's present term.
func (n *node) lead() {
	w := n.w
	w.stats.Terms++
	o := &office{node: n, term: n.term, progress: make([]progress, len(w.nodes)), rooms: make(map[uint64][]*proposal)}
	for i := range o.progress {
		o.progress[i].next = n.last() + 1
	}
	n.office, n.leader = o, n
	if w.tracing() {
		w.say("%s leads term %d from entry %d", n.name, o.term, n.last()+1)
	}
	o.open()
	o.beat()
	o.watch(n.clock())
}

// beat sends signs of life for as long as the term lasts.
func (o *office) beat() {
	n := o.node
	if n.office != o {
		return
	}
	for _, f := range n.w.nodes {
		if p := &o.progress[f.id]; f != n {
			if n.clock()-p.sent >= appendTime {
				p.sending = false // its answer is lost, or late
			}
			o.replicate(f)
		}
	}
	n.after(heartbeat, o.beat)
}

// watch has the leader step down when it has not heard from a majority for
// long. Some worlds go without, and have leaders that believe they lead for as
// long as nobody tells them otherwise.
func (o *office) watch(since time.Duration) {
	n := o.node
	if n.office != o || !n.w.traits.steps && !n.w.calm {
		n.after(lease, func() {
			if n.office == o {
				o.watch(n.clock())
			}
		})
		return
	}
	if n.clock()-max(since, o.led()) > 2*lease {
		n.resign()
		n.heard = n.clock()
		return
	}
	n.after(lease/2, func() { o.watch(since) })
}

// led returns until when, by the leader's own clock, it is proved that it leads:
// a majority has answered something that was sent then or later.
func (o *office) led() time.Duration {
	times := make([]time.Duration, 0, maxNodes)
	for i := range o.progress {
		if i != o.node.id {
			times = append(times, o.progress[i].acked)
		}
	}
	slices.Sort(times)
	return times[len(times)-len(o.node.w.nodes)/2]
}
