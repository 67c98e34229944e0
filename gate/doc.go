// Package gate is the lock table: keys, references, holds, waiting requests,
// sessions and tokens, as a pure function of the commands applied to it.
//
// A Table changes only by Apply, which is deterministic: two tables that
// applied the same commands are equal, and their hashes are too. It knows no
// clock, no randomness, no I/O and starts no goroutine; whatever depends on
// time arrives as a command. A Table belongs to one goroutine. Snapshot takes
// an immutable View in constant time, which any goroutine may read while the
// table goes on.
//
// Names are canonicalised by ParseKey and ParseReference before a command is
// made; bounds are in limits.go. Replication, storage, timekeeping and the
// wire belong to other packages. DESIGN.md says why the table is shaped so.
package gate
