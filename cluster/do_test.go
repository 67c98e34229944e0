package cluster

import (
	"testing"
	"time"

	"lockd/gate"
)

func TestAcquireThroughAnyNodeGivesTheSameAnswer(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		first := do(t, leader, acquire("run-1", "k"), gate.Acquired)
		for _, n := range c.nodes {
			again := do(t, n, acquire("run-1", "k"), gate.Acquired)
			if got, want := again.Result.Grants[0].Token, first.Result.Grants[0].Token; got != want || !again.Result.Reentrant {
				t.Errorf("%s: token %d, want %d, reentrant", n.config.Name, got, want)
			}
			if again.Index <= first.Index {
				t.Errorf("%s: index %d is not after %d", n.config.Name, again.Index, first.Index)
			}
			other := do(t, n, acquire("run-2", "k"), gate.Occupied)
			if got := other.Result.Conflicts[0].Holders[0].Run; got != "run-1" {
				t.Errorf("%s: occupied by %q", n.config.Name, got)
			}
			if got := holder(t, n, "k"); got != "run-1" {
				t.Errorf("%s: holder %q", n.config.Name, got)
			}
		}
	})
}

func TestManyCommandsAtOnceAreAllAnswered(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		answers := make(chan error)
		for i := range 3000 {
			n := c.nodes[c.members[i%3].Name]
			go func() {
				_, err := n.Do(within(t, 10*time.Second), acquire("run", string(rune('a'+i%26))))
				answers <- err
			}()
		}
		for range 3000 {
			if err := <-answers; err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestMinorityAnswersNoLeaderAndTheMajorityLosesNothing(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		session := openSession(t, old, 10*time.Second)
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		c.network.isolate(old.config.Name)
		time.Sleep(500 * time.Millisecond)

		began := time.Now()
		_, err := old.Do(t.Context(), acquire("run-2", "other"))
		wantError(t, err, ErrNoLeader)
		_, _, err = old.Read(t.Context(), []byte("k"))
		wantError(t, err, ErrNoLeader)
		_, err = keepalive(t, old, session)
		wantError(t, err, ErrNoLeader)
		if took := time.Since(began); took > 3*old.config.Timing.LeaderWait+time.Second {
			t.Errorf("the minority took %s to say so", took)
		}

		next := c.newLeader(old)
		if got := holder(t, next, "k"); got != "run-1" {
			t.Errorf("holder %q", got)
		}
		do(t, next, acquire("run-2", "k"), gate.Occupied)
	})
}

func TestDeposedLeaderConfirmsNothing(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		session := openSession(t, old, time.Minute)
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		// Requests still go out, but no answer comes back: the old leader leads
		// on for as long as its lease, and must not serve.
		for _, f := range c.followers(old) {
			c.network.cut(f.config.Name, old.config.Name)
		}
		for old.IsLeader() {
			if _, _, err := old.Read(within(t, 20*time.Millisecond), []byte("k")); err == nil {
				t.Fatal("a read was confirmed without any answer")
			}
			ctx := within(t, 20*time.Millisecond)
			if _, err := old.Keepalive(ctx, []gate.SessionID{session}); err == nil {
				t.Fatal("a keepalive was acknowledged without any answer")
			}
		}
	})
}

func TestCommandInFlightWhenTheLeaderIsLostHasAnUnknownOutcome(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		c.network.isolate(old.config.Name)
		_, err := old.Do(t.Context(), acquire("run-1", "k"))
		wantError(t, err, ErrOutcomeUnknown)
	})
}

func TestCommandWithSeqIsResentUntilItsAnswerIsKnown(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		follower := c.followers(leader)[0]
		session := openSession(t, follower, time.Minute)
		cmd := acquire("run-1", "k")
		cmd.Session, cmd.Seq = session, 1

		c.network.loseAnswersFor(500 * time.Millisecond)
		reply := do(t, follower, cmd, gate.Acquired)
		if reply.Result.Reentrant {
			t.Error("the resent command took effect a second time")
		}
	})
}

func TestCommandWithoutSeqIsNotResentOnceItsOutcomeIsUnknown(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		follower := c.followers(leader)[0]
		c.network.loseAnswersFor(500 * time.Millisecond)
		_, err := follower.Do(t.Context(), acquire("run-1", "k"))
		wantError(t, err, ErrOutcomeUnknown)
		if got := holder(t, leader, "k"); got != "run-1" {
			t.Errorf("holder %q: the command did arrive", got)
		}
	})
}

func TestCommandsSurviveTheLossOfTheirLeaderUnderWay(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		follower := c.followers(old)[0]
		c.network.isolate(old.config.Name)
		// The follower does not know yet; the link refuses, which is harmless.
		do(t, follower, acquire("run-1", "k"), gate.Acquired)
	})
}

func TestFailoverTakesLessThanTwoSeconds(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		began := time.Now()
		c.network.isolate(old.config.Name)
		do(t, c.followers(old)[0], acquire("run-1", "k"), gate.Acquired)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("failover took %s", took)
		}
	})
}

func TestCallerThatGivesUpInTheQueueKnowsThatNothingWasApplied(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		c.network.isolate(old.config.Name)
		time.Sleep(time.Second)
		ctx := within(t, 100*time.Millisecond)
		_, err := old.Do(ctx, acquire("run-1", "k"))
		wantError(t, err, ErrNoLeader)
		wantError(t, err, ctx.Err())
	})
}
