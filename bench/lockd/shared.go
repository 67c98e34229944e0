package lockd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lockd/bench/system"
)

// shared is one user of a trunk: without a session, each lock held by a run of
// its own.
type shared struct {
	trunk    *trunk
	name     string
	troubles system.Troubles
	body     []byte
}

func (c *cluster) dialShared(caller system.Caller) (system.Client, error) {
	if caller.TTL != 0 {
		return nil, fmt.Errorf("a session over a shared connection: %w", errors.ErrUnsupported)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	node := caller.Node % nodes
	if c.trunks[node] == nil {
		t := &trunk{at: node}
		for i := range nodes {
			t.hosts = append(t.hosts, c.address(i))
		}
		c.trunks[node] = t
	}
	return &shared{trunk: c.trunks[node], name: caller.Name}, nil
}

func (c *cluster) closeTrunks() {
	c.mu.Lock()
	trunks := c.trunks
	c.trunks = [nodes]*trunk{}
	c.mu.Unlock()
	for _, t := range trunks {
		if t != nil {
			t.close()
		}
	}
}

// call sends one request until it has an answer that settles it, as
// connection.call does.
func (u *shared) call(ctx context.Context, path string) (r reply, unsure bool, err error) {
	pause := firstPause
	for deadline := time.Now().Add(patience); ; {
		b, err := u.trunk.stream(ctx)
		if err == nil {
			if r, err = b.call(ctx, path, u.body); err != nil {
				u.trunk.next(b)
				unsure = true
			}
		}
		switch {
		case ctx.Err() != nil:
			return reply{}, unsure, ctx.Err()
		case err != nil:
			u.troubles.Cut++
		case r.status == http.StatusServiceUnavailable || r.status == http.StatusTooManyRequests:
			u.troubles.Refused++
			err = r.problem()
			if textOf(r.body, "applied") == "unknown" {
				u.troubles.Unknown++
				unsure = true
			}
		default:
			return r, unsure, nil
		}
		if time.Now().After(deadline) {
			return reply{}, unsure, fmt.Errorf("gave up on %s after %v: %w", path, patience, err)
		}
		select {
		case <-ctx.Done():
			return reply{}, unsure, ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

func (u *shared) TryLock(ctx context.Context, lock string) (system.Hold, error) {
	run := u.name + ":" + lock
	u.body = appendAcquire(u.body[:0], lock, run, 0, once{})
	r, _, err := u.call(ctx, "/v1/keys/acquire")
	if err == nil && r.status != http.StatusOK {
		err = r.problem()
	}
	switch {
	case err == nil:
		return system.Hold{Lock: lock, Owner: run, Fence: numberOf(r.body, "token")}, nil
	case refusedBecause(err, "occupied"):
		return system.Hold{}, system.ErrOccupied
	}
	return system.Hold{}, fmt.Errorf("acquire %s: %w", lock, err)
}

func (u *shared) Unlock(ctx context.Context, hold system.Hold) error {
	u.body = appendRelease(u.body[:0], hold, once{})
	r, unsure, err := u.call(ctx, "/v1/keys/release")
	if err == nil && r.status != http.StatusOK {
		err = r.problem()
	}
	switch {
	case err == nil, refusedBecause(err, "not_held") && unsure:
		return nil // an earlier attempt may have given it back
	case refusedBecause(err, "not_held"):
		return fmt.Errorf("release %s with token %d: %w", hold.Lock, hold.Fence, system.ErrNotHeld)
	}
	return fmt.Errorf("release %s: %w", hold.Lock, err)
}

func (u *shared) Lock(context.Context, string) (system.Hold, error) {
	return system.Hold{}, fmt.Errorf("wait over a shared connection: %w", errors.ErrUnsupported)
}

func (u *shared) Query(context.Context, string, bool) (system.Hold, error) {
	return system.Hold{}, fmt.Errorf("query over a shared connection: %w", errors.ErrUnsupported)
}

func (u *shared) Troubles() system.Troubles { return u.troubles }

// Abandon does nothing: the connection is others', too, and nothing renews.
func (u *shared) Abandon() time.Time { return time.Time{} }

// Close leaves the connection to the others; the cluster's Close ends it.
func (u *shared) Close(context.Context) error { return nil }
