package sim

import "time"

// event is one thing to come on a process, in the life that it was scheduled in.
type event struct {
	on   *process
	life uint32
	do   func()
}

// eventQueue gives events back in the order of their moments. It is a heap of
// four children to a parent; the events themselves lie still.
type eventQueue struct {
	heap   []moment
	events []event
	// free are the places in events that nobody has.
	free []int32
}

// moment says when an event comes. Events at the same time come in the order in
// which they were scheduled.
type moment struct {
	at     time.Duration
	serial uint64
	place  int32
}

func (m *moment) before(o *moment) bool {
	return m.at < o.at || m.at == o.at && m.serial < o.serial
}

// add takes an event in.
func (q *eventQueue) add(at time.Duration, serial uint64, e event) {
	place := int32(len(q.events))
	if last := len(q.free) - 1; last >= 0 {
		place, q.free = q.free[last], q.free[:last]
		q.events[place] = e
	} else {
		q.events = append(q.events, e)
	}
	q.push(moment{at, serial, place})
}

func (q *eventQueue) push(m moment) {
	q.heap = append(q.heap, m)
	i := len(q.heap) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !m.before(&q.heap[up]) {
			break
		}
		q.heap[i] = q.heap[up]
		i = up
	}
	q.heap[i] = m
}

// next takes the earliest moment out. Its event stays until it is dropped, or
// pushed for another moment.
func (q *eventQueue) next() moment {
	s := q.heap
	first, last := s[0], len(s)-1
	m := s[last]
	s = s[:last]
	q.heap = s
	if last == 0 {
		return first
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= last {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, last); c++ {
			if s[c].before(&s[least]) {
				least = c
			}
		}
		if !s[least].before(&m) {
			break
		}
		s[i] = s[least]
		i = least
	}
	s[i] = m
	return first
}

// drop forgets the event of a moment that was taken out.
func (q *eventQueue) drop(place int32) {
	q.events[place] = event{}
	q.free = append(q.free, place)
}

func (q *eventQueue) empty() bool { return len(q.heap) == 0 }
