package cluster

import (
	"context"
	"testing"
	"time"

	"lockd/gate"
)

func TestQueuedRequestIsAnsweredWhenTheHolderReleases(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		session := openSession(t, leader, time.Hour)
		for _, n := range c.nodes {
			do(t, leader, acquire("run-1", "k"), gate.Acquired)
			reply := do(t, n, waitFor(session, "run-2", "k", time.Minute), gate.Queued)
			select {
			case r := <-reply.Late:
				t.Fatalf("%s: answered while the key is held: %+v", n.config.Name, r)
			case <-time.After(5 * time.Second):
			}
			released := do(t, leader, release("run-1", "k"), gate.Released)
			began := time.Now()
			r := late(t, reply, time.Minute)
			if r.Result.Code != gate.Acquired || r.Index != released.Index {
				t.Errorf("%s: late answer %+v at %d, released at %d", n.config.Name, r.Result, r.Index, released.Index)
			}
			if took := time.Since(began); took > 10*time.Millisecond {
				t.Errorf("%s: the hand-over took %s", n.config.Name, took)
			}
			do(t, leader, release("run-2", "k"), gate.Released)
		}
	})
}

func TestRequestGrantedBeforeItsCallerAsksIsNotLost(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		session := openSession(t, leader, time.Hour)
		for _, n := range c.nodes {
			// The request and the release share a log entry, or nearly.
			do(t, leader, acquire("run-1", "k"), gate.Acquired)
			done := make(chan struct{})
			go func() {
				defer close(done)
				time.Sleep(100 * time.Microsecond)
				do(t, leader, release("run-1", "k"), gate.Released)
			}()
			reply, err := n.Do(t.Context(), waitFor(session, "run-2", "k", time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			result := reply.Result
			if result.Code == gate.Queued {
				result = late(t, reply, time.Minute).Result
			}
			if result.Code != gate.Acquired {
				t.Errorf("code %d", result.Code)
			}
			<-done
			do(t, leader, release("run-2", "k"), gate.Released)
		}
	})
}

func TestQueuedRequestsSurviveTheLossOfTheLeader(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		session := openSession(t, old, time.Hour)
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		var replies []*Reply
		for _, f := range c.followers(old) {
			replies = append(replies, do(t, f, waitFor(session, "run-"+f.config.Name, "k", time.Hour), gate.Queued))
		}
		c.network.isolate(old.config.Name)
		next := c.newLeader(old)
		time.Sleep(2 * time.Second)
		do(t, next, release("run-1", "k"), gate.Released)
		first := late(t, replies[0], time.Minute)
		if first.Result.Code != gate.Acquired {
			t.Fatalf("code %d", first.Result.Code)
		}
		do(t, next, release(first.Result.Run, "k"), gate.Released)
		if second := late(t, replies[1], time.Minute); second.Result.Code != gate.Acquired {
			t.Errorf("code %d", second.Result.Code)
		}
	})
}

func TestRequestsAtAPausedLeaderAreTakenUpByTheNext(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		// Its connections stay open, and nothing comes.
		c.network.deadAfter = 24 * time.Hour
		old := c.leader()
		session := openSession(t, old, time.Hour)
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		follower := c.followers(old)[0]
		reply := do(t, follower, waitFor(session, "run-2", "k", time.Hour), gate.Queued)
		c.network.isolate(old.config.Name)
		next := c.newLeader(old)
		do(t, next, release("run-1", "k"), gate.Released)
		if r := late(t, reply, 5*time.Second); r.Result.Code != gate.Acquired {
			t.Errorf("code %d", r.Result.Code)
		}
	})
}

func TestCallIsSupersededByALaterTermOnly(t *testing.T) {
	for _, x := range []struct {
		name     string
		answered bool
		term     uint64
		leader   string
		want     bool
	}{
		{"an earlier term that is applied late", false, 4, "n1", false},
		{"the term of the call", false, 5, "n2", false},
		{"the same leader again, no answer yet", false, 6, "n2", false},
		{"the same leader again, which forgot who waits", true, 6, "n2", true},
		{"another leader", false, 6, "n3", true},
		{"another leader, after the answer", true, 6, "n3", true},
		{"the term of the answer", true, 5, "n2", false},
	} {
		f := &forwarded{peer: "n2", term: 5, answered: x.answered}
		if got := f.superseded(x.term, x.leader); got != x.want {
			t.Errorf("%s: %t", x.name, got)
		}
	}
}

