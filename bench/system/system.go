package system

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrOccupied says that somebody else holds the lock.
	ErrOccupied = errors.New("occupied")
	// ErrNotHeld says that the lock to be given back is not the caller's: it
	// was lost, or given to somebody else.
	ErrNotHeld = errors.New("not held")
)

// A Driver runs one lock service.
type Driver interface {
	// Name is what tables call the service.
	Name() string
	// Start starts an empty service as it is meant to be run and returns when
	// all of it is ready. The caller closes it.
	Start(ctx context.Context, site Site) (Service, error)
}

// Site is where a service may run.
type Site struct {
	// Dir is an empty folder for its files.
	Dir string
	// Port is the first of the loopback ports that it takes; zero lets the
	// driver choose.
	Port int
}

// A Service is a running lock service. Its methods may be called from any
// goroutine.
type Service interface {
	// Nodes are the server processes, in a fixed order.
	Nodes() []Node
	// Leader returns the number of the node that leads, and waits for one;
	// errors.ErrUnsupported if no node does.
	Leader(ctx context.Context) (node int, err error)
	// Kill ends a node with SIGKILL and returns when it is gone.
	Kill(node int) error
	// Restart starts a killed node and returns when all nodes are ready.
	Restart(ctx context.Context, node int) error
	// Dial returns a client. A service without sessions, or a driver that needs
	// none when TTL is zero, need not connect before the first call.
	Dial(ctx context.Context, caller Caller) (Client, error)
	// Close ends all processes. Clients should have been closed before.
	Close() error
}

// A Node is one server process. After a restart it is another process.
type Node interface {
	// CPU is the time that its threads have run so far.
	CPU() (time.Duration, error)
	// Resident is how many bytes of its memory are in RAM.
	Resident() (int64, error)
}

// Caller says who dials.
type Caller struct {
	// Name is the caller's, unlike any other's of the same service.
	Name string
	// Node is the one that it talks to while that runs, else to the next.
	Node int
	// TTL is that of the session that the client opens, renews and hangs its
	// locks on. Zero: without a session, if the service knows such locks.
	TTL time.Duration
	// Shared has the client share one connection to its node with all other such
	// clients, as the goroutines of one process do; errors.ErrUnsupported if the
	// service has no such connections.
	Shared bool
}

// A Client is one user of the service with a connection of its own. One
// goroutine may use it at a time. What failed and may be repeated safely it
// repeats itself, and counts it; an error is final.
type Client interface {
	// TryLock takes a lock that is free, else the error is ErrOccupied.
	TryLock(ctx context.Context, lock string) (Hold, error)
	// Lock waits in line for the lock.
	Lock(ctx context.Context, lock string) (Hold, error)
	// Unlock gives a lock back; ErrNotHeld if the caller had lost it.
	Unlock(ctx context.Context, hold Hold) error
	// Query returns who holds the lock, first of all if there are several, with
	// the zero Hold for a free one. Unless stale is set the answer is
	// linearizable.
	Query(ctx context.Context, lock string, stale bool) (Hold, error)
	// Troubles counts what went wrong so far and was made good.
	Troubles() Troubles
	// Abandon makes the client vanish as a killed process does: no more
	// renewals, connections cut. It returns when the last renewal was sent;
	// the zero time if that is not known. Only Close may follow.
	Abandon() (renewed time.Time)
	// Close gives back what the client holds by its session and lets go of its
	// connections.
	Close(ctx context.Context) error
}

// A Hold is one grip on a lock.
type Hold struct {
	Lock string
	// Owner identifies the holder, in the service's own terms.
	Owner string
	// Fence grows with every grant of the lock; zero if the service has none.
	Fence uint64
}

// Troubles counts what a client made good by itself.
type Troubles struct {
	// Refused counts answers that asked to try again (such as HTTP 503 and 429).
	Refused int
	// Unknown counts those of them after which the call might have taken effect.
	Unknown int
	// Cut counts connections that broke or could not be made.
	Cut int
}

// Add adds other's counts.
func (t *Troubles) Add(other Troubles) {
	t.Refused += other.Refused
	t.Unknown += other.Unknown
	t.Cut += other.Cut
}

// A Snapshotter is a Service whose nodes write all that they hold to disk now and
// then, and show it.
type Snapshotter interface {
	// Snapshots counts those that a node has begun since its start, and says
	// whether one is being written right now.
	Snapshots(node int) (begun int, writing bool, err error)
}

// A Crowder is a Service that can keep many sessions alive from one process.
type Crowder interface {
	// Crowd opens n sessions through the given nodes in turn and renews each of
	// them once in every period until the Crowd is closed.
	Crowd(ctx context.Context, nodes []int, n int, ttl, every time.Duration) (Crowd, error)
}

// A Crowd is many live sessions.
type Crowd interface {
	// Lost counts the sessions that the service has let go so far; the error
	// says that renewing failed.
	Lost() (int, error)
	// Renewals counts the renewals that were answered so far.
	Renewals() int
	// Close stops renewing; the sessions need not have ended when it returns.
	Close(ctx context.Context) error
}
