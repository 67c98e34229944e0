package virtual

import (
	"testing"
	"testing/synctest"
	"time"

	"lockd/cluster"
)

// The cases of this file are what seeds have found, made certain.

// inWorld runs a case with nodes that serve, and compares their tables at the end.
func inWorld(t *testing.T, tune func(config *cluster.Config), test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, 1, logs())
		w.tune = tune
		w.raise()
		test(w)
		w.settle()
		w.bringDown()
	})
}

// lead makes the node lead.
func (w *world) lead(name string) {
	for range 100 {
		if leader := w.leader(); leader == name {
			return
		} else if leader != "" {
			w.transfer(leader, name)
		}
		w.sleep(100 * time.Millisecond)
	}
	w.violated("%s does not come to lead", name)
}

// A follower that hears the leader and is not heard gets the same entries again
// and again, learns that they are committed, takes a snapshot and drops its log.
// It must keep what precedes the entries: else the leader, once it hears the
// follower again, finds no place to go on from, sends a snapshot older than the
// follower's own, whose table goes back in time, and raft panics at the gap.
func TestFollowerThatIsNotHeardKeepsWhatTheLeaderBuildsOn(t *testing.T) {
	shortLog := func(config *cluster.Config) {
		config.TrailingLogs, config.SnapshotEntries = 16, 1<<20
		if config.Name == "n3" {
			config.SnapshotEntries = 20
		}
	}
	inWorld(t, shortLog, func(w *world) {
		w.lead("n1")
		w.network.cut("n3", "n1")
		for range 60 {
			w.flood("n2", 1)
			time.Sleep(500 * time.Millisecond)
		}
		w.network.heal()
	})
}
