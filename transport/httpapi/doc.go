// Package httpapi is lockd's HTTP API: it turns requests into commands and
// queries for a node, and what comes back into answers.
//
// Every path is one line in routes.go. A handler reads its body strictly,
// canonicalises names, makes one gate.Command or one query, and writes one
// answer; which node it runs on makes no difference. Every answer bears
// Lockd-Node, Lockd-Index and Lockd-Request-Id, and Lockd-Leader where known;
// every error is a problem of package api.
//
// A queried answer is made where the query is confirmed: Answer, which the
// node runs on the leader, holds all reading of the lock table, so that times
// and leases are the leader's. A stale read runs the same function on the
// node's own version, without leases.
//
// A request may also come over a stream, with others: the same operations, on
// one goroutine that reads and one that writes.
//
// Package api has the types on the wire and their description in OpenAPI. What
// a command does is package gate's business, and how it is replicated package
// cluster's; connections, TLS and the listener belong to the caller.
package httpapi
