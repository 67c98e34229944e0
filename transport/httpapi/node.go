package httpapi

import (
	"context"
	"time"

	"lockd/cluster"
	"lockd/gate"
)

// Node is what the API needs of a cluster's node; *cluster.Node is one.
type Node interface {
	// Do applies cmd in the cluster and returns its result.
	Do(ctx context.Context, cmd *gate.Command) (*cluster.Reply, error)
	// Submit is Do for many commands, on no goroutine of their own.
	Submit(ctx context.Context, cmds []*gate.Command, done func(nth int, reply *cluster.Reply, err error))
	// Read has a query answered by the leader's Answer function, linearizably.
	Read(ctx context.Context, query []byte) (answer []byte, index uint64, err error)
	// Keepalive renews sessions and returns one lease for each id, in order.
	Keepalive(ctx context.Context, ids []gate.SessionID) ([]cluster.Lease, error)
	// Stale returns the node's own version and its age; known is false when the
	// node cannot tell the age.
	Stale() (view *gate.View, index uint64, age time.Duration, known bool)
	// Status describes the cluster as this node sees it.
	Status(ctx context.Context) cluster.Status
	// Leader names the leader, if one is known.
	Leader() (name, clientURL string, term uint64, known bool)
	// IsLeader reports whether this node is the leader and ready.
	IsLeader() bool
	// TransferLeadership hands leadership to the named member, or to any if to
	// is empty.
	TransferLeadership(ctx context.Context, to string) error
	// Events is the log of changes applied on this node.
	Events() *cluster.EventLog
}
