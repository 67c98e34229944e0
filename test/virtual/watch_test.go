package virtual

import (
	"sync"
	"time"

	"lockd/gate"
)

// watch looks into the nodes' tables, every so often, for what no single answer
// shows.
type watch struct {
	world *world

	mu sync.Mutex
	// waiting has the runs whose clients await an answer, with the time since
	// which the table has no request of theirs; zero while it has.
	waiting map[string]time.Time
	// asleep are sessions that must expire.
	asleep map[*lease]bool
	// hashes has the hash of the table at recent indices.
	hashes map[uint64]uint64
	latest uint64
	// leading is who leads in which term, since ready.
	leading string
	term    uint64
	ready   time.Time
}

func newWatch(w *world) *watch {
	return &watch{world: w, waiting: make(map[string]time.Time), asleep: make(map[*lease]bool), hashes: make(map[uint64]uint64)}
}

// waits says that somebody awaits the end of the run's request; over ends that.
func (s *watch) waits(run string) (over func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[run] = time.Time{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, run)
	}
}

// expects says that nobody renews the session any more.
func (s *watch) expects(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asleep[l] = true
}

func (s *watch) run() {
	for s.world.sleep(watchEvery) {
		s.look()
	}
}

func (s *watch) look() {
	w := s.world
	leader := w.leader()
	for _, m := range w.members {
		p := w.process(m.Name)
		if p == nil {
			continue
		}
		view, index, _, _ := p.node.Stale()
		s.compare(m.Name, index, view.Hash())
		if m.Name == leader {
			s.examine(leader, view)
		}
	}
}

// compare checks that tables of one index are equal.
func (s *watch) compare(node string, index, hash uint64) {
	s.mu.Lock()
	known, seen := s.hashes[index]
	s.hashes[index] = hash
	if index > s.latest {
		s.latest = index
		if len(s.hashes) > hashesKept {
			for i := range s.hashes {
				if i+hashesKept/2 < index {
					delete(s.hashes, i)
				}
			}
		}
	}
	s.mu.Unlock()
	if seen && known != hash {
		s.world.violated("%s differs from another node at index %d", node, index)
	}
}

// examine looks for sessions that live too long and for clients that nobody
// answers. Both are promises of calm times only.
func (s *watch) examine(leader string, view *gate.View) {
	w, now, calm := s.world, time.Now(), s.world.calmSince()
	s.mu.Lock()
	defer s.mu.Unlock()
	if term := view.Counters().Term; term != s.term || leader != s.leading {
		s.term, s.leading, s.ready = term, leader, now
		w.tallies.elections.Add(1)
	}
	for run, since := range s.waiting {
		switch _, request := view.Run(run); {
		case request != nil || calm.IsZero():
			s.waiting[run] = time.Time{}
		case since.Before(calm): // trouble may have come and gone unseen: without a leader nobody looks
			s.waiting[run] = now
		case now.Sub(since) > w.timing.Answer+2*time.Second:
			delete(s.waiting, run)
			w.violated("nobody answers %s, whose request ended more than %v ago", run, now.Sub(since))
		}
	}
	for l := range s.asleep {
		id, _ := gate.ParseSessionID(l.id)
		if _, lives := view.Session(id); !lives {
			delete(s.asleep, l)
			w.tallies.expiries.Add(1)
			continue
		}
		if calm.IsZero() {
			continue
		}
		from := latest(w.book.triedAt(l), s.ready, calm)
		if late := now.Sub(from) - l.ttl - time.Second; late > 2*watchEvery {
			delete(s.asleep, l)
			w.violated("session %s lives %v longer than its TTL of %v and a second", l.id, late, l.ttl)
		}
	}
}

func latest(times ...time.Time) time.Time {
	last := times[0]
	for _, t := range times {
		if t.After(last) {
			last = t
		}
	}
	return last
}

// check rebuilds a table from what is in it, which looks at every invariant.
func check(view *gate.View) error {
	load := gate.NewLoader(view.Counters())
	for x := range view.AllSessions() {
		load.Session(x)
	}
	for x := range view.AllLedgers() {
		load.Ledger(x)
	}
	for x := range view.AllAnswers() {
		load.Answer(x)
	}
	for x := range view.AllHolds() {
		load.Hold(x)
	}
	for x := range view.AllRequests() {
		load.Request(x)
	}
	for x := range view.AllEndings() {
		load.Ending(x)
	}
	_, err := load.Table()
	return err
}
