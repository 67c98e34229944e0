package cluster

import (
	"context"
	"sync"

	"lockd/fsm"
	"lockd/gate"
)

// EventID places an event in the order of all changes of the cluster: the log
// index of its entry, and its position among the entry's events, from 1. It is
// the same on every node.
type EventID struct {
	Index    uint64
	Position uint32
}

func (a EventID) before(b EventID) bool {
	return a.Index < b.Index || a.Index == b.Index && a.Position < b.Position
}

// Event is one change of the table with its place.
type Event struct {
	ID EventID
	gate.Event
}

// EventLog holds the last EventsKept changes that this node has applied. Readers
// pull; who reads too slowly gets ErrTooOld. Nobody who writes waits for them.
type EventLog struct {
	mu   sync.Mutex
	ring []Event
	// next is where the next event goes once the ring is full.
	next int
	// floor is the place up to which events are unknown here.
	floor EventID
	// last is the latest event's place, or floor.
	last EventID
	more signal
}

// Subscription is one reader's place. It belongs to one goroutine, and needs no
// closing.
type Subscription struct {
	log *EventLog
	// after is the place of the last event that was looked at.
	after EventID
	kinds kinds
}

// kinds is a set of kinds of events; the zero value has all.
type kinds uint64

func (k kinds) has(kind gate.EventKind) bool { return k == 0 || k>>kind&1 != 0 }

// Subscribe returns a reader of all events behind the given place, or of those of
// the given kinds; the zero place means from now on. ErrTooOld: some of them are
// gone.
func (l *EventLog) Subscribe(after EventID, of ...gate.EventKind) (*Subscription, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after == (EventID{}) {
		after = l.last
	}
	if after.before(l.floor) {
		return nil, ErrTooOld
	}
	s := &Subscription{log: l, after: after}
	for _, kind := range of {
		s.kinds |= 1 << kind
	}
	return s, nil
}

// Next returns the events that follow, at least one, at most MaxEventsRead, and
// waits until there are some. ErrTooOld: some were dropped before they were
// read; the reader has to begin anew. Otherwise the context's error.
func (s *Subscription) Next(ctx context.Context) ([]Event, error) {
	for {
		more := s.log.more.wait()
		events, looked, err := s.log.since(s.after, s.kinds)
		if err != nil {
			return nil, err
		}
		news := looked != s.after
		s.after = looked
		switch {
		case len(events) > 0:
			return events, nil
		case news:
			continue
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// since copies the next events behind a place that are of those kinds, and returns
// the place up to which it has looked.
func (l *EventLog) since(after EventID, of kinds) (events []Event, looked EventID, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after.before(l.floor) {
		return nil, after, ErrTooOld
	}
	if !after.before(l.last) {
		return nil, after, nil
	}
	low, high := 0, len(l.ring)
	for low < high {
		middle := (low + high) / 2
		if after.before(l.at(middle).ID) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	most := min(len(l.ring)-low, MaxEventsRead)
	if of == 0 {
		events = make([]Event, 0, most)
	}
	for i := range most {
		if e := l.at(low + i); of.has(e.Kind) {
			events = append(events, *e)
		}
	}
	return events, l.at(low + most - 1).ID, nil
}

// at returns the i-th oldest event.
func (l *EventLog) at(i int) *Event { return &l.ring[(l.next+i)%len(l.ring)] }

// publish adds the events of one entry.
func (l *EventLog) publish(a *fsm.Applied) {
	l.mu.Lock()
	position := uint32(0)
	for i := range a.Outcomes {
		for _, e := range a.Outcomes[i].Events {
			position++
			l.add(Event{ID: EventID{Index: a.Index, Position: position}, Event: e})
		}
	}
	l.mu.Unlock()
	if position > 0 {
		l.more.raise()
	}
}

func (l *EventLog) add(e Event) {
	if len(l.ring) < EventsKept {
		l.ring = append(l.ring, e)
	} else {
		l.floor = l.ring[l.next].ID
		l.ring[l.next] = e
		l.next = (l.next + 1) % EventsKept
	}
	l.last = e.ID
}

// restart says that the table is another one as of an index: no event before
// that is known.
func (l *EventLog) restart(index uint64) {
	l.mu.Lock()
	clear(l.ring)
	l.ring, l.next = l.ring[:0], 0
	l.floor = EventID{Index: index, Position: ^uint32(0)}
	l.last = l.floor
	l.mu.Unlock()
	l.more.raise()
}
