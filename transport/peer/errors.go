package peer

import "errors"

// Errors are wrapped with the address and the cause; test with errors.Is.
var (
	// ErrClosed: the peer port of this node is closed.
	ErrClosed = errors.New("peer port closed")
	// ErrConnectionLost: the connection ended before the final answer; whether
	// the request took effect is unknown.
	ErrConnectionLost = errors.New("peer connection lost")
	// ErrNoAnswer: the other side took the request and could not send its
	// answer; whether the request took effect is unknown.
	ErrNoAnswer = errors.New("peer could not answer")
	// ErrTooLarge: a payload is longer than MaxPayloadBytes.
	ErrTooLarge = errors.New("frame too large")
	// ErrQueueFull: a bounded queue of the connection has no room.
	ErrQueueFull = errors.New("peer queue full")
	// ErrRedial: the last dial to the address was too recent to try again.
	ErrRedial = errors.New("peer was dialled a moment ago")
	// ErrRefused: the other side turned the connection away.
	ErrRefused = errors.New("peer refused the connection")
	// ErrOtherCluster: the two nodes belong to different clusters.
	ErrOtherCluster = errors.New("other cluster")
	// ErrOtherVersion: the two nodes speak different protocol versions.
	ErrOtherVersion = errors.New("other protocol version")
	// ErrNotServing: the other side does not yet, or no longer, serve this
	// purpose.
	ErrNotServing = errors.New("not serving")
	// ErrProtocol: what arrived is not what this package sends.
	ErrProtocol = errors.New("peer protocol violated")
	// ErrConfig: the configuration cannot work.
	ErrConfig = errors.New("peer configuration")
)
