// Package peer owns the one port over which the nodes of a cluster speak to
// each other. The port carries two kinds of connection, told apart by a short
// handshake: raft's own streams, handed to a raft.NetworkTransport, and the
// link, one multiplexed connection per destination that carries requests
// (forwarded batches, reads, keepalives, status) and their answers.
//
// # Guarantees
//
//   - A connection is used only after both ends have named the same cluster and
//     the same protocol version. A refusal says why, to both sides.
//   - Send separates "not sent" from "unknown". It returns an error only if no
//     byte of the request has left this node. Once it has returned nil, the
//     request ends by a final answer, by exactly one error, or by its cancel.
//   - The answers to one request arrive in the order in which they were given,
//     from one goroutine, and nothing arrives after the final one.
//   - A destination that falls silent is noticed within Config.PingTimeout of
//     the last byte it sent; every request outstanding there then ends with
//     ErrConnectionLost, and the contexts it was serving for the other side end.
//   - Nothing waits without a bound: dialling, the handshake, every write and
//     every read of the link have a deadline, every queue has a limit.
//   - Close ends every goroutine of the package before it returns.
//
// # Caveats
//
// Without TLS anybody who reaches the port and knows the cluster id is a peer.
// With TLS every holder of a certificate of the cluster's authority is one; the
// name in the handshake is for logs and is not compared with the certificate.
//
// PingEvery and PingTimeout must suit each other on all nodes: the accepting
// side drops a connection that brings nothing for its own PingTimeout.
//
// Requests are neither repeated nor deduplicated here. What a lost answer
// means is for the caller to know.
//
// # Wire format
//
// The dialling side opens with a hello, the accepting side answers with a
// reply; their layout is the same in every protocol version, so that two
// versions can refuse each other in words (handshake.go). A raft connection
// then belongs to raft. On a link each frame is a header of 14 bytes, big
// endian, and a payload:
//
//	length of the payload  uint32
//	type                   uint8   request, answer, final, failure, cancel, ping, pong
//	kind                   uint8   the caller's own, of requests only
//	request id             uint64  counted up by the dialling side
//
// Only the dialling side sends requests; two nodes that ask each other have
// two connections.
package peer
