package lockd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lockd/bench/system"
)

// shared is one user of a trunk, with a session or without one. Each of its
// locks is held by a run of its own, as a client's are.
type shared struct {
	trunk    *trunk
	name     string
	session  string
	seq      uint64
	renewal  *renewal // nil without a session
	troubles system.Troubles
	body     []byte
}

func (c *cluster) dialShared(ctx context.Context, caller system.Caller) (system.Client, error) {
	u := &shared{trunk: c.trunk(caller.Node % nodes), name: caller.Name}
	if caller.TTL == 0 {
		return u, nil
	}
	opened := time.Now()
	u.body = appendOpen(u.body[:0], caller.TTL)
	r, _, err := u.call(ctx, http.MethodPost, "/v1/sessions")
	if err == nil && r.status != http.StatusCreated {
		err = r.problem()
	}
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	body, _ := after(r.body, "body") // the answer around it has an id, too
	u.session = textOf(body, "id")
	u.renewal = renew(&shared{trunk: u.trunk}, u.session, caller.TTL, opened)
	return u, nil
}

// trunk is the shared connection of the clients that prefer a node.
func (c *cluster) trunk(node int) *trunk {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trunks[node] == nil {
		t := &trunk{at: node}
		for i := range nodes {
			t.hosts = append(t.hosts, c.address(i))
		}
		c.trunks[node] = t
	}
	return c.trunks[node]
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

// call sends one request with the present body until it has an answer that
// settles it, as connection.call does.
func (u *shared) call(ctx context.Context, method, path string) (r reply, unsure bool, err error) {
	pause := firstPause
	for deadline := time.Now().Add(patience); ; {
		b, err := u.trunk.stream(ctx)
		if err == nil {
			if r, err = b.call(ctx, method, path, u.body); errors.Is(err, errBroken) {
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

func (u *shared) ask(ctx context.Context, method, path string) (status int, err error) {
	r, _, err := u.call(ctx, method, path)
	return r.status, err
}

// close leaves the connection to the others; the cluster's Close ends it.
func (u *shared) close() {}

func (u *shared) TryLock(ctx context.Context, lock string) (system.Hold, error) {
	return u.acquire(ctx, lock, 0)
}

func (u *shared) Lock(ctx context.Context, lock string) (system.Hold, error) {
	if u.session == "" {
		return system.Hold{}, errNoSession
	}
	return u.acquire(ctx, lock, lineTime)
}

func (u *shared) acquire(ctx context.Context, lock string, wait time.Duration) (system.Hold, error) {
	run := u.name + ":" + lock
	u.body = appendAcquire(u.body[:0], lock, run, wait, u.next())
	r, _, err := u.call(ctx, http.MethodPost, "/v1/keys/acquire")
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
	o := u.next()
	u.body = appendRelease(u.body[:0], hold, o)
	r, unsure, err := u.call(ctx, http.MethodPost, "/v1/keys/release")
	if err == nil && r.status != http.StatusOK {
		err = r.problem()
	}
	switch {
	case err == nil:
		return nil
	case !refusedBecause(err, "not_held"):
		return fmt.Errorf("release %s: %w", hold.Lock, err)
	case unsure && o.session == "":
		return nil // an earlier attempt may have given it back
	}
	return fmt.Errorf("release %s with token %d: %w", hold.Lock, hold.Fence, system.ErrNotHeld)
}

func (u *shared) Query(ctx context.Context, lock string, stale bool) (system.Hold, error) {
	u.body = u.body[:0]
	r, _, err := u.call(ctx, http.MethodGet, queryPath(lock, stale))
	if err == nil && r.status != http.StatusOK {
		err = r.problem()
	}
	if err != nil {
		return system.Hold{}, fmt.Errorf("query %s: %w", lock, err)
	}
	return holderOf(lock, r.body), nil
}

// next is what makes the next command apply once.
func (u *shared) next() once {
	if u.session == "" {
		return once{}
	}
	u.seq++
	return once{u.session, u.seq}
}

func (u *shared) Troubles() system.Troubles { return u.troubles }

// Abandon only stops the renewals: the connection is others', too.
func (u *shared) Abandon() (renewed time.Time) {
	if u.renewal == nil {
		return time.Time{}
	}
	renewed = u.renewal.stop()
	u.renewal, u.session = nil, ""
	return renewed
}

func (u *shared) Close(ctx context.Context) error {
	if u.renewal == nil {
		return nil
	}
	u.renewal.stop()
	u.renewal, u.body = nil, u.body[:0]
	r, unsure, err := u.call(ctx, http.MethodDelete, "/v1/sessions/"+u.session)
	if err == nil && r.status != http.StatusOK && (r.status != http.StatusNotFound || !unsure) {
		err = r.problem()
	}
	if err != nil {
		return fmt.Errorf("close the session: %w", err)
	}
	return nil
}
