package cluster

import (
	"fmt"
	"time"

	"lockd/gate"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Member is one founding voter of the cluster.
type Member struct {
	Name string
	// PeerAddr is where the other members reach it, host and port.
	PeerAddr string
}

// Config is everything a Node needs from outside. Start with DefaultConfig.
type Config struct {
	// Name is this node's; Members has it.
	Name string
	// DataDir holds the log, the snapshots and cluster.json; it is made if need
	// be. Unused when Stores is set.
	DataDir string
	// LogStore is what keeps the log in DataDir.
	LogStore LogStore
	// Members are the founding voters, the same list on every node.
	Members []Member
	// ClientURL is where this node serves clients; the others learn it.
	ClientURL string
	Version   string

	// Transport carries raft's own messages. It must offer pre-vote. The node
	// does not close it.
	Transport raft.Transport
	// Link carries requests between nodes; it may be nil in a cluster of one.
	// The node is the LinkHandler of the other end.
	Link Link
	// Stores replace the files in DataDir, for tests.
	Stores *Stores

	// Reader answers a query from one version of the table, on the leader.
	Reader Reader

	Timing Timing
	// SnapshotEntries and SnapshotBytes: a snapshot is taken once the log has
	// grown by either since the last one.
	SnapshotEntries uint64
	SnapshotBytes   uint64
	// TrailingLogs entries, two at least, stay in the log behind a snapshot, so
	// that a member that was away for a moment needs no snapshot.
	TrailingLogs uint64

	Logger hclog.Logger
	// Clock is read for wall-clock stamps and for measuring with its monotonic
	// reading.
	Clock func() time.Time
	// OnFatal is called once, from any goroutine, when the node cannot go on
	// safely; the process must end. The error says what the operator should do.
	OnFatal func(error)
}

// A Reader answers a query that Node.Read carried to the leader. lease returns
// how much of a session's TTL is left. Reader may be called by any number of
// goroutines; it must not keep query.
type Reader func(view *gate.View, index uint64, lease func(gate.SessionID) (time.Duration, bool), query []byte) []byte

// Timing is every duration that the node's behaviour depends on.
type Timing struct {
	// Heartbeat is how long a follower waits for the leader, Election how long
	// a candidate waits for votes, at least; raft adds up to as much again.
	Heartbeat, Election time.Duration
	// Lease is how long a leader goes on without hearing from a quorum.
	Lease time.Duration
	// Commit is how long an idle leader takes to tell the others what is committed.
	Commit time.Duration
	// LeaderWait is how long a request waits for a leader that can serve it.
	LeaderWait time.Duration
	// RetryPause is how long it waits before it tries again, unless a leader
	// is found earlier.
	RetryPause time.Duration
	// Answer bounds the wait for an answer to what was handed to a leader.
	Answer time.Duration
	// Resend bounds how long a command with a seq is sent again.
	Resend time.Duration
	// Tick is how often the timekeeper looks at the clock at least. When it
	// finds that more than Stall has passed since it last did, the process was
	// stopped or starved, and no timer advances by that time.
	Tick, Stall time.Duration
	// StuckWrite is how long a write to disk may take.
	StuckWrite time.Duration
	// FileLock is how long Start waits for another process to let go of DataDir.
	FileLock time.Duration
	// SnapshotCheck is how often the node looks whether a snapshot is due.
	SnapshotCheck time.Duration
}

// DefaultTiming is for machines in one data centre.
func DefaultTiming() Timing {
	return Timing{
		Heartbeat:     200 * time.Millisecond,
		Election:      200 * time.Millisecond,
		Lease:         150 * time.Millisecond,
		Commit:        20 * time.Millisecond,
		LeaderWait:    2 * time.Second,
		RetryPause:    25 * time.Millisecond,
		Answer:        3 * time.Second,
		Resend:        10 * time.Second,
		Tick:          50 * time.Millisecond,
		Stall:         250 * time.Millisecond,
		StuckWrite:    3 * time.Second,
		FileLock:      time.Second,
		SnapshotCheck: 5 * time.Second,
	}
}

// Scale multiplies what depends on the speed of the machines and of the network
// between them. Members should have the same factor.
func (t Timing) Scale(factor float64) Timing {
	for _, d := range []*time.Duration{
		&t.Heartbeat, &t.Election, &t.Lease, &t.Commit, &t.LeaderWait, &t.RetryPause,
		&t.Answer, &t.Resend, &t.Stall, &t.StuckWrite,
	} {
		*d = time.Duration(float64(*d) * factor)
	}
	return t
}

// DefaultConfig has every value that has a sensible default.
func DefaultConfig() Config {
	return Config{
		Version:         "dev",
		LogStore:        LogBolt,
		Timing:          DefaultTiming(),
		SnapshotEntries: 65_536,
		SnapshotBytes:   128 << 20,
		TrailingLogs:    16_384,
		Logger:          hclog.NewNullLogger(),
		Clock:           time.Now,
	}
}

// Validate returns an error that wraps ErrConfig and says what is wrong.
func (c *Config) Validate() error {
	if err := c.validateMembers(); err != nil {
		return err
	}
	_, prevote := c.Transport.(raft.WithPreVote)
	switch {
	case c.DataDir == "" && c.Stores == nil:
		return fmt.Errorf("%w: DataDir is empty", ErrConfig)
	case c.LogStore != LogBolt && c.LogStore != LogWAL:
		return fmt.Errorf("%w: LogStore %q, want %s or %s", ErrConfig, c.LogStore, LogBolt, LogWAL)
	case c.Transport == nil:
		return fmt.Errorf("%w: Transport is nil", ErrConfig)
	case !prevote:
		return fmt.Errorf("%w: Transport does not offer pre-vote", ErrConfig)
	case c.Link == nil && len(c.Members) > 1:
		return fmt.Errorf("%w: Link is nil", ErrConfig)
	case c.Reader == nil, c.Logger == nil, c.Clock == nil, c.OnFatal == nil:
		return fmt.Errorf("%w: Reader, Logger, Clock and OnFatal are needed", ErrConfig)
	case c.SnapshotEntries == 0 || c.SnapshotBytes == 0:
		return fmt.Errorf("%w: SnapshotEntries and SnapshotBytes must be positive", ErrConfig)
	}
	return c.Timing.validate()
}

func (c *Config) validateMembers() error {
	if len(c.Members) == 0 || len(c.Members) > MaxMembers {
		return fmt.Errorf("%w: %d members, want 1 to %d", ErrConfig, len(c.Members), MaxMembers)
	}
	names, addrs := make(map[string]bool), make(map[string]bool)
	for _, m := range c.Members {
		switch {
		case m.Name == "" || len(m.Name) > MaxMemberNameBytes:
			return fmt.Errorf("%w: member name %q must have 1 to %d bytes", ErrConfig, m.Name, MaxMemberNameBytes)
		case m.PeerAddr == "":
			return fmt.Errorf("%w: member %s has no peer address", ErrConfig, m.Name)
		case names[m.Name] || addrs[m.PeerAddr]:
			return fmt.Errorf("%w: member %s (%s) is listed twice", ErrConfig, m.Name, m.PeerAddr)
		}
		names[m.Name], addrs[m.PeerAddr] = true, true
	}
	if !names[c.Name] {
		return fmt.Errorf("%w: the members do not list this node, %q", ErrConfig, c.Name)
	}
	return nil
}

func (t *Timing) validate() error {
	for _, d := range []time.Duration{
		t.Heartbeat, t.Election, t.Lease, t.Commit, t.LeaderWait, t.RetryPause, t.Answer,
		t.Resend, t.Tick, t.Stall, t.StuckWrite, t.FileLock, t.SnapshotCheck,
	} {
		if d <= 0 {
			return fmt.Errorf("%w: a duration of Timing is not positive", ErrConfig)
		}
	}
	if t.Stall < 2*t.Tick {
		return fmt.Errorf("%w: Timing.Stall must be at least twice Timing.Tick", ErrConfig)
	}
	return nil
}

// raftConfig is how this project runs raft; DESIGN.md says why.
func (c *Config) raftConfig() *raft.Config {
	conf := raft.DefaultConfig()
	conf.LocalID = raft.ServerID(c.Name)
	conf.HeartbeatTimeout = c.Timing.Heartbeat
	conf.ElectionTimeout = c.Timing.Election
	conf.LeaderLeaseTimeout = c.Timing.Lease
	conf.CommitTimeout = c.Timing.Commit
	// A follower that is not heard gets the same entries again and again, while
	// it drops its log behind them. It must keep what precedes them, or it would
	// be sent a snapshot older than its own.
	conf.TrailingLogs = max(c.TrailingLogs, minTrailingLogs)
	conf.MaxAppendEntries = int(min(maxAppendEntries, conf.TrailingLogs-1))
	conf.BatchApplyCh = false
	conf.ShutdownOnRemove = false
	conf.PreVoteDisabled = false
	conf.NoLegacyTelemetry = true
	conf.SnapshotInterval = rareSnapshots
	conf.Logger = c.Logger.Named("raft")
	return conf
}
