// Package history records what every client asked of a lockd cluster and was
// answered, and checks such histories.
//
// Three checks stand side by side and share nothing but the record:
//
//   - [Replay] goes through the answers in the order of their log indices and
//     tokens and holds a small sequential lock table against them: no two
//     conflicting holds, no lost hold, tokens that only rise, first come first
//     served, reads of one version, lock delays that are kept, and no index that
//     contradicts real time.
//   - [Linearize] ignores indices. It asks Porcupine whether real time and the
//     answers alone allow some order that a sequential lock table explains.
//   - [Leases] holds every sign of a session's end against its TTL.
//
// A command without an answer counts as possibly applied at any time after it was
// sent. Every acquire must be of a run of its own: a run then names one acquire
// ([Apart] makes it so).
package history
