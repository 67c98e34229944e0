package sim

import (
	"fmt"
	"runtime/debug"
	"slices"

	"lockd/gate"
)

// Stats counts what happened in a world.
type Stats struct {
	// Operations are the steps that clients took, Calls the commands they sent,
	// and Copies those they sent again.
	Operations, Calls, Copies, Reads int
	// Events are all events of the simulation.
	Events int
	// Entries and Commands are those of the log.
	Entries, Commands int
	Terms             int
	Faults            int
	Snapshots         int
	Installs, Resumes int
	// Checks are those of whole tables, Beliefs the holds that clients relied on.
	Checks, Beliefs int
	// Writes are those to the storage; LostOpen are the lost updates of the storage
	// that knows no tokens, Fenced what the other refused.
	Writes, LostOpen, Fenced int
}

// Outcome is how a simulation went.
type Outcome struct {
	Stats Stats
	// Digest is equal for equal histories.
	Digest uint64
	// Failure is nil if every promise was kept.
	Failure *Failure
}

// Run simulates one world from its first event to the end of everything that
// was begun in it.
func Run(config Config) (out Outcome) {
	w := newWorld(config)
	defer func() {
		if p := recover(); p != nil {
			w.fail("panic", "%v\n%s", p, debug.Stack())
		}
		out = Outcome{Stats: w.stats, Digest: w.mixed, Failure: w.wrong}
	}()
	if !w.run(mostTime, func() bool { return w.busy == 0 }) {
		w.fail("liveness", "%s", w.stuck())
		return out
	}
	w.heal()
	if !w.run(w.now+healTime, w.agreed) {
		w.fail("liveness", "%v after the last fault the nodes do not agree: %s", healTime, w.stuck())
		return out
	}
	w.rest()
	return out
}

// agreed reports whether there is a leader that serves, and every node has
// applied everything.
func (w *world) agreed() bool {
	last := uint64(len(w.referee.log))
	ready := false
	for _, n := range w.nodes {
		ready = ready || n.office != nil && n.office.ready
		if n.applied != last || n.last() != last {
			return false
		}
	}
	return ready
}

// rest lets go of everything, and looks whether nothing is left.
func (w *world) rest() {
	runs := make(map[string]bool)
	l := &lane{client: w.clients[len(w.clients)-1], number: -1, dice: newDice(w.config.Seed, 9)}
	var release func()
	release = func() {
		for i := range w.referee.holds {
			h := &w.referee.holds[i]
			if h.run != "" && h.session == 0 {
				runs[h.run] = true
				l.begin(&gate.Command{Op: &gate.ReleaseRun{Run: h.run}}, func(*gate.Result, *delivery) { release() })
				return
			}
		}
		w.schedule(nil, tick, release)
	}
	release()
	for _, c := range w.clients {
		if c.session != nil {
			c.session.over = true // from now on nobody sends keepalives
		}
	}
	empty := func() bool {
		r := w.referee
		return len(r.holds)+len(r.requests)+len(r.sessions) == 0 && w.agreed()
	}
	if !w.run(w.now+restTime, empty) {
		w.fail("liveness", "%v after the last client there is something left: %s", restTime, w.stuck())
		return
	}
	for i, n := range w.nodes {
		if n.fsm != nil || !slices.ContainsFunc(w.nodes[:i], func(o *node) bool { return o.fsm == nil }) {
			w.referee.whole(n, uint64(len(w.referee.log)))
		}
		if view := n.view(); view.Size().Holds+view.Size().Requests+view.Size().Sessions > 0 {
			w.fail("table", "%s still has %+v", n.name, view.Size())
		}
	}
}

// stuck tells what is not over yet.
func (w *world) stuck() string {
	text := ""
	for _, n := range w.nodes {
		text += fmt.Sprintf("%s term %d applied %d of %d leads %v; ", n.name, n.term, n.applied, n.last(), n.office != nil)
	}
	for _, c := range w.clients {
		for _, l := range c.lanes {
			if !l.done {
				text += fmt.Sprintf("%s is at step %d of %d; ", l.name(), l.next, len(l.steps))
			}
			if l.call != nil {
				text += l.call.describe() + "; "
			}
		}
	}
	for _, h := range w.referee.holds {
		text += fmt.Sprintf("%s holds %s in session %d; ", h.run, wantText(h.want), h.session)
	}
	for _, q := range w.referee.requests {
		text += fmt.Sprintf("%s waits as %d; ", q.run, q.number)
	}
	return text + fmt.Sprintf("%d sessions", len(w.referee.sessions))
}

// Add adds the counts of another world.
func (s *Stats) Add(o *Stats) {
	s.Operations += o.Operations
	s.Calls += o.Calls
	s.Copies += o.Copies
	s.Reads += o.Reads
	s.Events += o.Events
	s.Entries += o.Entries
	s.Commands += o.Commands
	s.Terms += o.Terms
	s.Faults += o.Faults
	s.Snapshots += o.Snapshots
	s.Installs += o.Installs
	s.Resumes += o.Resumes
	s.Checks += o.Checks
	s.Beliefs += o.Beliefs
	s.Writes += o.Writes
	s.LostOpen += o.LostOpen
	s.Fenced += o.Fenced
}
