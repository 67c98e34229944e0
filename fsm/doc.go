// Package fsm is the bridge between the lock table and the Raft log: it turns
// commands, batches of commands and results into bytes and back, applies log
// entries to a gate.Table, and writes and restores the table as a snapshot.
//
// It guarantees:
//
//   - A log entry does the same on every node. Nothing here reads a clock, a
//     random source or a map's order, and an entry that this build cannot
//     understand in full halts the node with a message that names the remedy;
//     it is never skipped.
//   - Decoding malformed bytes returns an error. It never panics, and never
//     allocates more than in proportion to its input.
//   - What one build has encoded, this and every later build decodes. The bytes
//     of each released format stand in testdata.
//   - A snapshot is one version of the table however long it takes to write,
//     and writing it delays no command. Restore replaces the table only after
//     the whole file has been verified; a damaged file changes nothing.
//
// It leaves to others: what a command means (package gate), which commands
// enter the log and in what order, who reads, and when (package cluster).
package fsm
