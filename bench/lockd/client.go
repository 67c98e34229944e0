package lockd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"lockd/bench/system"
)

var errNoSession = fmt.Errorf("wait without a session: %w", errors.ErrUnsupported)

// client is one user. Each of its locks is held by a run of its own, as by
// separate executions of one program.
type client struct {
	*connection
	name    string
	session string
	seq     uint64
	renewal *renewal // nil without a session
}

// Dial opens the caller's session, if it wants one.
func (c *cluster) Dial(ctx context.Context, caller system.Caller) (system.Client, error) {
	if caller.Shared || c.stream {
		return c.dialShared(ctx, caller)
	}
	u := &client{connection: c.connect(caller.Node), name: caller.Name}
	if caller.TTL == 0 {
		return u, nil
	}
	opened := time.Now()
	id, err := u.open(ctx, caller.TTL)
	if err != nil {
		u.close()
		return nil, fmt.Errorf("open a session: %w", err)
	}
	u.session = id
	u.renewal = renew(c.connect(caller.Node), id, caller.TTL, opened)
	return u, nil
}

func (n *connection) open(ctx context.Context, ttl time.Duration) (id string, err error) {
	status, _, err := n.call(ctx, http.MethodPost, "/v1/sessions", appendOpen(nil, ttl))
	if err != nil {
		return "", err
	}
	if status != http.StatusCreated {
		return "", n.problem(status)
	}
	return textOf(n.answer.Bytes(), "id"), nil
}

func (u *client) TryLock(ctx context.Context, lock string) (system.Hold, error) {
	return u.acquire(ctx, lock, 0)
}

func (u *client) Lock(ctx context.Context, lock string) (system.Hold, error) {
	if u.session == "" {
		return system.Hold{}, errNoSession
	}
	return u.acquire(ctx, lock, lineTime)
}

func (u *client) acquire(ctx context.Context, lock string, wait time.Duration) (system.Hold, error) {
	run := u.name + ":" + lock
	body := appendAcquire(make([]byte, 0, 192), lock, run, wait, u.next())
	for {
		status, _, err := u.call(ctx, http.MethodPost, "/v1/keys/acquire", body)
		switch {
		case err != nil:
			return system.Hold{}, fmt.Errorf("acquire %s: %w", lock, err)
		case status == http.StatusOK:
			return system.Hold{Lock: lock, Owner: run, Fence: numberOf(u.answer.Bytes(), "token")}, nil
		case status == http.StatusAccepted: // still in line: ask on
			continue
		}
		err = u.problem(status)
		if refusedBecause(err, "occupied") {
			return system.Hold{}, system.ErrOccupied
		}
		return system.Hold{}, fmt.Errorf("acquire %s: %w", lock, err)
	}
}

func (u *client) Unlock(ctx context.Context, hold system.Hold) error {
	o := u.next()
	status, unsure, err := u.call(ctx, http.MethodPost, "/v1/keys/release", appendRelease(make([]byte, 0, 192), hold, o))
	switch {
	case err != nil:
		return fmt.Errorf("release %s: %w", hold.Lock, err)
	case status == http.StatusOK:
		return nil
	}
	err = u.problem(status)
	if !refusedBecause(err, "not_held") {
		return fmt.Errorf("release %s: %w", hold.Lock, err)
	}
	if unsure && o.session == "" {
		return nil // an earlier attempt has given it back
	}
	return fmt.Errorf("release %s with token %d: %w", hold.Lock, hold.Fence, system.ErrNotHeld)
}

func (u *client) Query(ctx context.Context, lock string, stale bool) (system.Hold, error) {
	status, _, err := u.call(ctx, http.MethodGet, queryPath(lock, stale), nil)
	if err == nil && status != http.StatusOK {
		err = u.problem(status)
	}
	if err != nil {
		return system.Hold{}, fmt.Errorf("query %s: %w", lock, err)
	}
	return holderOf(lock, u.answer.Bytes()), nil
}

// next is what makes the next command apply once.
func (u *client) next() once {
	if u.session == "" {
		return once{}
	}
	u.seq++
	return once{u.session, u.seq}
}

func (u *client) Troubles() system.Troubles { return u.troubles }

func (u *client) Abandon() (renewed time.Time) {
	u.close()
	if u.renewal == nil {
		return time.Time{}
	}
	renewed = u.renewal.stop()
	u.renewal = nil
	u.session = ""
	return renewed
}

func (u *client) Close(ctx context.Context) error {
	defer u.close()
	if u.renewal == nil {
		return nil
	}
	u.renewal.stop()
	u.renewal = nil
	status, unsure, err := u.call(ctx, http.MethodDelete, "/v1/sessions/"+u.session, nil)
	switch {
	case err != nil:
		return fmt.Errorf("close the session: %w", err)
	case status == http.StatusOK || status == http.StatusNotFound && unsure:
		return nil
	}
	return fmt.Errorf("close the session: %w", u.problem(status))
}
