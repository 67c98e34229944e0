package client

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"lockd/api"
)

// inBubble runs a test with a client of a fake cluster, which first asks node 0,
// in virtual time.
func inBubble(t *testing.T, run func(t *testing.T, f *fake, c *Client, clk *bubbleClock)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f, clk := newFake(t), newBubbleClock()
		c := f.client(clk).preferNode(0)
		defer f.stop(c)
		run(t, f, c, clk)
	})
}

// firstTime makes a reaction happen to the first request of a path only.
func firstTime(path string, re reaction) func(*request) reaction {
	happened := false
	return func(r *request) reaction {
		if happened || !r.is(path) {
			return reaction{}
		}
		happened = true
		return re
	}
}

func TestALostAnswerIsAskedForAgainWithTheSameSeq(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.react(firstTime("/v1/locks/acquire", reaction{cutAfter: true}))
		g := mustLock(t, c, "a")
		sent := f.seen("/v1/locks/acquire")
		if len(sent) != 2 {
			t.Fatalf("sent %d times, want 2", len(sent))
		}
		if sent[0].raw != sent[1].raw || sent[0].body.Seq == 0 {
			t.Errorf("the copies differ, or have no seq:\n%s\n%s", sent[0].raw, sent[1].raw)
		}
		if sent[0].node == sent[1].node {
			t.Errorf("both went to node %d", sent[0].node)
		}
		if g.Token() != 1 {
			t.Errorf("token %d, want that of the first copy", g.Token())
		}
		mustRelease(t, g)
	})
}

func TestALostReleaseIsAskedForAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		g := mustLock(t, c, "a")
		f.react(firstTime("/v1/locks/release", reaction{cutAfter: true}))
		mustRelease(t, g)
		if n := len(f.seen("/v1/locks/release")); n != 2 {
			t.Errorf("sent %d times, want 2", n)
		}
	})
}

func TestACommandWithoutSeqIsNotRepeatedWhenItMayHaveBeenApplied(t *testing.T) {
	command := func(c *Client, ctx context.Context) error {
		_, err := c.KeyAcquire(ctx, api.KeyAcquire{Key: "k", RunID: "r"})
		return err
	}
	for name, re := range map[string]reaction{
		"connection lost": {cutAfter: true}, "said so": {problem: api.CodeOutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
				f.react(firstTime("/v1/keys/acquire", re))
				if err := command(c, t.Context()); !errors.Is(err, ErrOutcomeUnknown) {
					t.Errorf("error %v, want ErrOutcomeUnknown", err)
				}
				if n := len(f.seen("/v1/keys/acquire")); n != 1 {
					t.Errorf("sent %d times, want once", n)
				}
			})
		})
	}
}

func TestACommandWithoutSeqIsRepeatedWhenItWasNotApplied(t *testing.T) {
	t.Run("no leader", func(t *testing.T) {
		inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
			f.react(firstTime("/v1/keys/acquire", reaction{problem: api.CodeNoLeader}))
			if _, err := c.KeyAcquire(t.Context(), api.KeyAcquire{Key: "k", RunID: "r"}); err != nil {
				t.Error(err)
			}
		})
	})
	t.Run("connection refused", func(t *testing.T) {
		inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
			f.servers[0].Close()
			if _, err := c.KeyAcquire(t.Context(), api.KeyAcquire{Key: "k", RunID: "r"}); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestACommandWithSeqIsRepeatedForAPlainCallerToo(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		s, err := c.SessionOpen(t.Context(), api.SessionOpen{TTL: api.Duration(DefaultTTL)})
		if err != nil {
			t.Fatal(err)
		}
		f.react(firstTime("/v1/keys/acquire", reaction{cutAfter: true}))
		_, err = c.KeyAcquire(t.Context(), api.KeyAcquire{Key: "k", RunID: "r", Session: s.ID, Once: api.Once{Seq: 1}})
		if err != nil || len(f.seen("/v1/keys/acquire")) != 2 {
			t.Errorf("%v after %d copies", err, len(f.seen("/v1/keys/acquire")))
		}
	})
}

func TestANodeIsLeftAloneForItsRetryAfter(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.react(func(r *request) reaction {
			return reaction{problem: api.CodeNoLeader, header: map[string]string{"Retry-After": "2"}}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		_, err := c.KeyGet(ctx, "k")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrNoLeader) {
			t.Errorf("error %v, want the deadline's and the last answer's", err)
		}
		last := map[int]time.Time{}
		for _, r := range f.seen("/v1/keys") {
			if gap := r.at.Sub(last[r.node]); gap < 2*time.Second {
				t.Errorf("node %d was asked again after %v", r.node, gap)
			}
			last[r.node] = r.at
		}
		if n := len(f.seen("/v1/keys")); n < 6 {
			t.Errorf("only %d requests in 7 s", n)
		}
	})
}

func TestAnOverloadedCallWaitsAndTheNodeServesOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		began := time.Now()
		f.react(firstTime("/v1/keys/acquire", reaction{problem: api.CodeOverloaded, header: map[string]string{"Retry-After": "1"}}))
		done := make(chan error)
		go func() {
			_, err := c.KeyAcquire(t.Context(), api.KeyAcquire{Key: "k", RunID: "r"})
			done <- err
		}()
		synctest.Wait()
		if _, err := c.Check(t.Context(), api.Check{Key: "x", Token: 1}); err != nil {
			t.Error(err)
		}
		if time.Since(began) != 0 {
			t.Errorf("another call waited %v", time.Since(began))
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited < time.Second {
			t.Errorf("came back after %v", waited)
		}
	})
}

