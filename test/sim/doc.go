// Package sim simulates whole worlds of lockd nodes and clients, each from a
// seed and in one goroutine, and holds everything that happens in them against
// the promises. The table, its codec and snapshots and the leader's timekeeper
// are the product's own; README.md says what is around them and what is checked.
package sim
