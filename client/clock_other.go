//go:build !linux

package client

import (
	"sync"
	"time"
)

// widestClock advances by whichever of the monotonic and the wall clock went on
// further since the last reading. A monotonic clock may stand still in suspend;
// a wall clock that is set forward ends leases too early, which is safe.
type widestClock struct {
	mu   sync.Mutex
	last time.Time
	now  time.Duration
}

func newClock() clock { return &widestClock{last: time.Now()} }

func (c *widestClock) Now() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := time.Now()
	monotonic := t.Sub(c.last)
	wall := t.Round(0).Sub(c.last.Round(0))
	c.now += max(monotonic, wall, 0)
	c.last = t
	return c.now
}
