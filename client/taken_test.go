package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// lostIn waits for the end of a guard's context.
func lostIn(t *testing.T, g *Guard, within time.Duration) {
	t.Helper()
	select {
	case <-g.Context().Done():
		if err := g.Err(); !errors.Is(err, ErrTaken) {
			t.Errorf("the guard says %v, want ErrTaken", err)
		}
	case <-time.After(within):
		t.Errorf("the guard says %v after %v", g.Err(), within)
	}
}

// The answer to the acquire is lost, and when it is asked for again the hold has
// been broken, which the session was told when it had no such hold yet.
func TestAHoldThatWasBrokenBeforeItsAnswerCameEndsItsGuard(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		mustRelease(t, mustLock(t, c, "z")) // opens the session
		again := make(chan struct{})
		first := true
		f.react(func(r *request) reaction {
			lost := first && r.is("/v1/locks/acquire")
			first = first && !lost
			if r.is("/v1/locks/acquire") && !lost {
				return reaction{hang: again}
			}
			return reaction{cutAfter: lost}
		})
		got := make(chan *Guard)
		go func() { got <- mustLock(t, c, "a") }()
		synctest.Wait()
		f.free("a")
		f.take("a", "other")
		time.Sleep(2 * DefaultTTL / 5) // a keepalive tells of the break
		close(again)
		g := <-got
		lostIn(t, g, time.Second)
		if err := g.Release(t.Context()); !errors.Is(err, ErrTaken) {
			t.Errorf("release says %v", err)
		}
	})
}

// What is found out about a hold while an acquire of the same run is under way is
// no matter of that acquire's.
func TestAnAcquireThatIsGivenUpAfterTheHoldOfItsRunWasBrokenIsGivenBack(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a", WithRun("r"))
		f.free("a")
		f.take("a", "other")
		f.react(func(r *request) reaction { return reaction{cutAfter: r.is("/v1/locks/acquire")} })
		ctx, cancel := context.WithCancel(t.Context())
		gaveUp := make(chan error)
		go func() {
			_, err := c.Lock(ctx, "a", WithRun("r"))
			gaveUp <- err
		}()
		lostIn(t, g, DefaultTTL)
		f.free("a") // and it is the waiting acquire's turn
		time.Sleep(time.Second)
		if run := f.holder("a"); run != "r" {
			t.Fatalf("held by %q", run)
		}
		cancel()
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		eventually()
		if run := f.holder("a"); run != "" {
			t.Errorf("%s holds it for ever", run)
		}
		if err := g.Release(t.Context()); !errors.Is(err, ErrTaken) {
			t.Errorf("release says %v", err)
		}
	})
}

// An acquire that was given up may have left the hold with another token.
func TestABrokenHoldEndsItsGuardAfterAnAcquireOfItsRunWasGivenUp(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a", WithRun("r"))
		ctx, cancel := context.WithCancel(t.Context())
		f.react(func(r *request) reaction {
			if r.is("/v1/locks/acquire") {
				cancel()
			}
			return reaction{cutAfter: r.is("/v1/locks/acquire")}
		})
		if _, err := c.Lock(ctx, "a", WithRun("r")); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		f.react(nil)
		other := mustLock(t, c, "other")
		f.free("other")
		lostIn(t, other, DefaultTTL)
		if err := other.Release(t.Context()); !errors.Is(err, ErrTaken) {
			t.Errorf("release says %v", err)
		}
		synctest.Wait()
		if err := g.Err(); err != nil {
			t.Fatalf("lost with another one: %v", err)
		}
		f.free("a")
		lostIn(t, g, DefaultTTL)
		eventually()
		if n := len(f.seen("/v1/locks/release")); n != 1 {
			t.Errorf("%d releases, want one of what the given up acquire may hold", n)
		}
		if err := g.Release(t.Context()); !errors.Is(err, ErrTaken) {
			t.Errorf("release says %v", err)
		}
	})
}