func TestRequestGrantedWhileItsNodeHadNoLeaderIsToldSo(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		away := c.followers(leader)[0]
		session := openSession(t, leader, time.Hour)
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		reply := do(t, away, waitFor(session, "run-2", "k", time.Hour), gate.Queued)
		c.network.isolate(away.config.Name)
		do(t, leader, release("run-1", "k"), gate.Released)
		time.Sleep(10 * time.Second)
		select {
		case r := <-reply.Late:
			t.Fatalf("answered across a cut: %+v", r)
		default:
		}
		c.network.heal()
		if r := late(t, reply, time.Minute); r.Result.Code != gate.Acquired {
			t.Errorf("code %d", r.Result.Code)
		}
	})
}

func TestRequestOnTheOldLeaderIsAnsweredByTheNext(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		session := openSession(t, old, time.Hour)
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		reply := do(t, old, waitFor(session, "run-2", "k", time.Hour), gate.Queued)
		if err := old.TransferLeadership(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		next := c.newLeader(old)
		do(t, next, release("run-1", "k"), gate.Released)
		if r := late(t, reply, time.Minute); r.Result.Code != gate.Acquired {
			t.Errorf("code %d", r.Result.Code)
		}
	})
}

func privateWait(run, text string, ttl time.Duration) *gate.Command {
	cmd := acquire(run, text)
	a := cmd.Op.(*gate.Acquire)
	a.Wait, a.TTL, a.Nonce = time.Hour, ttl, 5
	return cmd
}

func TestPrivateSessionIsRenewedWhileItsRequestWaitsAndNoLonger(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		follower := c.followers(leader)[0]
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		reply := do(t, follower, privateWait("run-2", "k", time.Second), gate.Queued)
		time.Sleep(30 * time.Second)
		do(t, leader, release("run-1", "k"), gate.Released)
		began := time.Now()
		r := late(t, reply, time.Minute)
		if r.Result.Code != gate.Acquired {
			t.Fatalf("code %d", r.Result.Code)
		}
		if took := endOfSession(t, leader, r.Result.Session, began); took < time.Second || took > 2*time.Second {
			t.Errorf("the session ended %s after the grant", took)
		}
		if got := holder(t, leader, "k"); got != "" {
			t.Errorf("holder %q", got)
		}
	})
}

func TestClosedReplyIsForgottenAndItsPrivateSessionWithIt(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		for _, n := range c.nodes {
			closed := do(t, n, privateWait("run-2", "k", time.Second), gate.Queued)
			ctx, cancel := context.WithCancel(t.Context())
			left, err := n.Do(ctx, privateWait("run-3", "k", time.Second))
			if err != nil {
				t.Fatal(err)
			}
			closed.Close()
			cancel()
			time.Sleep(5 * time.Second)
			for _, r := range []*Reply{closed, left} {
				if lives(leader, r.Result.Session) {
					t.Errorf("%s: a session that nobody waits for was renewed", n.config.Name)
				}
				select {
				case late := <-r.Late:
					t.Errorf("%s: late answer %+v", n.config.Name, late)
				default:
				}
			}
			n.waiters.mu.Lock()
			if len(n.waiters.all)+n.waiters.due.Len() > 0 {
				t.Errorf("%s: waiters are left", n.config.Name)
			}
			n.waiters.mu.Unlock()
		}
		for _, n := range c.nodes {
			n.forwards.mu.Lock()
			if len(n.forwards.calls) > 0 {
				t.Errorf("%s: forwarded calls are left", n.config.Name)
			}
			n.forwards.mu.Unlock()
		}
		o := leader.office.Load()
		o.room.mu.Lock()
		defer o.room.mu.Unlock()
		if len(o.room.places) > 0 {
			t.Errorf("%d places are left in the room", len(o.room.places))
		}
	})
}

func TestShutdownTellsThoseWhoWait(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		session := openSession(t, leader, time.Hour)
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		reply := do(t, leader, waitFor(session, "run-2", "k", time.Hour), gate.Queued)
		c.stop(leader.config.Name)
		wantError(t, late(t, reply, time.Second).Err, ErrShuttingDown)
		_, err := leader.Do(t.Context(), acquire("run-3", "k"))
		wantError(t, err, ErrShuttingDown)
	})
}
