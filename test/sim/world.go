package sim

import (
	"fmt"
	"io"
	"time"
)

// world is everything that there is, in one goroutine. Time goes from event to
// event.
type world struct {
	config Config
	traits traits
	now    time.Duration
	queue  eventQueue
	serial uint64

	nodes   []*node
	clients []*client
	// processes are all of those, by id.
	processes []*process
	// cut has a bit for each process that the process cannot reach.
	cut []uint64
	// lossy is by how much the network is worse than usual, until then.
	lossy time.Duration
	// calm: faults are over for good.
	calm bool

	line    line
	store   *store
	referee *referee
	dice    dice
	// busy counts the lanes that still have steps.
	busy  int
	stats Stats

	// mixed is a digest of all that happened, in order.
	mixed uint64
	trace io.Writer
	wrong *Failure
}

// schedule has do called on a process after a true duration. A nil process is
// nobody in particular.
func (w *world) schedule(on *process, after time.Duration, do func()) {
	w.serial++
	e := event{on: on, do: do}
	if on != nil {
		e.life = on.life
	}
	w.queue.add(w.now+after, w.serial, e)
}

// step lets the next event happen. What comes to a paused process waits, in
// order, until the pause is over.
func (w *world) step() {
	m := w.queue.next()
	e := w.queue.events[m.place]
	w.now = m.at
	if e.on != nil && !e.on.down && e.on.life == e.life && e.on.paused() {
		w.serial++
		w.queue.push(moment{e.on.until, w.serial, m.place})
		return
	}
	w.queue.drop(m.place)
	if e.on != nil && (e.on.down || e.on.life != e.life) {
		return
	}
	w.stats.Events++
	w.mix(uint64(m.at))
	e.do()
}

// run lets events happen until done says so, something is wrong, or the time is
// over.
func (w *world) run(limit time.Duration, done func() bool) (finished bool) {
	for w.wrong == nil && !done() {
		if w.now > limit || w.queue.empty() {
			return false
		}
		w.step()
	}
	return w.wrong == nil
}

// send carries a message from one process to another: perhaps late, perhaps
// never, in no order. It is lost with either's life.
func (w *world) send(from, to *process, d *dice, do func()) {
	delay, arrives := w.carry(d)
	switch {
	case from == to:
		do()
	case arrives && w.cut[from.id]&(1<<to.id) == 0:
		w.schedule(to, delay, do)
	}
}

// carry draws what the network does to one message.
func (w *world) carry(d *dice) (delay time.Duration, arrives bool) {
	lost, late := w.traits.lost, w.traits.late
	if w.now < w.lossy {
		lost, late = 200, 100
	}
	fate := d.n(1000)
	delay = d.between(minLatency, maxLatency)
	switch {
	case w.calm:
	case fate < lost:
		return 0, false
	case fate < lost+late:
		delay = d.between(maxLatency, veryLate)
	}
	return delay, true
}

func (w *world) mix(x uint64) {
	h := w.mixed ^ x
	h *= 0xff51afd7ed558ccd
	w.mixed = h ^ h>>32
}

// say writes a line of the trace. Callers guard it with tracing, for speed.
func (w *world) say(format string, args ...any) {
	fmt.Fprintf(w.trace, "%12.6f  %s\n", w.now.Seconds(), fmt.Sprintf(format, args...))
}

func (w *world) tracing() bool { return w.trace != nil }
