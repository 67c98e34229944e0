package cluster

import (
	"testing"
	"time"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

// Raft may send one more heartbeat for a leader that has just voted for the next one,
// and the office ends a moment after the term. Together with a member that has not
// heard of the next leader, such a node seems to be a quorum.
func TestWhoVotedForAnotherLeaderProvesNothing(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		term := old.raft.CurrentTerm()
		next, away := c.followers(old)[0], c.followers(old)[1]
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		time.Sleep(time.Second)
		c.network.isolate(away.config.Name)
		if err := old.TransferLeadership(within(t, 5*time.Second), next.config.Name); err != nil {
			t.Fatal(err)
		}
		for !next.IsLeader() {
			time.Sleep(10 * time.Millisecond)
		}
		late := old.takeOffice(term)
		defer late.leave()
		late.ready.Store(true)

		do(t, next, release("run-1", "k"), gate.Released)
		do(t, next, acquire("run-2", "k"), gate.Acquired)
		c.network.heal()
		c.network.cut(next.config.Name, away.config.Name)
		c.network.cut(away.config.Name, next.config.Name)
		go func() {
			name := []byte(old.config.Name)
			var answer raft.AppendEntriesResponse
			err := old.transport.AppendEntries(away.id, raft.ServerAddress(away.id), &raft.AppendEntriesRequest{
				RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: name, Addr: name}, Term: term,
			}, &answer)
			if err != nil || !answer.Success {
				t.Errorf("the heartbeat was refused: %+v, %v", answer, err)
			}
		}()
		if holder, _, err := late.read(within(t, 100*time.Millisecond), []byte("k")); err == nil && string(holder) != "run-2" {
			t.Errorf("the former leader says that %s holds the lock", holder)
		}
	})
}
