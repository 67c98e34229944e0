package lockd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"lockd/bench/system"
)

var errNoSession = fmt.Errorf("wait without a session: %w", errors.ErrUnsupported)

// client is one user. Each of its locks is held by a run of its own, as by
// separate executions of one program.
type client struct {
	*caller
	name    string
	session string
	seq     uint64
	renewal *renewal // nil without a session
	// run is the last run's id, and names are how a body begins that is about hold.
	run   string
	names []byte
	hold  struct{ lock, owner string }
	body  []byte
}

// Dial opens the user's session, if it wants one.
func (c *cluster) Dial(ctx context.Context, wish system.Caller) (system.Client, error) {
	over := func() *caller { return c.over(wish.Node, wish.Shared) }
	u := &client{caller: over(), name: wish.Name}
	if wish.TTL == 0 {
		return u, nil
	}
	opened := time.Now()
	id, err := u.open(ctx, wish.TTL)
	if err != nil {
		u.close()
		return nil, fmt.Errorf("open a session: %w", err)
	}
	u.session = id
	u.renewal = renew(over(), id, wish.TTL, opened)
	return u, nil
}

// over returns a caller of the node, over the connection that others share or one
// of its own.
func (c *cluster) over(node int, shared bool) *caller {
	if shared || c.stream {
		return &caller{carrier: &line{trunk: c.trunk(node % nodes), seat: newSeat()}}
	}
	return &caller{carrier: c.connect(node)}
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
	run := u.runFor(lock)
	u.body = appendAcquire(u.body[:0], u.beginning(lock, run), wait, u.next())
	r, _, err := u.expect(ctx, http.StatusOK, http.MethodPost, "/v1/keys/acquire", u.body)
	for r.status == http.StatusAccepted { // still in line: ask on
		r, _, err = u.expect(ctx, http.StatusOK, http.MethodPost, "/v1/keys/acquire", u.body)
	}
	switch {
	case err == nil:
		return system.Hold{Lock: lock, Owner: run, Fence: numberOf(r.body, "token")}, nil
	case refusedBecause(err, "occupied"):
		return system.Hold{}, system.ErrOccupied
	}
	return system.Hold{}, fmt.Errorf("acquire %s: %w", lock, err)
}

// runFor is the id of the run that takes the lock.
func (u *client) runFor(lock string) string {
	if len(u.run) != len(u.name)+1+len(lock) || !strings.HasSuffix(u.run, lock) {
		u.run = u.name + ":" + lock
	}
	return u.run
}

// beginning is how a body begins; most are about the same lock as the last one.
func (u *client) beginning(lock, owner string) []byte {
	if u.hold.lock != lock || u.hold.owner != owner {
		u.hold.lock, u.hold.owner = lock, owner
		u.names = appendNames(u.names[:0], lock, owner)
	}
	return u.names
}

func (u *client) Unlock(ctx context.Context, hold system.Hold) error {
	o := u.next()
	u.body = appendRelease(u.body[:0], u.beginning(hold.Lock, hold.Owner), hold.Fence, o)
	_, unsure, err := u.expect(ctx, http.StatusOK, http.MethodPost, "/v1/keys/release", u.body)
	switch {
	case err == nil:
		return nil
	case !refusedBecause(err, "not_held"):
		return fmt.Errorf("release %s: %w", hold.Lock, err)
	case unsure && o.session == "":
		return nil // an earlier attempt has given it back
	}
	return fmt.Errorf("release %s with token %d: %w", hold.Lock, hold.Fence, system.ErrNotHeld)
}

// refusedBecause says whether err is the refusal with that code.
func refusedBecause(err error, code string) bool {
	var p *problem
	return errors.As(err, &p) && p.code == code
}

func (u *client) Query(ctx context.Context, lock string, stale bool) (system.Hold, error) {
	r, _, err := u.expect(ctx, http.StatusOK, http.MethodGet, queryPath(lock, stale), nil)
	if err != nil {
		return system.Hold{}, fmt.Errorf("query %s: %w", lock, err)
	}
	return holderOf(lock, r.body), nil
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
	r, unsure, err := u.expect(ctx, http.StatusOK, http.MethodDelete, "/v1/sessions/"+u.session, nil)
	if err == nil || r.status == http.StatusNotFound && unsure {
		return nil
	}
	return fmt.Errorf("close the session: %w", err)
}
