// Package lockd drives a lockd cluster: three real processes, spoken to over the
// HTTP API alone, as a program in any language would.
//
// The client is a load generator's: one kept connection, requests written and
// answers scanned by hand, so that as little as possible of the machine goes to
// it. It leans on what the API guarantees: an acquire and a release that names
// its token may be repeated at once, on any node; with a session, every command
// has a sequence number and is applied once.
//
// Clients that share a connection speak the stream (docs/STREAM.md of lockd).
package lockd
