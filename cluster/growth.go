package cluster

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// growth is what the log has and the last snapshot lacks.
type growth struct {
	mu sync.Mutex
	// came is all that came into the log, and kept what of that a snapshot has.
	came, kept amount
}

type amount struct{ entries, bytes uint64 }

func (g *growth) add(entries ...*raft.Log) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, entry := range entries {
		g.came.entries++
		g.came.bytes += uint64(len(entry.Data))
	}
}

// begin notes a snapshot that begins now. What it returns is to be called once that
// is complete: there may be one of the leader's and one of this node's at a time.
func (g *growth) begin() (taken func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	has := g.came
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if has.entries > g.kept.entries {
			g.kept = has
		}
	}
}

func (g *growth) now() amount {
	g.mu.Lock()
	defer g.mu.Unlock()
	return amount{g.came.entries - g.kept.entries, g.came.bytes - g.kept.bytes}
}

// takeSnapshots has a snapshot taken whenever the log has grown by enough. Raft's
// own rule would do so again and again on a node that was sent a snapshot and nothing
// after it: it subtracts the snapshot's index from that of the log's end without a sign.
// The members look at different times, as all have the same log.
func (n *Node) takeSnapshots() {
	members := sorted(n.config.Members)
	place := slices.IndexFunc(members, func(m Member) bool { return m.Name == n.config.Name })
	check := n.config.Timing.SnapshotCheck
	every := time.NewTicker(check + check*time.Duration(place)/time.Duration(len(members)))
	defer every.Stop()
	for {
		select {
		case <-n.stop:
			return
		case <-every.C:
		}
		if grown := n.stores.log.grown.now(); grown.entries < n.config.SnapshotEntries && grown.bytes < n.config.SnapshotBytes {
			continue
		}
		if err := n.raft.Snapshot().Error(); err != nil && !errors.Is(err, raft.ErrNothingNewToSnapshot) {
			n.logger.Warn("snapshot not taken", "error", err)
		}
	}
}
