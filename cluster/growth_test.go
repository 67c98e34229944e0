package cluster

import (
	"testing"

	"github.com/hashicorp/raft"
)

func TestASnapshotHasWhatTheLogHadWhenItBegan(t *testing.T) {
	var log growth
	come := func() { log.add(&raft.Log{Data: make([]byte, 10)}) }
	lacks := func(when string, entries uint64) {
		t.Helper()
		if got, want := log.now(), (amount{entries, 10 * entries}); got != want {
			t.Errorf("%s: the log has %+v more, want %+v", when, got, want)
		}
	}
	come()
	own := log.begin()
	come()
	sent := log.begin()
	come()
	lacks("while two are written", 3)
	sent()
	lacks("after the leader's", 1)
	own()
	lacks("after the node's own, which has less", 1)
	log.begin()
	lacks("after one that was not completed", 1)
	last := log.begin()
	last()
	lacks("after the last", 0)
}
