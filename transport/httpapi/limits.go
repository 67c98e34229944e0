package httpapi

import (
	"time"

	"lockd/api"
)

// The bounds of the server; those that clients must know are in package api.
const (
	// headerTimeout and bodyTimeout bound how long a request may take to
	// arrive; then the connection is cut.
	headerTimeout = 10 * time.Second
	bodyTimeout   = 30 * time.Second
	// idleTimeout bounds how long an unused connection is kept.
	idleTimeout = 2 * time.Minute
	// maxHeaderBytes bounds a request's header; a name of 512 bytes takes up to
	// 1.5 KiB in a path.
	maxHeaderBytes = 16 << 10

	// readyTimeout bounds the read of /readyz.
	readyTimeout = time.Second
	// statusTimeout bounds what /v1/status waits for other members.
	statusTimeout = 2 * time.Second
	// transferTimeout bounds a leadership transfer, and transferCheck is how
	// often its end is looked for.
	transferTimeout = 5 * time.Second
	transferCheck   = 5 * time.Millisecond

	// retryAfter is the Retry-After of 429 and 503, in seconds.
	retryAfter = "1"

	// maxRequestIDBytes bounds a request id that a client chose.
	maxRequestIDBytes = 64

	// maxPageEntries bounds the holds and requests on one page of a list, lest
	// a thousand full queues make one answer: the page then ends early.
	maxPageEntries = 10_000
	// listChunk is how many names are looked up at once for a page.
	listChunk = 50
	// maxBlockers bounds the run ids in all blocked_by of one name; when they
	// are used up, later requests show their first blocker only.
	maxBlockers = 20_000

	// eventHeartbeat is how often a quiet event stream shows a sign of life.
	eventHeartbeat = 10 * time.Second
	// eventWriteTimeout bounds one write to an event stream; a reader that is
	// slower is cut off.
	eventWriteTimeout = 10 * time.Second
	// maxEventStreams bounds the open event streams of one node.
	maxEventStreams = 1024

	// maxStreams bounds the open streams of one node. What bounds the requests of
	// each is in package api.
	maxStreams = 1024
	// maxStreamRequests bounds the requests of one message; its bytes do, too.
	maxStreamRequests = api.MaxStreamInFlight
	// usualRequestBytes is how long most requests of a stream are, or more.
	usualRequestBytes = 128
	// entriesAtOnce is how many entries of a stream are allocated together.
	entriesAtOnce = 16
	// streamWriteTimeout bounds the writing of one message of answers; a client
	// that takes longer to read it is cut off.
	streamWriteTimeout = 10 * time.Second
	// maxSentBytes is how long a message of answers gets before it is sent, one
	// answer more or less.
	maxSentBytes = 256 << 10
	// maxUnwritten bounds the answers that wait to be written to one stream, beside
	// the ends of waits.
	maxUnwritten = 2 * api.MaxStreamInFlight
	// maxReasonBytes bounds what a close frame says (RFC 6455, section 5.5).
	maxReasonBytes = 123
	// maxFollowed bounds the sessions whose losses are told over one stream.
	maxFollowed = 4096

	// usualDone is how many seqs there is room for in a done that has any.
	usualDone = 16

	// maxPooledBytes bounds the buffers that are kept for reuse.
	maxPooledBytes = 128 << 10
)
