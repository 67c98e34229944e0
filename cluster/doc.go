// Package cluster turns one lock table into a replicated one.
//
// A Node takes commands and answers them once they are committed, on whichever
// member they arrive. It guarantees that
//
//   - a command that Do answers was applied by a quorum of voters, and one that
//     Do fails with a not-applied error never will be;
//   - a linearizable Read sees everything that was answered, anywhere in the
//     cluster, before the Read began;
//   - a keepalive is acknowledged only after the leader proved to a quorum that
//     it still leads, and never once the session's expiry was proposed;
//   - a session is expired no earlier than its TTL after the last acknowledged
//     keepalive was sent, across changes of leader.
//
// It knows raft, time and the disk. What a command means is package gate's,
// how it is written down is package fsm's, and how bytes reach another node is
// the business of whoever implements Link and raft.Transport. HTTP is none of
// its concern.
package cluster
