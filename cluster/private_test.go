package cluster

import (
	"testing"
	"time"

	"lockd/gate"
)

// Two connections of one run wait for the same names, one with a session of its own.
// Whichever takes the request up first with the next leader, the session on which it
// then waits must be kept alive.
func TestPrivateSessionThatATakenUpRequestGotIsKeptAlive(t *testing.T) {
	for name, first := range map[string]bool{"taken up first": true, "taken up last": false} {
		t.Run(name, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *testCluster) {
				leader := c.leader()
				node := c.followers(leader)[0]
				do(t, node, acquire("holder", "k"), gate.Acquired)
				private := waitFor(gate.SessionID{}, "run-1", "k", time.Hour)
				private.Op.(*gate.Acquire).TTL = 2 * time.Second
				alone := do(t, node, private, gate.Queued)
				session := openSession(t, node, time.Hour)
				joined := do(t, node, waitFor(session, "run-1", "k", time.Hour), gate.Queued)

				resume := []*waiter{joined.waiter, alone.waiter}
				if first {
					resume[0], resume[1] = resume[1], resume[0]
				}
				for _, w := range resume {
					node.resends.resume(w)
				}
				time.Sleep(time.Minute)
				do(t, node, release("holder", "k"), gate.Released)
				for i, reply := range []*Reply{alone, joined} {
					if got := late(t, reply, time.Second); got.Result.Code != gate.Acquired {
						t.Errorf("waiter %d: %+v", i+1, got.Result)
					}
				}
			})
		})
	}
}
