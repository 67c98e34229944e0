package client

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lockd/api"
)

// eventually lets background work end: everything has settled within a minute.
func eventually() {
	time.Sleep(time.Minute)
	synctest.Wait()
}

func TestAWaitThatIsGivenUpIsWithdrawn(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.take("a", "other")
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if _, err := c.Lock(ctx, "a", WithRun("mine")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		eventually()
		acquired, released := f.seen("/v1/locks/acquire"), f.seen("/v1/locks/release")
		if len(released) != 1 || released[0].body.RunID != "mine" || released[0].body.Refs[0].Token != 0 {
			t.Fatalf("%d withdrawals", len(released))
		}
		if b := released[0].body; b.Acked < acquired[0].body.Seq {
			t.Errorf("acked %d does not cover the acquire's seq %d", b.Acked, acquired[0].body.Seq)
		}
		if wait := time.Duration(acquired[0].body.Wait); wait < 3*time.Second || wait > 10*time.Second {
			t.Errorf("the server was asked to wait %v for a caller that waits 3s", wait)
		}
	})
}

func TestAGrantWhoseAnswerIsLostIsGivenBackWhenItsCallerGivesUp(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		ctx, cancel := context.WithCancel(t.Context())
		f.react(func(r *request) reaction {
			if r.is("/v1/locks/acquire") {
				cancel()
				return reaction{cutAfter: true}
			}
			return reaction{}
		})
		if _, err := c.Lock(ctx, "a"); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		eventually()
		if run := f.holder("a"); run != "" {
			t.Errorf("%s holds it for ever", run)
		}
	})
}

// The copy that went astray arrives when its caller has long given up.
func TestALateCopyOfAGivenUpAcquireIsStale(t *testing.T) {
	for _, busy := range []bool{false, true} {
		inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
			if busy { // another command under way keeps acked behind
				f.take("z", "other")
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				go c.Lock(ctx, "z")
				synctest.Wait()
			}
			hangAcquire(f, "a")
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := c.Lock(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			eventually()
			var late fakeAnswer
			for _, r := range f.seen("/v1/locks/acquire") {
				if r.body.Refs[0].Ref == "a" {
					f.mu.Lock()
					late = f.once(r)
					f.mu.Unlock()
				}
			}
			if late.status != api.CodeStaleRequest.Status() || f.holder("a") != "" {
				t.Errorf("the late copy was answered %d and the holder is %q", late.status, f.holder("a"))
			}
		})
	}
}

// hangAcquire loses every acquire of ref at its node.
func hangAcquire(f *fake, ref string) {
	f.react(func(r *request) reaction {
		if r.is("/v1/locks/acquire") && r.body.Refs[0].Ref == ref {
			return reaction{hang: make(chan struct{}), cutBefore: true}
		}
		return reaction{}
	})
}

func TestARefusedTrySendsNothingMore(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.take("a", "other")
		if _, err := c.TryLock(t.Context(), "a"); !errors.Is(err, ErrOccupied) {
			t.Errorf("error %v", err)
		}
		eventually()
		if n := len(f.seen("/v1/locks/release")); n != 0 {
			t.Errorf("%d releases of what was never held", n)
		}
	})
}

func TestAGivenUpAcquireOfARunLeavesItsOtherGuardsAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a", WithRun("r"))
		f.take("b", "other")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.LockAll(ctx, []Ref{{Ref: "a"}, {Ref: "b"}}, WithRun("r")); err == nil {
			t.Error("granted")
		}
		time.Sleep(time.Second)
		if f.holder("a") != "r" || g.Err() != nil {
			t.Errorf("a is held by %q, the guard says %v", f.holder("a"), g.Err())
		}
		released := f.seen("/v1/locks/release")
		if len(released) != 1 || len(released[0].body.Refs) != 1 || released[0].body.Refs[0].Ref != "b" {
			t.Errorf("%d withdrawals", len(released))
		}
		mustRelease(t, g)
		if f.holder("a") != "" {
			t.Error("a is still held")
		}
	})
}

func TestAShortWaitIsTheServersToEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.take("a", "other")
		f.react(func(r *request) reaction {
			if r.is("/v1/locks/acquire") {
				return reaction{problem: api.CodeOccupied}
			}
			return reaction{}
		})
		if _, err := c.Lock(t.Context(), "a", Wait(2*time.Second)); !errors.Is(err, ErrOccupied) {
			t.Errorf("error %v", err)
		}
		if sent := f.seen("/v1/locks/acquire"); len(sent) != 1 || time.Duration(sent[0].body.Wait) != 2*time.Second {
			t.Errorf("sent %d times, wait %v", len(sent), sent[0].body.Wait)
		}
	})
}
