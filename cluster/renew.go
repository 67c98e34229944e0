package cluster

import (
	"context"
	"time"

	"lockd/gate"
)

// A session that is private to a waiting request has no client that could renew
// it: the node that holds the client's connection does, a third of the TTL after
// the last time.

// schedule sets the waiter's next renewal; s.mu is held.
func (s *waiters) schedule(w *waiter) {
	s.due.Set(w, int64(s.node.uptime()+w.ttl/3))
	select {
	case s.hurry <- struct{}{}:
	default:
	}
}

// renew keeps the private sessions alive until the node stops.
func (s *waiters) renew() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-s.node.stop:
			return
		case <-timer.C:
		case <-s.hurry:
		}
		now := s.node.uptime()
		due, next := s.takeDue(now)
		if len(due) > 0 {
			s.renewOnce(due)
		}
		timer.Reset(next)
	}
}

// takeDue returns the sessions whose renewal is due, each with its next one set,
// and the time until another one is.
func (s *waiters) takeDue(now time.Duration) (due []gate.SessionID, next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(due) < MaxKeepaliveIDs {
		w, at, ok := s.due.First()
		if !ok {
			return due, gate.MaxTTL
		}
		if wait := time.Duration(at) - now; wait > 0 {
			return due, wait
		}
		s.due.Set(w, int64(now+w.ttl/3))
		due = append(due, w.private)
	}
	return due, 0
}

func (s *waiters) renewOnce(ids []gate.SessionID) {
	if _, err := s.node.keepalive(context.Background(), ids); err != nil {
		s.node.logger.Debug("private sessions not renewed", "sessions", len(ids), "error", err)
	}
}

// moved notes in which session the request now waits: another private one, if a
// session of its run's had taken it over meanwhile.
func (s *waiters) moved(w *waiter, to gate.SessionID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.ttl > 0 {
		w.private = to
	}
}
