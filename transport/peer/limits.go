package peer

import "time"

// Every bound of the peer port stands here.
const (
	// MaxPayloadBytes bounds the payload of one request or answer.
	MaxPayloadBytes = 16 << 20
	// MaxClusterIDBytes bounds a cluster id.
	MaxClusterIDBytes = 128
	// MaxNameBytes bounds a node name.
	MaxNameBytes = 128
	// maxRefusalBytes bounds the text of a refusal.
	maxRefusalBytes = 1024
	// maxFailureBytes bounds the text of a failure frame.
	maxFailureBytes = 1024

	// maxRequestQueueBytes bounds the requests of one connection that wait to
	// be written; Send refuses beyond it.
	maxRequestQueueBytes = 2 * MaxPayloadBytes
	// maxAnswerQueueBytes bounds the answers of one connection that wait to be
	// written; a peer that lets more pile up loses the connection.
	maxAnswerQueueBytes = 4 * MaxPayloadBytes
	// maxOutstanding bounds the unanswered requests of one connection.
	maxOutstanding = 1 << 20
	// maxDestinations bounds the addresses that Send keeps a connection for.
	maxDestinations = 256
	// maxAccepted bounds the connections accepted and still open.
	maxAccepted = 1024
	// maxGreeting bounds the accepted connections that are still in their
	// handshake; more are dropped at once.
	maxGreeting = 256
	// maxRaftBacklog bounds the raft connections that wait to be accepted by
	// the raft transport.
	maxRaftBacklog = 16
	// maxRaftPool bounds the idle raft connections kept per destination.
	maxRaftPool = 3

	// writeChunkBytes is what one write deadline must suffice for.
	writeChunkBytes = 256 << 10
	// writeTimeouts is how many PingTimeouts one write may take.
	writeTimeouts = 4
	// silenceSlices is how many parts PingTimeout is waited out in.
	silenceSlices = 8
	// maxSpareBytes bounds the write buffer kept for the next flush.
	maxSpareBytes = 1 << 20
	// readBufferBytes is read from a link at once.
	readBufferBytes = 64 << 10
	// snapshotBytesPerTimeout is how much of a snapshot has to pass in one
	// RPCTimeout.
	snapshotBytesPerTimeout = 64 << 10

	// greetTimeout bounds the handshake of an accepted connection.
	greetTimeout = 2 * time.Second
	// redialAfter is the least time between a dial and the next one to the
	// same address.
	redialAfter = 100 * time.Millisecond
	// acceptRetry is waited after a failed accept, such as one for want of
	// file descriptors.
	acceptRetry = 50 * time.Millisecond
	// complainEvery is the least time between two warnings about connections
	// turned away.
	complainEvery = time.Second
	// An idle TCP connection is probed after keepAliveIdle, then each
	// keepAliveEvery, and ended after keepAliveCount probes without an answer.
	keepAliveIdle  = 10 * time.Second
	keepAliveEvery = 5 * time.Second
	keepAliveCount = 3
)
