package cluster

import (
	"sync"

	"lockd/gate"
)

// room is where queued requests await their late answers, for as long as one
// leader leads: a leader has one for its term, a follower has one for each batch
// that it forwarded. An answer may come before those who want it have asked, so
// a place is kept from the moment a request is known to be queued.
type room struct {
	mu     sync.Mutex
	places map[uint64]*seat
	closed bool
}

// seat is the place of one request.
type seat struct {
	// owed is how many commands were told Queued and have not claimed yet.
	owed    int
	claims  map[*claim]struct{}
	settled *lateAnswer
}

// claim is one party that wants the answer.
type claim struct{ tell func(lateAnswer) }

// lateAnswer is how a queued request ended, or, with a nil result, that this
// room will not learn it.
type lateAnswer struct {
	result *gate.Result
	index  uint64
}

func newRoom() *room { return &room{places: make(map[uint64]*seat)} }

// expect keeps a place: one command was told that the request is queued.
// Exactly one claim or pass must follow.
func (r *room) expect(request uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.places[request]
	if s == nil {
		s = &seat{claims: make(map[*claim]struct{})}
		r.places[request] = s
	}
	s.owed++
}

// claim has tell called once with the answer, possibly before claim returns,
// from any goroutine. leave ends that; it may be called more than once.
func (r *room) claim(request uint64, tell func(lateAnswer)) (leave func()) {
	r.mu.Lock()
	s := r.places[request]
	if s == nil || r.closed && s.settled == nil {
		r.mu.Unlock()
		tell(lateAnswer{})
		return func() {}
	}
	s.owed--
	if s.settled != nil {
		answer := *s.settled
		r.tidy(request, s)
		r.mu.Unlock()
		tell(answer)
		return func() {}
	}
	c := &claim{tell: tell}
	s.claims[c] = struct{}{}
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(s.claims, c)
	}
}

// pass gives up the place that one expect kept.
func (r *room) pass(request uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.places[request]; s != nil {
		s.owed--
		r.tidy(request, s)
	}
}

// tidy removes a place that nobody needs; r.mu is held.
func (r *room) tidy(request uint64, s *seat) {
	if s.settled != nil && s.owed == 0 {
		delete(r.places, request)
	}
}

// settle gives the request's answer to all who want it.
func (r *room) settle(request uint64, answer lateAnswer) {
	r.mu.Lock()
	s := r.places[request]
	if s == nil {
		r.mu.Unlock()
		return
	}
	s.settled = &answer
	claims := s.claims
	s.claims = nil
	r.tidy(request, s)
	r.mu.Unlock()
	for c := range claims {
		c.tell(answer)
	}
}

// close tells everybody who still waits that no answer will come here. Answers
// that did come stay for those who were promised one.
func (r *room) close() {
	r.mu.Lock()
	r.closed = true
	var claims []*claim
	for request, s := range r.places {
		if s.settled != nil {
			continue
		}
		for c := range s.claims {
			claims = append(claims, c)
		}
		s.claims = nil
		delete(r.places, request)
	}
	r.mu.Unlock()
	for _, c := range claims {
		c.tell(lateAnswer{})
	}
}
