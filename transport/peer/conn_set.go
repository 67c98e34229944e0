package peer

import (
	"net"
	"sync"
)

// A cutter is a connection that can be ended from outside, at once.
type cutter interface{ cut() }

// greeting is an accepted connection in its handshake.
type greeting struct{ raw net.Conn }

func (g greeting) cut() { _ = g.raw.Close() }

// A connSet knows the open connections of one owner, so that closing the owner
// ends them and waits until nobody serves them any more.
type connSet struct {
	mu      sync.Mutex
	closed  bool
	conns   map[cutter]struct{}
	serving sync.WaitGroup
}

func newConnSet() *connSet { return &connSet{conns: make(map[cutter]struct{})} }

// add takes a connection in. It returns false if the set is closed, and then
// the connection is the caller's to close.
func (s *connSet) add(c cutter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	s.serving.Add(1)
	return true
}

// remove is called once for each connection added, by the goroutine that served
// it, as its last act.
func (s *connSet) remove(c cutter) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.serving.Done()
}

func (s *connSet) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *connSet) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// close cuts all connections and takes no more. It does not wait.
func (s *connSet) close() {
	s.mu.Lock()
	s.closed = true
	left := make([]cutter, 0, len(s.conns))
	for c := range s.conns {
		left = append(left, c)
	}
	s.mu.Unlock()
	for _, c := range left {
		c.cut()
	}
}

// wait returns when every connection has been removed. The set is closed.
func (s *connSet) wait() { s.serving.Wait() }
