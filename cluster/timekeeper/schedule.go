package timekeeper

import "container/heap"

// Schedule is a set of keys, each with a point on some time line, ordered by
// it. Every operation costs O(log n).
type Schedule[K comparable] struct {
	places map[K]*place[K]
	queue  places[K]
}

type place[K comparable] struct {
	key K
	at  int64
	// index is the place's position in the heap.
	index int
}

// NewSchedule returns an empty one.
func NewSchedule[K comparable]() *Schedule[K] {
	return &Schedule[K]{places: make(map[K]*place[K])}
}

// Set puts the key at the point, wherever it was.
func (s *Schedule[K]) Set(key K, at int64) {
	if p := s.places[key]; p != nil {
		p.at = at
		heap.Fix(&s.queue, p.index)
		return
	}
	p := &place[K]{key: key, at: at}
	s.places[key] = p
	heap.Push(&s.queue, p)
}

// Remove takes the key out, if it is there.
func (s *Schedule[K]) Remove(key K) {
	if p := s.places[key]; p != nil {
		heap.Remove(&s.queue, p.index)
		delete(s.places, key)
	}
}

// At returns the key's point; false if it has none.
func (s *Schedule[K]) At(key K) (int64, bool) {
	if p := s.places[key]; p != nil {
		return p.at, true
	}
	return 0, false
}

// First returns the key with the earliest point; false if there is none.
func (s *Schedule[K]) First() (key K, at int64, ok bool) {
	if len(s.queue) == 0 {
		return key, 0, false
	}
	return s.queue[0].key, s.queue[0].at, true
}

// Len returns the number of keys.
func (s *Schedule[K]) Len() int { return len(s.queue) }

// places implements heap.Interface.
type places[K comparable] []*place[K]

func (q places[K]) Len() int           { return len(q) }
func (q places[K]) Less(i, j int) bool { return q[i].at < q[j].at }
func (q places[K]) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

func (q *places[K]) Push(x any) {
	p := x.(*place[K])
	p.index = len(*q)
	*q = append(*q, p)
}

func (q *places[K]) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return p
}
