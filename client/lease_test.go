package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lockd/api"
)

const keepalivePath = "/v1/sessions/s1/keepalive"

func TestAGuardEndsBeforeTheLeaseThatTheServerCounts(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a")
		time.Sleep(7 * time.Second)
		var last time.Time
		for _, r := range f.seen(keepalivePath) {
			last = r.at
		}
		f.react(func(*request) reaction { return reaction{cutBefore: true} })
		<-g.Context().Done()
		if got, want := time.Since(last), DefaultTTL-DefaultTTL/10; got != want {
			t.Errorf("ended %v after the last acknowledged keepalive was sent, want %v", got, want)
		}
		if got, want := g.Lease(), DefaultTTL/10; got != want {
			t.Errorf("another may have it after %v, want %v", got, want)
		}
		if err := context.Cause(g.Context()); !errors.Is(err, ErrLeaseExpired) || !errors.Is(err, ErrLost) {
			t.Errorf("cause %v", err)
		}
		if err := g.Release(t.Context()); !errors.Is(err, ErrLost) {
			t.Errorf("release says %v, want that the lock was lost", err)
		}
		f.react(nil)
	})
}

func TestAFirstLeaseIsCountedFromTheOpeningOfTheSession(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.react(func(r *request) reaction {
			switch r.path {
			case keepalivePath:
				return reaction{cutBefore: true}
			case "/v1/sessions":
				late := make(chan struct{})
				time.AfterFunc(time.Second, func() { close(late) })
				return reaction{hang: late}
			}
			return reaction{}
		})
		g := mustLock(t, c, "a")
		<-g.Context().Done()
		if got, want := time.Since(f.seen("/v1/sessions")[0].at), DefaultTTL-DefaultTTL/10; got != want {
			t.Errorf("ended %v after the session was asked for, want %v", got, want)
		}
		_ = g.Release(t.Context())
	})
}

func TestALeaseIsCountedFromBeforeTheSending(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a")
		const slow = 2 * time.Second
		f.react(func(r *request) reaction {
			late := make(chan struct{})
			time.AfterFunc(slow, func() { close(late) })
			return reaction{hang: late}
		})
		time.Sleep(DefaultTTL/3 + slow + time.Millisecond)
		if got, want := g.Left(), DefaultTTL-DefaultTTL/10-slow-time.Millisecond; got != want {
			t.Errorf("%v left after an answer that took %v, want %v", got, slow, want)
		}
		f.react(nil)
		mustRelease(t, g)
	})
}

func TestKeepalivesHoldALockForAsLongAsItTakes(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a")
		time.Sleep(time.Hour)
		if err := g.Err(); err != nil {
			t.Error(err)
		}
		if n, want := len(f.seen(keepalivePath)), int(time.Hour/(DefaultTTL/3)); n < want-1 || n > want+1 {
			t.Errorf("%d keepalives in an hour, want %d", n, want)
		}
		mustRelease(t, g)
	})
}

func TestASuspendedMachineFindsItsLocksLost(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, clk *bubbleClock) {
		g := mustLock(t, c, "a")
		clk.jump.Add(int64(time.Minute))
		if err := g.Err(); !errors.Is(err, ErrLeaseExpired) {
			t.Errorf("right after the jump: %v, want ErrLeaseExpired", err)
		}
	})
	inBubble(t, func(t *testing.T, f *fake, c *Client, clk *bubbleClock) {
		g := mustLock(t, c, "a")
		clk.jump.Add(int64(time.Minute))
		jumped := time.Now()
		<-g.Context().Done()
		if took := time.Since(jumped); took > leaseTick {
			t.Errorf("the context ended %v after the jump", took)
		}
		_ = g.Release(t.Context())
	})
}

func TestAnAnswerFromBeforeASuspendDoesNotRevive(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, clk *bubbleClock) {
		g := mustLock(t, c, "a")
		answer := make(chan struct{})
		first := firstTime(keepalivePath, reaction{hang: answer})
		f.react(func(r *request) reaction {
			if re := first(r); re.hang != nil {
				return re
			}
			return reaction{cutBefore: true}
		})
		time.Sleep(DefaultTTL/3 + time.Second)
		clk.jump.Add(int64(DefaultTTL))
		close(answer)
		synctest.Wait()
		if g.Err() == nil {
			t.Error("the guard lives on")
		}
		f.react(nil)
		_ = g.Release(t.Context())
	})
}

func TestAFrozenNodeDoesNotCostTheLease(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a")
		never := make(chan struct{})
		f.react(func(r *request) reaction {
			if r.node == 0 {
				return reaction{hang: never}
			}
			return reaction{}
		})
		time.Sleep(5 * time.Minute)
		if err := g.Err(); err != nil {
			t.Error(err)
		}
		mustRelease(t, g)
	})
}

