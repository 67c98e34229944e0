package cluster

import (
	"testing"
	"time"

	"lockd/gate"
)

func TestATryThatIsRefusedAgainTakesNoPlaceInTheLog(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		for _, n := range append(c.followers(leader), leader) {
			do(t, n, acquire("run-2", "k"), gate.Occupied)
			before := leader.raft.LastIndex()
			for range 5 {
				reply := do(t, n, acquire("run-2", "k"), gate.Occupied)
				if h := reply.Result.Conflicts[0].Holders; len(h) != 1 || h[0].Run != "run-1" || reply.Index == 0 {
					t.Errorf("%+v at %d", h, reply.Index)
				}
			}
			if after := leader.raft.LastIndex(); after != before {
				t.Errorf("%d entries for tries through %s", after-before, n.id)
			}
		}
	})
}

func TestATryAfterTheReleaseIsGranted(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		for _, n := range append(c.followers(leader), leader) {
			do(t, leader, acquire("run-1", "k"), gate.Acquired)
			do(t, n, acquire("run-2", "k"), gate.Occupied)
			do(t, n, acquire("run-2", "k"), gate.Occupied)
			do(t, leader, release("run-1", "k"), gate.Released)
			do(t, n, acquire("run-2", "k"), gate.Acquired)
			do(t, n, release("run-2", "k"), gate.Released)
		}
	})
}

func TestADeposedLeaderRefusesNobodyOnItsOwn(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		do(t, old, acquire("run-2", "k"), gate.Occupied)
		c.network.isolate(string(old.id))
		answer := make(chan error, 1)
		go func() {
			_, err := old.Do(within(t, 30*time.Second), acquire("run-2", "k"))
			answer <- err
		}()
		wantError(t, <-answer, ErrNoLeader)
	})
}
