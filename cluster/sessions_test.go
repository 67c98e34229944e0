package cluster

import (
	"context"
	"sync"
	"testing"
	"time"

	"lockd/gate"
)

// lives reports whether the session is in the leader's table.
func lives(n *Node, id gate.SessionID) bool {
	view, _ := n.fsm.View()
	_, ok := view.Session(id)
	return ok
}

// endOfSession returns how long it takes until the session is gone.
func endOfSession(t *testing.T, n *Node, id gate.SessionID, since time.Time) time.Duration {
	t.Helper()
	for lives(n, id) {
		if time.Since(since) > time.Minute {
			t.Fatal("the session lives on")
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(since)
}

func TestSessionWithoutKeepaliveExpiresAfterItsTTLAndBeforeASecondMore(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		for _, ttl := range []time.Duration{time.Second, 5 * time.Second} {
			began := time.Now()
			id := openSession(t, leader, ttl)
			if took := endOfSession(t, leader, id, began); took < ttl || took > ttl+time.Second {
				t.Errorf("TTL %s: gone after %s", ttl, took)
			}
		}
	})
}

func TestAcknowledgedKeepaliveThroughAnyNodeGivesAFullTTL(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		const ttl = 2 * time.Second
		id := openSession(t, leader, ttl)
		var sent time.Time
		for i := range 9 {
			time.Sleep(1500 * time.Millisecond)
			n := c.nodes[c.members[i%3].Name]
			sent = time.Now()
			lease, err := keepalive(t, n, id)
			if err != nil || !lease.Alive || lease.TTL != ttl || lease.Left > ttl || lease.Left < ttl-100*time.Millisecond {
				t.Fatalf("%s: keepalive: %+v, %v", n.config.Name, lease, err)
			}
		}
		if took := endOfSession(t, leader, id, sent); took < ttl || took > ttl+time.Second {
			t.Errorf("gone after %s", took)
		}
	})
}

func TestKeepalivesThroughAFollowerShareMessages(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		follower := c.followers(leader)[0]
		id := openSession(t, leader, time.Minute)
		time.Sleep(time.Second)
		renew := func() time.Time {
			if _, err := keepalive(t, follower, id); err != nil {
				t.Error(err)
			}
			return time.Now()
		}
		began := time.Now()
		if took := renew().Sub(began); took >= keepaliveGap {
			t.Errorf("the first took %v", took)
		}
		var answered [40]time.Time
		var all sync.WaitGroup
		for i := range answered {
			all.Go(func() {
				time.Sleep(time.Duration(i) * keepaliveGap / 100)
				answered[i] = renew()
			})
		}
		all.Wait()
		for i, at := range answered {
			if took := at.Sub(began); took < keepaliveGap || took > 2*keepaliveGap || at != answered[0] {
				t.Errorf("number %d was answered after %v, the first after %v", i, took, answered[0].Sub(began))
			}
		}
	})
}

func TestAFullMessageOfKeepalivesDoesNotWait(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		follower := c.followers(c.leader())[0]
		time.Sleep(time.Second)
		many := make([]gate.SessionID, MaxKeepaliveIDs)
		for i := range many {
			many[i] = gate.SessionID{Number: uint64(i) + 1, Nonce: 1}
		}
		began := time.Now()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if _, err := follower.Keepalive(within(t, time.Second), many); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took >= 5*keepaliveGap {
			t.Errorf("10 messages took %v", took)
		}
	})
}

func TestKeepaliveOfASessionThatIsGoneSaysSo(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		id := openSession(t, leader, time.Second)
		time.Sleep(3 * time.Second)
		for _, n := range c.nodes {
			forged := gate.SessionID{Number: 1 << 40, Nonce: 1}
			leases, err := n.Keepalive(within(t, time.Second), []gate.SessionID{id, forged})
			if err != nil || leases[0] != (Lease{ID: id}) || leases[1] != (Lease{ID: forged}) {
				t.Errorf("%s: %+v, %v", n.config.Name, leases, err)
			}
		}
	})
}

func TestNewLeaderGivesEverySessionAFullTTL(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		const ttl = 3 * time.Second
		id := openSession(t, old, ttl)
		time.Sleep(2500 * time.Millisecond)
		c.network.isolate(old.config.Name)
		lost := time.Now()
		next := c.newLeader(old)
		if took := endOfSession(t, next, id, lost); took < ttl || took > ttl+3*time.Second {
			t.Errorf("gone %s after the old leader", took)
		}
	})
}

