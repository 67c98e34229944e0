// Package virtual tests whole lockd nodes in virtual time.
//
// Three real raft nodes with the project's own cluster package and its HTTP
// handlers run in a testing/synctest bubble, joined by a network and on disks
// that the tests break: partitions of every shape, delay and loss, slow, hanging
// and failing stores, crashes that forget what was not synced, restarts, leader
// transfers and snapshots. A crowd of clients works through the HTTP API, while
// a book of what they were told is held against every further answer.
//
// A seed chooses the faults and what each client does. It does not choose how
// goroutines interleave, nor raft's own election timeouts: virtual time is not
// determinism, and a seed that failed once may pass the next time.
package virtual
