// Package etcd drives three etcd servers with etcd's own Go client and the Mutex
// of its concurrency package.
//
// The servers run with the timing that etcd's tuning guide gives as its example:
// a heartbeat of 100 ms and elections after 500 ms; everything else is as etcd
// comes, fsync included. Every client has a session, that is a lease which the
// library renews every third of its TTL. All callers share one client of the
// library, as its documentation advises, which has a connection to each endpoint
// and sends each call over the next one; or several such clients, or one each.
//
// Bare leaves the recipe out: one transaction puts the key if it is absent, and
// another deletes it if it is still the same. Nobody can wait then.
package etcd
