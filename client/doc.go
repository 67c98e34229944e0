// Package client takes locks of a lockd cluster, keeps them alive and says at
// once when one is lost.
//
//	c, err := client.Default() // the cluster that LOCKD_ADDR names
//	…
//	guard, err := c.Lock(ctx, "reports/daily")
//	if err != nil {
//		return err
//	}
//	defer guard.Release(context.Background())
//	return build(guard.Context(), guard.Token())
//
// # What a guard promises
//
// While [Guard.Err] is nil no other run holds the lock. A client keeps one
// session alive for all its locks; if the cluster cannot be reached in time, every
// guard's Context ends a margin before the cluster may give the lock to another.
// The lease is counted from before the sending of the last keepalive that was
// acknowledged, on a clock that runs through suspend.
//
// What no client can promise is that its process is not stopped, for longer than
// the lease, between a look at Err and a write. So hand [Guard.Token] to what the
// lock protects and have it refuse a token lower than one it has seen.
//
// A hold that is broken ends its guard at once. A release in the name of its run,
// by somebody else ("lockctl runs release"), does not: it is the run that gave it back.
//
// # Who excludes whom
//
// Locks belong to runs. Every call of Lock is its own run, so that two goroutines
// exclude each other like two machines do; [WithRun] names a run that may enter
// its own locks again.
//
// # Connections
//
// All requests to one node share one stream, a WebSocket: any number may be under
// way, keepalives among them, and the node tells at once when a lock was taken.
// Where streams are not to be had, every request is an HTTP request of its own;
// [Config.PlainHTTP] says so beforehand. What is promised is the same.
//
// # Errors and repeats
//
// Calls go from node to node, follow the leader and are repeated until the
// context is done. Every command of a guard carries the session's next sequence
// number, so that the cluster applies it once however often it is sent. Refusals
// are [*Error]; errors.Is knows their codes as [ErrOccupied] and its like.
//
// # What is left to others
//
// The methods named after the HTTP API, such as [Client.KeyAcquire], are single
// calls for tools. Leases of sessions opened with them are their callers' affair.
package client
