// Package disk tests what becomes of a cluster of real processes when disks go
// bad: they fill up, fail to sync, hang, turn read-only, change bits, lose the
// ends of files, or lose whatever was not synced when the power went.
//
// Whatever happens to one node's disk, the node either ends with a message that
// says what to do, or is whole again; the others serve within seconds; no
// acknowledged hold is lost and no token given twice; and once the remedy of the
// message was applied, all three nodes have the same table.
//
// The tests need Linux, root, and what "make disk-deps" installs; they skip with
// the reason where that is missing. LOCKD_DISK=all runs each fault on a leader
// and on a follower, and more power cuts.
package disk
