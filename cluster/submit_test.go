package cluster

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"lockd/gate"
)

// submitted is one call of done.
type submitted struct {
	nth   int
	reply *Reply
	err   error
}

// submit has the node apply the commands; the channel gets every call of done.
func submit(ctx context.Context, n *Node, cmds ...*gate.Command) <-chan submitted {
	calls := make(chan submitted, 2*len(cmds))
	n.Submit(ctx, cmds, func(nth int, reply *Reply, err error) { calls <- submitted{nth, reply, err} })
	return calls
}

func TestCommandsSubmittedTogetherShareALogEntry(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		for _, n := range c.nodes {
			var cmds []*gate.Command
			for i := range 500 {
				cmds = append(cmds, acquire(fmt.Sprintf("run-%d", i), fmt.Sprintf("%s-%d", n.config.Name, i)))
			}
			calls := submit(t.Context(), n, cmds...)
			entries, seen := make(map[uint64]bool), make(map[int]bool)
			for range cmds {
				s := <-calls
				if s.err != nil || s.reply.Result.Code != gate.Acquired || s.reply.Result.Run != fmt.Sprintf("run-%d", s.nth) {
					t.Fatalf("%s: command %d: %+v, %v", n.config.Name, s.nth, s.reply, s.err)
				}
				entries[s.reply.Index], seen[s.nth] = true, true
			}
			if len(seen) != len(cmds) || len(entries) > 2 {
				t.Errorf("%s: %d commands answered from %d entries", n.config.Name, len(seen), len(entries))
			}
		}
	})
}

func TestASubmittedRequestThatWaitsIsAnsweredTwice(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		session := openSession(t, leader, time.Hour)
		for _, n := range c.nodes {
			do(t, leader, acquire("run-1", "k"), gate.Acquired)
			calls := submit(t.Context(), n, acquire("run-1", "free"), waitFor(session, "run-2", "k", time.Hour))
			for range 2 {
				if s := <-calls; s.err != nil || s.nth == 1 && s.reply.Result.Code != gate.Queued {
					t.Fatalf("%+v: %v", s.reply, s.err)
				}
			}
			time.Sleep(10 * time.Second)
			if len(calls) != 0 {
				t.Fatal("answered while the key is held")
			}
			do(t, leader, release("run-1", "k"), gate.Released)
			if s := <-calls; s.nth != 1 || s.err != nil || s.reply.Result.Code != gate.Acquired {
				t.Errorf("%s: %+v: %v", n.config.Name, s.reply, s.err)
			}
			do(t, leader, release("run-2", "k"), gate.Released)
		}
	})
}

func TestAClosedReplyGetsNoSecondCall(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		session := openSession(t, leader, time.Hour)
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		ctx, cancel := context.WithCancel(t.Context())
		closed := submit(ctx, leader, waitFor(session, "run-2", "k", time.Hour))
		(<-closed).reply.Close()
		ended := submit(ctx, leader, waitFor(session, "run-3", "k", time.Hour))
		<-ended
		cancel()
		synctest.Wait()
		if waiting := len(leader.waiters.all); waiting != 0 {
			t.Errorf("%d still wait", waiting)
		}
		do(t, leader, release("run-1", "k"), gate.Released)
		do(t, leader, release("run-2", "k"), gate.Released)
		synctest.Wait()
		if len(closed)+len(ended) != 0 {
			t.Error("a second call came")
		}
	})
}

func TestSubmittedCommandsOutliveTheirLeader(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		session := openSession(t, old, time.Hour)
		follower := c.followers(old)[0]
		c.network.isolate(old.config.Name)
		var cmds []*gate.Command
		for i := range 20 {
			cmd := acquire("run", fmt.Sprint("k", i))
			cmd.Session, cmd.Seq = session, uint64(i+1)
			cmds = append(cmds, cmd)
		}
		calls := submit(t.Context(), follower, cmds...)
		for range cmds {
			if s := <-calls; s.err != nil || s.reply.Result.Code != gate.Acquired || s.reply.Result.Reentrant {
				t.Fatalf("command %d: %+v, %v", s.nth, s.reply, s.err)
			}
		}
	})
}

func TestWhatCannotBeAppliedIsRefusedToEachCommand(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		huge := acquire("run", "huge")
		huge.Done = make([]uint64, MaxCommandBytes)
		calls := submit(t.Context(), old, huge, acquire("run", "k"))
		for range 2 {
			if s := <-calls; s.nth == 0 {
				wantError(t, s.err, ErrTooLarge)
			} else if s.err != nil {
				t.Error(s.err)
			}
		}
		c.network.isolate(old.config.Name)
		time.Sleep(500 * time.Millisecond)
		began := time.Now()
		calls = submit(t.Context(), old, acquire("run", "a"), acquire("run", "b"))
		for range 2 {
			wantError(t, (<-calls).err, ErrNoLeader)
		}
		if took := time.Since(began); took > old.config.Timing.LeaderWait+time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

func TestANodeThatShutsDownAnswersWhatWasSubmitted(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		session := openSession(t, leader, time.Hour)
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		node := c.followers(leader)[0]
		calls := submit(t.Context(), node, waitFor(session, "run-2", "k", time.Hour))
		<-calls
		c.stop(node.config.Name)
		if s := <-calls; s.reply == nil {
			t.Errorf("%v", s.err)
		} else {
			wantError(t, s.reply.Err, ErrShuttingDown)
		}
		wantError(t, (<-submit(t.Context(), node, acquire("run", "x"))).err, ErrShuttingDown)
	})
}
