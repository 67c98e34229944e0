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

// event is one thing to come. Events at the same moment come in the order in
// which they were scheduled.
type event struct {
	at     time.Duration
	serial uint64
	on     *process
	life   uint32
	do     func()
}

// eventQueue is a binary heap.
type eventQueue []event

func (q eventQueue) before(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].serial < q[j].serial
}

func (q *eventQueue) push(e event) {
	*q = append(*q, e)
	s := *q
	for i := len(s) - 1; i > 0; {
		up := (i - 1) / 2
		if !s.before(i, up) {
			return
		}
		s[i], s[up] = s[up], s[i]
		i = up
	}
}

func (q *eventQueue) pop() event {
	s := *q
	first, last := s[0], len(s)-1
	s[0] = s[last]
	s[last] = event{}
	s = s[:last]
	*q = s
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			return first
		}
		if down+1 < last && s.before(down+1, down) {
			down++
		}
		if !s.before(down, i) {
			return first
		}
		s[i], s[down] = s[down], s[i]
		i = down
	}
}

// schedule has do called on a process after a true duration. A nil process is
// nobody in particular.
func (w *world) schedule(on *process, after time.Duration, do func()) {
	w.serial++
	e := event{at: w.now + after, serial: w.serial, on: on, do: do}
	if on != nil {
		e.life = on.life
	}
	w.queue.push(e)
}

// step lets the next event happen. What comes to a paused process waits, in
// order, until the pause is over.
func (w *world) step() {
	e := w.queue.pop()
	w.now = e.at
	if e.on != nil {
		switch {
		case e.on.down || e.on.life != e.life:
			return
		case e.on.paused():
			w.serial++
			e.at, e.serial = e.on.until, w.serial
			w.queue.push(e)
			return
		}
	}
	w.stats.Events++
	w.mix(uint64(e.at))
	e.do()
}

// run lets events happen until done says so, something is wrong, or the time is
// over.
func (w *world) run(limit time.Duration, done func() bool) (finished bool) {
	for w.wrong == nil && !done() {
		if w.now > limit || len(w.queue) == 0 {
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
