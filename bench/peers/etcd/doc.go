// Package etcd drives three etcd servers with etcd's own Go client and the Mutex
// of its concurrency package.
//
// The servers run with the timing that etcd's tuning guide gives for a fast
// network: a heartbeat of 100 ms and elections after 500 ms; everything else is
// as etcd comes, fsync included. Every client has a session, that is a lease
// which the client library renews every third of its TTL. Clients of one process
// share a few connections to all endpoints, over which the library spreads the
// calls; that is the fastest of the ways that were tried.
//
// Bare leaves the recipe out: one transaction puts the key if it is absent, and
// another deletes it if it is still the same. Nobody can wait then.
package etcd
