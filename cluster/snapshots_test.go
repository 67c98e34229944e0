package cluster

import (
	"fmt"
	"testing"
	"time"

	"lockd/gate"
)

// Raft takes the entries between the snapshot and the end of the log for a number
// without sign. In a quiet cluster a node that was sent a snapshot wrote all of the
// table anew every few seconds.
func TestNodeThatWasSentASnapshotTakesNoneOfTheSame(t *testing.T) {
	short := func(config *Config) { config.TrailingLogs = minTrailingLogs }
	inTunedCluster(t, short, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		away := c.followers(leader)[0].config.Name
		c.stop(away)
		for i := range 50 {
			do(t, leader, acquire("run-1", fmt.Sprint("k", i)), gate.Acquired)
		}
		must(t, leader.raft.Snapshot().Error())
		c.start(away)
		newest := func() string {
			list, err := c.stores[away].Snapshots.List()
			if err != nil || len(list) == 0 {
				t.Fatal(list, err)
			}
			return list[0].ID
		}
		time.Sleep(time.Second)
		sent := newest()
		time.Sleep(time.Minute)
		if now := newest(); now != sent {
			t.Errorf("it was sent %s and wrote %s", sent, now)
		}
		do(t, leader, acquire("run-1", "another"), gate.Acquired)
		time.Sleep(time.Second)
		must(t, c.nodes[away].raft.Snapshot().Error())
		if newest() == sent {
			t.Error("nor one of what came after")
		}
	})
}
