package work

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lockd/bench/system"
)

// How long everything takes in the fake, in virtual time.
const (
	callTime     = time.Millisecond
	electionTime = 300 * time.Millisecond
	lateness     = 40 * time.Millisecond
	restartTime  = 1500 * time.Millisecond
	// Every snapshotEvery a snapshot is written, in snapshotTaken; calls that
	// begin meanwhile are late by snapshotDelay.
	snapshotEvery = 30 * time.Second
	snapshotTaken = 500 * time.Millisecond
	snapshotDelay = 5 * time.Millisecond
)

// faults are what a fake does wrong: a lock is granted beside its holder; tokens
// repeat; a kill loses kept locks; leases end early; sessions end in spite of
// renewals.
type faults struct{ shares, repeats, forgets, hurries, drops bool }

// fake is a lock service in memory that serves in virtual time.
type fake struct {
	faults

	mu     sync.Mutex
	fence  uint64
	holds  map[string]system.Hold
	line   map[string][]chan system.Hold
	leader int
	// back is when a new leader serves.
	back time.Time
}

func newFake(with faults) *fake {
	return &fake{faults: with, holds: make(map[string]system.Hold), line: make(map[string][]chan system.Hold)}
}

func (f *fake) Nodes() []system.Node { return []system.Node{node{}, node{}, node{}} }

func (f *fake) Leader(context.Context) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.leader, nil
}

func (f *fake) Kill(int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leader, f.back = (f.leader+1)%3, time.Now().Add(electionTime)
	if f.forgets {
		maps.DeleteFunc(f.holds, func(lock string, _ system.Hold) bool { return strings.Contains(lock, "kept") })
	}
	return nil
}

func (f *fake) Restart(context.Context, int) error {
	time.Sleep(restartTime)
	return nil
}

func (f *fake) Close() error { return nil }

// Snapshots are written at fixed times of the virtual clock.
func (f *fake) Snapshots(int) (begun int, writing bool, err error) {
	now := time.Duration(time.Now().UnixNano()) + snapshotEvery/3 // virtual time begins with a whole minute
	return int(now / snapshotEvery), now%snapshotEvery < snapshotTaken, nil
}

func (f *fake) Dial(_ context.Context, caller system.Caller) (system.Client, error) {
	return &fakeClient{fake: f, Caller: caller}, nil
}

func (f *fake) Crowd(_ context.Context, nodes []int, n int, _, every time.Duration) (system.Crowd, error) {
	if slices.Contains(nodes, f.leader) {
		return nil, errors.New("the leader is no follower")
	}
	return &fakeCrowd{fake: f, n: n, every: every, begun: time.Now()}, nil
}

// grant makes the lock the owner's; mu must be held.
func (f *fake) grant(lock, owner string) system.Hold {
	if !f.repeats || f.fence == 0 {
		f.fence++
	}
	hold := system.Hold{Lock: lock, Owner: owner, Fence: f.fence}
	f.holds[lock] = hold
	return hold
}

// free hands the lock to the next in line; mu must be held.
func (f *fake) free(lock string) {
	delete(f.holds, lock)
	if line := f.line[lock]; len(line) > 0 {
		f.line[lock] = line[1:]
		line[0] <- f.grant(lock, "next in line")
	}
}

type node struct{}

func (node) CPU() (time.Duration, error) { return 0, nil }
func (node) Resident() (int64, error)    { return 1 << 20, nil }

type fakeClient struct {
	system.Caller
	*fake
	held []string
}

// call takes its time, and waits for a leader.
func (c *fakeClient) call() {
	time.Sleep(callTime)
	if _, writing, _ := c.Snapshots(0); writing {
		time.Sleep(snapshotDelay)
	}
	c.mu.Lock()
	back := c.back
	c.mu.Unlock()
	time.Sleep(time.Until(back))
}

func (c *fakeClient) TryLock(_ context.Context, lock string) (system.Hold, error) {
	c.call()
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, held := c.holds[lock]; held && !c.shares {
		return system.Hold{}, system.ErrOccupied
	}
	c.held = append(c.held, lock)
	return c.grant(lock, c.Name), nil
}

func (c *fakeClient) Lock(ctx context.Context, lock string) (system.Hold, error) {
	hold, err := c.TryLock(ctx, lock)
	if !errors.Is(err, system.ErrOccupied) {
		return hold, err
	}
	mine := make(chan system.Hold, 1)
	c.mu.Lock()
	c.line[lock] = append(c.line[lock], mine)
	c.mu.Unlock()
	select {
	case hold = <-mine:
		return hold, nil
	case <-ctx.Done():
		return system.Hold{}, ctx.Err()
	}
}

func (c *fakeClient) Unlock(_ context.Context, hold system.Hold) error {
	c.call()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.holds[hold.Lock] != hold && !c.shares {
		return system.ErrNotHeld
	}
	c.free(hold.Lock)
	return nil
}

func (c *fakeClient) Query(_ context.Context, lock string, _ bool) (system.Hold, error) {
	c.call()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.holds[lock], nil
}

func (c *fakeClient) Troubles() system.Troubles { return system.Troubles{Refused: 1} }

func (c *fakeClient) Abandon() time.Time {
	left := c.TTL + lateness
	if c.hurries {
		left = c.TTL / 2
	}
	renewed := time.Now()
	time.AfterFunc(left, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, lock := range c.held {
			c.free(lock)
		}
	})
	return renewed
}

func (c *fakeClient) Close(context.Context) error { return nil }

type fakeCrowd struct {
	*fake
	n     int
	every time.Duration
	begun time.Time
}

func (c *fakeCrowd) Renewals() int { return int(time.Since(c.begun)/c.every) * c.n }

func (c *fakeCrowd) Lost() (int, error) {
	if c.drops {
		return 1, nil
	}
	return 0, nil
}

func (c *fakeCrowd) Close(context.Context) error { return nil }
