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
	log   *EventLog
	after EventID
}

// Subscribe returns a reader of all events behind the given place; the zero
// place means from now on. ErrTooOld: some of them are gone.
func (l *EventLog) Subscribe(after EventID) (*Subscription, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after == (EventID{}) {
		after = l.last
	}
	if after.before(l.floor) {
		return nil, ErrTooOld
	}
	return &Subscription{log: l, after: after}, nil
}

// Next returns the events that follow, at least one, at most MaxEventsRead, and
// waits until there are some. ErrTooOld: some were dropped before they were
// read; the reader has to begin anew. Otherwise the context's error.
func (s *Subscription) Next(ctx context.Context) ([]Event, error) {
	for {
		more := s.log.more.wait()
		events, err := s.log.since(s.after)
		if err != nil {
			return nil, err
		}
		if len(events) > 0 {
			s.after = events[len(events)-1].ID
			return events, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// since copies the next events behind a place.
func (l *EventLog) since(after EventID) ([]Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if after.before(l.floor) {
		return nil, ErrTooOld
	}
	if !after.before(l.last) {
		return nil, nil
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
	events := make([]Event, min(len(l.ring)-low, MaxEventsRead))
	for i := range events {
		events[i] = *l.at(low + i)
	}
	return events, nil
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