func TestTheLeaderIsFollowed(t *testing.T) {
	for _, tc := range []struct {
		name   string
		leader string
		want   int
	}{
		{"to a configured node", "http://N3/", 2},
		{"nowhere else", "http://evil", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
				f.react(func(r *request) reaction {
					return reaction{header: map[string]string{api.HeaderLeader: tc.leader}}
				})
				for range 2 {
					if _, err := c.Check(t.Context(), api.Check{Key: "k", Token: 1}); err != nil {
						t.Fatal(err)
					}
				}
				if last := f.seen("")[1]; last.node != tc.want {
					t.Errorf("the second call went to node %d, want %d", last.node, tc.want)
				}
			})
		})
	}
}

func TestADeadLeaderIsPassedOverUntilANewOneIsNamed(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.servers[1].Close()
		leader := nodeURL(1)
		f.react(func(r *request) reaction {
			return reaction{header: map[string]string{api.HeaderLeader: leader}}
		})
		for range 20 {
			if _, err := c.Check(t.Context(), api.Check{Key: "k", Token: 1}); err != nil {
				t.Fatal(err)
			}
		}
		leader = nodeURL(2)
		for range 2 {
			if _, err := c.Check(t.Context(), api.Check{Key: "k", Token: 1}); err != nil {
				t.Fatal(err)
			}
		}
		all := f.seen("")
		if len(all) != 22 || all[21].node != 2 {
			t.Errorf("%d requests, the last at node %d", len(all), all[len(all)-1].node)
		}
	})
}

func firstNodeHangs() func(*request) reaction {
	never := make(chan struct{})
	return func(r *request) reaction {
		if r.node == 0 {
			return reaction{hang: never}
		}
		return reaction{}
	}
}

func TestAFrozenNodeDelaysACallOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.react(firstNodeHangs())
		began := time.Now()
		if _, err := c.Check(t.Context(), api.Check{Key: "k", Token: 1}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != signTime {
			t.Errorf("took %v, want %v", took, signTime)
		}
	})
}

func TestACommandWithoutSeqIsSentToNoFrozenNode(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.react(firstNodeHangs())
		for range 2 {
			if _, err := c.KeyAcquire(t.Context(), api.KeyAcquire{Key: "k", RunID: "r"}); err != nil {
				t.Fatal(err)
			}
		}
		sent := f.seen("/v1/keys/acquire")
		if len(sent) != 2 || sent[0].node == 0 || sent[1].node == 0 {
			t.Errorf("sent %d times, first to node %d", len(sent), sent[0].node)
		}
		if n := len(f.seen("/livez")); n != 2 {
			t.Errorf("%d nodes were asked for a sign of life, want the frozen one and the next, once each", n)
		}
	})
}

func TestASlowClusterAnswersInTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.react(func(r *request) reaction {
			slow := make(chan struct{})
			time.AfterFunc((signTime+attemptTime)/2, func() { close(slow) })
			return reaction{hang: slow}
		})
		if _, err := c.Check(t.Context(), api.Check{Key: "k", Token: 1}); err != nil {
			t.Error(err)
		}
		if n := len(f.seen("/v1/check")); n != 4 {
			t.Errorf("%d attempts, want a short one at each node and a long one", n)
		}
	})
}

func TestACallThatItsCallerGivesUpBlamesNoNode(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.react(firstTime("/v1/check", reaction{hang: make(chan struct{})}))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Check(ctx, api.Check{Key: "k", Token: 1}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if _, err := c.Check(t.Context(), api.Check{Key: "k", Token: 1}); err != nil || f.seen("")[1].node != 0 {
			t.Errorf("%v; the next call went to node %d", err, f.seen("")[1].node)
		}
	})
}

func TestAnAcquireThatWaitsIsResumedAtAnyNodeWithTheSameBody(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.take("a", "other")
		time.AfterFunc(25*time.Second, func() { f.free("a") })
		f.react(func(r *request) reaction {
			if !r.is("/v1/locks/acquire") {
				return reaction{}
			}
			return reaction{header: map[string]string{api.HeaderLeader: nodeURL((r.node + 1) % 3)}}
		})
		g := mustLock(t, c, "a")
		sent := f.seen("/v1/locks/acquire")
		var at []int
		for _, r := range sent {
			at = append(at, r.node)
			if r.raw != sent[0].raw {
				t.Errorf("bodies differ:\n%s\n%s", sent[0].raw, r.raw)
			}
		}
		if slices.Sort(at); !slices.Equal(at, []int{0, 1, 2}) {
			t.Errorf("asked nodes %v", at)
		}
		mustRelease(t, g)
	})
}

func TestRefusalsSayWhatTheyAre(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fake, c *Client, _ *bubbleClock) {
		f.take("a", "other")
		_, err := c.TryLock(t.Context(), "a")
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Problem.Status != http.StatusConflict || !errors.Is(err, ErrOccupied) || errors.Is(err, ErrDeadlock) {
			t.Errorf("error %v", err)
		}
		f.react(func(*request) reaction { return reaction{problem: api.CodeForbidden} })
		if _, err := c.KeyGet(t.Context(), "k"); !errors.Is(err, ErrForbidden) {
			t.Errorf("error %v, want ErrForbidden", err)
		}
		f.react(nil)
	})
}
