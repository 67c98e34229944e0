package client

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"

	"lockd/api"
)

// Guard stands for one granted acquire. It must be released; one that is garbage
// collected before is complained of in the log, with the stack of the call that
// made it, and stays held: its owner may still be at work.
//
// All methods may be called from any goroutine.
type Guard struct {
	grip    *grip
	cleanup runtime.Cleanup
}

// A grip is a guard without its handle: it must not refer to the Guard, whose
// collection it outlives.
type grip struct {
	s        *session
	run      string
	key      bool
	holds    []*hold
	previous *api.Previous
	stack    []uintptr
	// ctx ends when the lock is lost or released.
	ctx    context.Context
	cancel context.CancelCauseFunc

	// release begins once; done is closed with its outcome in err.
	release sync.Once
	done    chan struct{}
	err     error
}

// grip makes the grip of a granted acquire; nil if the session has ended since.
// The holds asked for are replaced by those granted, whose names are canonical.
func (s *session) grip(ctx context.Context, w *want, asked []*hold, grants []api.LockGrant, stack []uintptr) *grip {
	if !s.alive() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over.Err() != nil {
		return nil
	}
	g := &grip{s: s, run: w.run, key: w.isKey, stack: append([]uintptr(nil), stack...), done: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	for _, grant := range grants {
		h := s.use(holdName{run: w.run, key: g.key, text: grant.Ref})
		h.token = max(h.token, grant.Token)
		g.holds = append(g.holds, h)
		if g.previous == nil {
			g.previous = grant.Previous
		}
	}
	for _, h := range asked {
		h = h.present()
		h.users--
		h.asking--
		if h.users == 0 && h.token == 0 && !h.unsettled {
			s.forget(h)
		}
	}
	s.grips[g] = struct{}{}
	return g
}

func (g *grip) has(h *hold) bool {
	for _, mine := range g.holds {
		if mine == h {
			return true
		}
	}
	return false
}

func newGuard(g *grip) *Guard {
	guard := &Guard{grip: g}
	guard.cleanup = runtime.AddCleanup(guard, (*grip).abandoned, g)
	return guard
}

// abandoned complains of a guard that was never released.
func (g *grip) abandoned() {
	g.s.c.config.Logger.Error("lockd: a guard was garbage collected and never released",
		"names", g.names(), "run", g.run, "session", g.s.id, "still_held", g.ctx.Err() == nil, "acquired_at", g.caller())
}

func (g *grip) names() string {
	names := make([]string, len(g.holds))
	for i, h := range g.holds {
		names[i] = h.name.text
	}
	return strings.Join(names, ", ")
}

// caller is the stack of the call that made the guard.
func (g *grip) caller() string {
	var text strings.Builder
	frames := runtime.CallersFrames(g.stack)
	for {
		f, more := frames.Next()
		fmt.Fprintf(&text, "%s\n\t%s:%d\n", f.Function, f.File, f.Line)
		if !more {
			return text.String()
		}
	}
}

// Run returns the run id that holds the lock.
func (g *Guard) Run() string { return g.grip.run }

// Token returns the fencing token: larger than that of every earlier holder.
// Hand it to whatever the lock protects, which must refuse a lower one than it
// has seen. Of several names it is the highest, which serves for each of them.
func (g *Guard) Token() uint64 {
	var highest uint64
	for _, token := range g.Tokens() {
		highest = max(highest, token)
	}
	return highest
}

// Tokens returns the fencing token of each name, in canonical form.
func (g *Guard) Tokens() map[string]uint64 {
	g.grip.s.mu.Lock()
	defer g.grip.s.mu.Unlock()
	tokens := make(map[string]uint64, len(g.grip.holds))
	for _, h := range g.grip.holds {
		tokens[h.name.text] = h.token
	}
	return tokens
}

// Previous says who held a name last if that ended badly, by expiry or break, so
// that what it protects may need a look; nil if all ended well.
func (g *Guard) Previous() *api.Previous { return g.grip.previous }

// Context is done when the lock is lost or released, with the cause. A lease that
// cannot be kept ends it the margin before the cluster may grant the lock to
// another. It has the values of the context that the lock was asked with, and is
// not done with that one.
func (g *Guard) Context() context.Context { return g.grip.ctx }

// Err returns nil while the lock can be relied on, else the cause of Context's
// end: ErrReleased, ErrClosed or one that wraps ErrLost. It looks at the clock
// itself, and so tells the truth even right after the process was stopped.
func (g *Guard) Err() error {
	g.grip.s.alive()
	return context.Cause(g.grip.ctx)
}

// Left is how long the lock can be relied on if no further keepalive succeeds;
// negative or zero when it is lost.
func (g *Guard) Left() time.Duration {
	if g.Err() != nil {
		return 0
	}
	return g.grip.s.left()
}

// Lease is how long from now the cluster will not give the lock to another, if no
// further keepalive succeeds: Left and the margin. It counts on after the lock was
// lost, below zero once another may have it. Of a lock that the cluster has taken
// or ended itself it says nothing.
func (g *Guard) Lease() time.Duration { return g.grip.s.left() + g.grip.s.margin }

// Release gives the lock back and ends Context. It returns nil if the lock was
// held all the time until now, and an error that wraps ErrLost if it was not. When
// ctx is done before the server has answered, the release goes on in the
// background until it succeeds or the session ends. Repeated calls wait for, and
// return, the same outcome.
func (g *Guard) Release(ctx context.Context) error {
	g.cleanup.Stop()
	defer runtime.KeepAlive(g)
	g.grip.release.Do(g.grip.giveBack)
	select {
	case <-g.grip.done:
		return g.grip.err
	default:
	}
	select {
	case <-g.grip.done:
		return g.grip.err
	case <-ctx.Done():
		return fmt.Errorf("client: release %s: goes on in the background: %w", g.grip.names(), over(ctx))
	}
}

// giveBack starts the release.
func (g *grip) giveBack() {
	g.s.alive()
	g.err = context.Cause(g.ctx)
	g.cancel(ErrReleased)
	g.s.mu.Lock()
	delete(g.s.grips, g)
	g.s.mu.Unlock()
	started := g.s.c.spawn(func() {
		defer close(g.done)
		defer g.s.quit()
		err := g.s.leave(g.holds, released)
		if g.err == nil && err != nil {
			g.err = fmt.Errorf("client: release %s: %w", g.names(), err)
		}
	})
	if !started {
		close(g.done) // Close has given everything back
	}
}

// Downgrade weakens the lock, keeping its tokens: to that mode and scope, an empty
// one staying as it is. Others who wait may get in at once. Asking for more than
// is held is ErrInvalidRequest; a lock that is not held any more, ErrTaken. With
// an error of ctx it may or may not have happened.
func (g *Guard) Downgrade(ctx context.Context, mode api.Mode, scope api.Scope) error {
	if err := g.Err(); err != nil {
		return err
	}
	if g.grip.key {
		return fmt.Errorf("client: downgrade %s: %w: a key has one mode only", g.grip.names(), ErrInvalidRequest)
	}
	s := g.grip.s
	for _, lost := range s.granted() {
		if !g.grip.has(lost.hold) {
			continue
		}
		_, err := s.command(ctx, "/v1/locks/downgrade", attemptTime, func(once api.Once) any {
			return api.LockDowngrade{
				Ref: lost.name.text, RunID: lost.name.run, Token: lost.token,
				Mode: mode, Scope: scope, Session: s.id, Once: once,
			}
		})
		if errors.Is(err, ErrNotHeld) {
			if !lost.unsettled { // else it may be held with another token
				s.forfeit(lost)
			}
			err = errors.Join(ErrTaken, err)
		}
		if err != nil {
			return fmt.Errorf("client: downgrade %s: %w", lost.name.text, err)
		}
	}
	return nil
}
