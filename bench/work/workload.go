package work

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lockd/bench/report"
	"lockd/bench/system"
)

// ErrBroken says that the service broke a promise of a lock.
var ErrBroken = errors.New("broken promise")

// A Workload is one way to use a lock service.
type Workload struct {
	// ID is such as "W1".
	ID    string
	Title string
	run   func(ctx context.Context, b *bench) error
}

// All returns all workloads.
func All() []Workload {
	return []Workload{
		{"W1", "own locks: each client takes and gives back a lock of its own, without a session", ownLocks(0)},
		{"W1s", "own locks, each client with a session, every command applied exactly once", ownLocks(sessionTTL)},
		{"W1-stream", "own locks without a session, all clients of a node over one connection", ownLocksShared},
		{"W2", "hand-off: all clients wait in line for one lock; from release sent to next holder told", handOff},
		{"W3", "busy lock: all clients try a lock that somebody holds", busyTry},
		{"W4", "query: all clients ask who holds a lock", query},
		{"W5", "many held: resident memory of the servers for each held lock", manyHeld},
		{"W6", "expiry: a holder with a session vanishes; until the next in line holds", expiry},
		{"W7", "leader killed with SIGKILL under load: until somebody, and until everybody, acquires again", leaderKill},
		{"W8", "sessions: many live sessions are renewed through followers", sessions},
		{"W9", "large table: memory, cost of a cycle, delay by snapshots, and restart with many held locks", largeTable},
	}
}

// Choose returns the workloads with the given IDs, in that order.
func Choose(ids []string) ([]Workload, error) {
	var chosen []Workload
	for _, id := range ids {
		found := false
		for _, w := range All() {
			if strings.EqualFold(w.ID, id) {
				chosen, found = append(chosen, w), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no workload %q", id)
		}
	}
	return chosen, nil
}

// Config says how much of everything.
type Config struct {
	// Clients are the numbers of clients of W1, W3 and W4, one after another.
	Clients []int
	// InFlight are those of W1-stream.
	InFlight []int
	// Waiters are those of W2.
	Waiters []int
	// WarmUp precedes each Duration in which W1 to W4 are measured.
	WarmUp, Duration time.Duration
	// Held is the number of locks of W5, and Large the highest of W9.
	Held, Large int
	// Expiries is how many holders vanish in W6, all at once, and TTL that of
	// their sessions.
	Expiries int
	TTL      time.Duration
	// Kills is how often the leader is killed in W7, under KillClients clients.
	Kills, KillClients int
	// Sessions is the number of W8, with SessionTTL, renewed once in each Renew;
	// at least one Renew is measured.
	Sessions          int
	SessionTTL, Renew time.Duration
	// Through says which nodes the clients talk to. Those of a node that is killed
	// go on with the next.
	Through Through
}

// Through is a choice of nodes.
type Through string

// The nodes that clients may talk to.
const (
	AllNodes   Through = "all"
	LeaderOnly Through = "leader"
	Followers  Through = "followers"
)

// DefaultConfig is what the performance figures of the project are made with.
func DefaultConfig() Config {
	return Config{
		Clients: []int{1, 16, 64, 256}, InFlight: []int{64, 1024}, Waiters: []int{16}, WarmUp: 500 * time.Millisecond, Duration: 3 * time.Second,
		Held: 100_000, Large: 1_000_000, Expiries: 8, TTL: 2 * time.Second, Kills: 5, KillClients: 16,
		Sessions: 10_000, SessionTTL: 30 * time.Second, Renew: 10 * time.Second,
		Through: AllNodes,
	}
}

// Validate says what cannot be measured.
func (c Config) Validate() error {
	for _, n := range append(append([]int{c.Held, c.Large, c.Expiries, c.Kills, c.KillClients, c.Sessions}, c.Clients...), append(c.InFlight, c.Waiters...)...) {
		if n < 1 {
			return fmt.Errorf("%d of something: every number must be positive", n)
		}
	}
	for _, n := range c.Waiters {
		if n < 2 {
			return errors.New("a lock is not handed off with fewer than 2 waiters")
		}
	}
	if c.WarmUp < 0 || c.Duration <= 0 || c.TTL <= 0 || c.SessionTTL <= 0 || c.Renew <= 0 {
		return errors.New("every duration must be positive; only the warm-up may be zero")
	}
	if c.Through != AllNodes && c.Through != LeaderOnly && c.Through != Followers {
		return fmt.Errorf("clients through %q: %s, %s or %s", c.Through, AllNodes, LeaderOnly, Followers)
	}
	if c.Renew >= c.SessionTTL {
		return fmt.Errorf("sessions of %v that are renewed every %v expire", c.SessionTTL, c.Renew)
	}
	return nil
}

// Round is one execution of a workload on a service that nobody else uses.
type Round struct {
	Config
	System  string
	Service system.Service
	// Number tells rounds on one service apart; they share no locks.
	Number int
	// Report takes each finished line.
	Report func(report.Line)
	// Progress is told what happens; as fmt.Printf.
	Progress func(format string, args ...any)
}

// Run carries the workload out. The error is errors.ErrUnsupported if the
// service cannot do it, and ErrBroken if it broke a promise.
func (w Workload) Run(ctx context.Context, round Round) error {
	if err := w.run(ctx, &bench{Round: round, workload: w}); err != nil {
		return fmt.Errorf("%s on %s: %w", w.ID, round.System, err)
	}
	return nil
}

// bench is a round of one workload.
type bench struct {
	Round
	workload Workload
}

// lock names a lock of this round.
func (b *bench) lock(format string, args ...any) string {
	return fmt.Sprintf("%s.r%d.", strings.ToLower(b.workload.ID), b.Number) + fmt.Sprintf(format, args...)
}

// line reports a finished setting.
func (b *bench) line(setting string, metrics ...report.Metric) {
	b.Report(report.Line{
		Workload: b.workload.ID, Title: b.workload.Title, System: b.System, Setting: setting, Metrics: metrics,
	})
}

// clientCount is a setting.
func clientCount(n int) string {
	if n == 1 {
		return "1 client"
	}
	return fmt.Sprintf("%d clients", n)
}

// milliseconds is d as tables show it.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rest waits, unless ctx ends.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
