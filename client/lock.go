package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"lockd/api"
)

// Lock takes the lock on a reference and returns its guard, which must be
// released. It waits its turn until ctx is done; see Wait and NoWait. When it
// gives up, nothing stays held or queued: what the cluster may still grant is
// given back in the background.
//
// A session that ends while the call waits is replaced and the place in the queue
// is lost, as it is after 24 hours. Errors are of ctx, wrap *Error (ErrOccupied,
// ErrDeadlock, …) or are ErrClosed.
func (c *Client) Lock(ctx context.Context, ref string, opts ...Option) (*Guard, error) {
	w := c.newWant(opts)
	w.setRefs([]Ref{{Ref: ref}})
	return c.lock(ctx, w)
}

// RLock is Lock with Shared: any number of readers, or one writer.
func (c *Client) RLock(ctx context.Context, ref string, opts ...Option) (*Guard, error) {
	w := c.newWant(opts)
	w.mode = api.Shared
	w.setRefs([]Ref{{Ref: ref}})
	return c.lock(ctx, w)
}

// TryLock is Lock with NoWait: ErrOccupied says that another run holds it, and
// the *Error says who.
func (c *Client) TryLock(ctx context.Context, ref string, opts ...Option) (*Guard, error) {
	w := c.newWant(opts)
	w.wait, w.patience = 0, bounded
	w.setRefs([]Ref{{Ref: ref}})
	return c.lock(ctx, w)
}

// LockAll takes all locks at once or none, and holds none while it waits for
// the rest; one guard stands for all. Shared and Tree apply to the references
// that say nothing themselves.
func (c *Client) LockAll(ctx context.Context, refs []Ref, opts ...Option) (*Guard, error) {
	w := c.newWant(opts)
	w.setRefs(refs)
	return c.lock(ctx, w)
}

// AcquireKey takes one of a key's slots: the only one, unless Limit makes it a
// semaphore. It waits like Lock. Shared and Tree have no meaning here.
func (c *Client) AcquireKey(ctx context.Context, key string, opts ...Option) (*Guard, error) {
	w := c.newWant(opts)
	w.isKey, w.key = true, key
	return c.lock(ctx, w)
}

// errSessionOver says that a session ended under an acquire, which may be begun
// anew on another.
var errSessionOver = errors.New("the session ended")

// lock is what the methods above share, and is called by them directly: the
// guard remembers their caller.
func (c *Client) lock(ctx context.Context, w *want) (*Guard, error) {
	var frames [maxFrames]uintptr
	stack := frames[:runtime.Callers(3, frames[:])]
	began := time.Now()
	for tries := 1; ; tries++ {
		g, err := c.tryLock(ctx, w, w.remaining(ctx, began), stack)
		if err == nil {
			return newGuard(g), nil
		}
		if c.ctx.Err() == nil && w.again(err) {
			err = sleep(ctx, backoff(tries))
		}
		if err != nil {
			return nil, fmt.Errorf("client: lock %v: %w", w, err)
		}
	}
}

// remaining is the wait to ask the server for. It reaches beyond ctx's deadline,
// so that it is ctx which ends the call.
func (w *want) remaining(ctx context.Context, began time.Time) time.Duration {
	if w.patience == bounded {
		return max(w.wait-time.Since(began), 0)
	}
	if deadline, ok := ctx.Deadline(); ok {
		return min(max(time.Until(deadline), 0)+attemptTime, maxWait)
	}
	return maxWait
}

// again says whether an acquire that ended so may be begun anew.
func (w *want) again(err error) bool {
	if errors.Is(err, errSessionOver) {
		return true
	}
	e, ok := errors.AsType[*Error](err)
	timedOut := ok && e.Problem.Code == api.CodeOccupied && e.Problem.WaitedMS != nil && !e.Problem.Withdrawn
	return timedOut && w.patience == untilDone
}