func TestNewLeaderGivesEveryRequestItsFullWait(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		follower := c.followers(old)[0]
		session := openSession(t, old, time.Hour)
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		reply := do(t, follower, waitFor(session, "run-2", "k", 3*time.Second), gate.Queued)
		time.Sleep(2500 * time.Millisecond)
		c.network.isolate(old.config.Name)
		lost := time.Now()
		r := late(t, reply, time.Minute)
		if r.Result.Code != gate.Occupied {
			t.Errorf("code %d", r.Result.Code)
		}
		if took := time.Since(lost); took < 3*time.Second || took > 6*time.Second {
			t.Errorf("the wait was over %s after the old leader", took)
		}
	})
}

func TestWaitEndsOnTime(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		session := openSession(t, leader, time.Hour)
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		for _, wait := range []time.Duration{10 * time.Millisecond, 11 * time.Millisecond, 13 * time.Millisecond, time.Second} {
			time.Sleep(17 * time.Millisecond)
			began := time.Now()
			reply := do(t, leader, waitFor(session, "run-2", "k", wait), gate.Queued)
			late(t, reply, time.Minute)
			if took := time.Since(began); took < wait || took > wait+20*time.Millisecond {
				t.Errorf("wait %s: over after %s", wait, took)
			}
		}
	})
}

func TestLockDelayOfAnExpiredSessionEnds(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		opened := do(t, leader, &gate.Command{Op: &gate.OpenSession{TTL: time.Second, LockDelay: 2 * time.Second, Nonce: 1}}, gate.SessionOpened)
		cmd := acquire("run-1", "k")
		cmd.Session = opened.Result.Session
		do(t, leader, cmd, gate.Acquired)
		time.Sleep(2 * time.Second)
		do(t, leader, acquire("run-2", "k"), gate.Occupied)
		time.Sleep(2500 * time.Millisecond)
		do(t, leader, acquire("run-2", "k"), gate.Acquired)
	})
}

func TestNothingIsAcknowledgedOnceAnExpiryWasProposed(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		id := openSession(t, leader, time.Minute)
		o := leader.office.Load()
		o.mu.Lock()
		now := o.node.config.Clock()
		o.keeper.Set(gate.Timer{Kind: gate.SessionTTL, ID: id.Number, After: 1}, now)
		batch := o.keeper.Due(now.Add(1), MaxExpired)
		o.mu.Unlock()
		for _, n := range c.nodes {
			ctx := within(t, 500*time.Millisecond)
			if leases, err := n.Keepalive(ctx, []gate.SessionID{id}); err == nil {
				t.Errorf("%s: acknowledged: %+v", n.config.Name, leases)
			}
		}
		// Once the expiry is applied the answer is known.
		answered := make(chan []Lease, 1)
		go func() {
			leases, _ := leader.Keepalive(within(t, time.Second), []gate.SessionID{id})
			answered <- leases
		}()
		time.Sleep(100 * time.Millisecond)
		if _, err := leader.commit(&gate.Command{Op: &gate.Expire{Term: o.term, Sessions: batch.Sessions}}); err != nil {
			t.Fatal(err)
		}
		o.settle(batch)
		if leases := <-answered; len(leases) != 1 || leases[0].Alive {
			t.Errorf("leases %+v", leases)
		}
	})
}

func TestExpiryThatCouldNotBeProposedIsProposedAgain(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		began := time.Now()
		id := openSession(t, leader, time.Second)
		// While the leader tries to hand over it takes no proposals; the attempt
		// fails, and it leads on.
		c.network.mu.Lock()
		c.network.dropTimeoutNow = true
		c.network.mu.Unlock()
		time.Sleep(900 * time.Millisecond)
		wantError(t, leader.TransferLeadership(t.Context(), ""), ErrTransferFailed)
		if took := endOfSession(t, leader, id, began); took > 2*time.Second || took < 1100*time.Millisecond {
			t.Errorf("gone after %s", took)
		}
		if !leader.IsLeader() {
			t.Error("leadership was lost")
		}
	})
}

func TestManySessionsExpireInBatches(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		const many = 3000
		done := make(chan error)
		for i := range many {
			go func() {
				_, err := leader.Do(context.Background(), &gate.Command{Op: &gate.OpenSession{TTL: 2 * time.Second, Nonce: uint64(i + 1)}})
				done <- err
			}()
		}
		for range many {
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
		before := leader.raft.AppliedIndex()
		time.Sleep(3 * time.Second)
		view, _ := leader.fsm.View()
		if left := view.Size().Sessions; left != 0 {
			t.Errorf("%d sessions are left", left)
		}
		if entries := leader.raft.AppliedIndex() - before; entries > 10 {
			t.Errorf("%d entries for %d expiries", entries, many)
		}
	})
}