func TestASessionThatTheClusterEndedTakesAllGuardsWithIt(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		a, b := mustLock(t, c, "a"), mustLock(t, c, "b")
		f.mu.Lock()
		delete(f.sessions, "s1")
		clear(f.held)
		f.mu.Unlock()
		time.Sleep(DefaultTTL / 3)
		synctest.Wait()
		for _, g := range []*Guard{a, b} {
			if err := g.Release(t.Context()); !errors.Is(err, ErrSessionEnded) {
				t.Errorf("release says %v, want ErrSessionEnded", err)
			}
		}
		again := mustLock(t, c, "a")
		if n := len(f.seen("/v1/sessions")); n != 2 {
			t.Errorf("%d sessions opened, want a second one", n)
		}
		mustRelease(t, again)
	})
}

func TestABrokenHoldEndsItsGuardAndNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		a, b := mustLock(t, c, "a"), mustLock(t, c, "b")
		k, err := c.AcquireKey(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		f.free("a")
		f.react(firstTime("/v1/check", reaction{problem: api.CodeForbidden})) // found out by the next keepalive then
		time.Sleep(2 * DefaultTTL / 3)
		synctest.Wait()
		if err := a.Err(); !errors.Is(err, ErrTaken) {
			t.Errorf("a: %v, want ErrTaken", err)
		}
		if b.Err() != nil || k.Err() != nil {
			t.Errorf("b: %v, k: %v", b.Err(), k.Err())
		}
		if err := a.Release(t.Context()); !errors.Is(err, ErrTaken) {
			t.Errorf("release says %v", err)
		}
		checks := len(f.seen("/v1/check"))
		time.Sleep(time.Minute)
		if n := len(f.seen("/v1/check")); n != checks {
			t.Errorf("%d more checks with nothing new lost", n-checks)
		}
		mustRelease(t, b)
		mustRelease(t, k)
	})
}

func TestALostSessionIsClosedOnceItsOwnersHaveStopped(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a")
		f.react(func(*request) reaction { return reaction{cutBefore: true} })
		<-g.Context().Done()
		f.react(nil)
		time.Sleep(time.Second)
		if f.holder("a") == "" {
			t.Error("the lock was given back before its owner stopped")
		}
		_ = g.Release(t.Context())
		time.Sleep(5 * time.Second)
		if run := f.holder("a"); run != "" {
			t.Errorf("%s still holds it", run)
		}
	})
}

func TestNoGuardCanBeReliedOnOnceItsSessionIsOver(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a")
		s, cancel := g.grip.s, g.grip.cancel
		g.grip.cancel = func(cause error) {
			if s.over.Err() != nil && g.Err() == nil {
				t.Error("the session is over, and its guard is not")
			}
			cancel(cause)
		}
		f.react(func(*request) reaction { return reaction{cutBefore: true} })
		<-g.Context().Done()
		if err := g.Err(); !errors.Is(err, ErrLeaseExpired) {
			t.Errorf("cause %v", err)
		}
		_ = g.Release(t.Context())
		f.react(nil)
	})
}

func TestSessionsAreOpenedOncePerTTL(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		guards := make(chan *Guard)
		for _, ref := range []string{"a", "b", "c", "d"} {
			opts := []Option{}
			if ref == "d" {
				opts = append(opts, TTL(time.Minute))
			}
			go func() {
				g, err := c.Lock(t.Context(), ref, opts...)
				if err != nil {
					t.Error(err)
				}
				guards <- g
			}()
		}
		for range 4 {
			mustRelease(t, <-guards)
		}
		if n := len(f.seen("/v1/sessions")); n != 2 {
			t.Errorf("%d sessions opened, want 2", n)
		}
	})
}

func TestAWaitGoesOnWhenItsSessionEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.take("a", "other")
		time.AfterFunc(3*time.Second, func() {
			f.mu.Lock()
			delete(f.sessions, "s1")
			f.mu.Unlock()
		})
		time.AfterFunc(30*time.Second, func() { f.free("a") })
		g := mustLock(t, c, "a")
		if n := len(f.seen("/v1/sessions")); n != 2 {
			t.Errorf("%d sessions opened, want a second one", n)
		}
		mustRelease(t, g)
	})
}

// A node that has too much to do asks for a second, which is as long as a short
// lease lasts.
func TestAnOverloadedNodeDoesNotCostTheLease(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a", TTL(minTTL))
		keepalive := "/v1/sessions/" + g.grip.s.id + "/keepalive"
		f.react(firstTime(keepalive, reaction{problem: api.CodeOverloaded, header: map[string]string{"Retry-After": "1"}}))
		time.Sleep(10 * time.Second)
		if err := g.Err(); err != nil {
			t.Error(err)
		}
		mustRelease(t, g)
	})
}