// tryLock asks once, on the present session.
func (c *Client) tryLock(ctx context.Context, w *want, wait time.Duration, stack []uintptr) (*grip, error) {
	s, err := c.session(ctx, w.ttl)
	if err != nil {
		return nil, err
	}
	if !s.join() {
		return nil, errSessionOver
	}
	holds, err := s.enter(ctx, w.names())
	if err != nil {
		s.quit()
		return nil, err
	}
	lost := s.takenSoFar()
	grants, err := s.acquire(ctx, w, wait)
	if err == nil {
		if g := s.grip(ctx, w, holds, grants, stack); g != nil {
			s.doubt(lost)
			return g, nil // which is the user from now on
		}
		err = errSessionOver
	}
	s.giveUp(holds, err)
	if s.over.Err() != nil && ctx.Err() == nil {
		err = errors.Join(errSessionOver, err)
	}
	return nil, err
}

// giveUp undoes an acquire that ended with err: in the background if the table
// may have granted it, or may yet.
func (s *session) giveUp(holds []*hold, err error) {
	if !mayBeGranted(err) {
		_ = s.leave(holds, refused) // sends nothing for names never granted
		s.quit()
		return
	}
	s.withdraw(holds)
}

// withdraw gives back, in the background, what an acquire may have got or may get.
func (s *session) withdraw(holds []*hold) {
	s.c.spawn(func() {
		defer s.quit()
		if err := s.leave(holds, uncertain); err != nil && s.over.Err() == nil {
			s.c.config.Logger.Error("lockd: a lock that was given up may be held until its session ends",
				"name", holds[0].name.text, "run", holds[0].name.run, "session", s.id, "error", err)
		}
	})
}

// mayBeGranted says whether an acquire with that error may have been granted.
func mayBeGranted(err error) bool {
	if u, ok := errors.AsType[*unansweredError](err); ok {
		return u.unknown
	}
	e, ok := errors.AsType[*Error](err)
	refused := ok && e.Problem.Status == http.StatusConflict
	return !refused && !errors.Is(err, ErrInvalidRequest) && !errors.Is(err, ErrTooLarge)
}

// acquire sends the want until it is granted on this session, and returns what that
// is. A request that waits moves to the session of whoever asks for it again, and
// that may be a late copy of what the run asked on an earlier session: what is then
// granted ends with that one. Asking once more moves it here.
func (s *session) acquire(ctx context.Context, w *want, wait time.Duration) ([]api.LockGrant, error) {
	for {
		grants, on, err := s.ask(ctx, w, wait)
		if err != nil || on == s.id || on == "" {
			return grants, err
		}
	}
}

// ask sends the want once and returns what it was granted, and on which session.
func (s *session) ask(ctx context.Context, w *want, wait time.Duration) (grants []api.LockGrant, on string, err error) {
	poll := api.Duration(s.c.config.Poll)
	timeout := attemptTime + min(wait, s.c.config.Poll)
	if w.isKey {
		a, err := s.command(ctx, "/v1/keys/acquire", timeout, func(once api.Once) any {
			return api.KeyAcquire{
				Key: w.key, RunID: w.run, Session: s.id, Limit: w.limit,
				Wait: api.Duration(wait), Poll: &poll, Reason: w.reason, Once: once,
			}
		})
		if err != nil {
			return nil, "", err
		}
		k, err := decode[api.KeyAcquired](a)
		if err != nil {
			return nil, "", err
		}
		return []api.LockGrant{{Ref: k.Key, Token: k.Token, Previous: k.Previous}}, k.Session, nil
	}
	a, err := s.command(ctx, "/v1/locks/acquire", timeout, func(once api.Once) any {
		return api.LockAcquire{
			Refs: w.refs, RunID: w.run, Session: s.id,
			Wait: api.Duration(wait), Poll: &poll, Reason: w.reason, Once: once,
		}
	})
	if err != nil {
		return nil, "", err
	}
	l, err := decode[api.LockAcquired](a)
	if err != nil {
		return nil, "", err
	}
	return l.Locks, l.Session, nil
}
