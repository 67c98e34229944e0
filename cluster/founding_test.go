package cluster

import (
	"testing"

	"lockd/gate"
)

// Raft stores the first term before the first entry. Nobody runs yet then, so
// nothing was promised.
func TestACrashWhileTheClusterIsFoundedDoesNotLeaveItWithoutMembers(t *testing.T) {
	for _, kind := range []LogStore{LogBolt, LogWAL} {
		t.Run(string(kind), func(t *testing.T) {
			c := alone(t, t.TempDir())
			c.LogStore = kind
			must(t, foundInPart(&c))
			n, stop := startAlone(t, c)
			defer stop()
			do(t, n, acquire("run-1", "k"), gate.Acquired)
		})
	}
}

// foundInPart leaves the directory as a crash between the two writes would.
func foundInPart(c *Config) error {
	stores, err := openStores(c)
	if err != nil {
		return err
	}
	stable := stores.sealed().Stable
	if err := claimDirectory(c, false); err != nil {
		return err
	}
	if err := beginVotes(stable); err != nil {
		return err
	}
	if err := stable.SetUint64([]byte(currentTerm), 1); err != nil {
		return err
	}
	return stores.Close()
}
