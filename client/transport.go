package client

import (
	"context"
	"io"
	"time"
)

// A transport carries one attempt of one call to one node. It decides nothing
// about retries.
type transport interface {
	// attempt sends c to the node and returns its answer, whatever the status. An
	// error means that there is no answer; it is a *sendError.
	attempt(ctx context.Context, node string, c *call) (*answer, error)
	// stream is attempt for an answer whose body does not end; the caller
	// closes it.
	stream(ctx context.Context, node string, c *call) (*answer, io.ReadCloser, error)
	// close gives up idle connections.
	close()
}

// A call is one request, however many attempts it takes.
type call struct {
	method string
	// path has the query, too.
	path        string
	body        []byte
	lastEventID string
	// timeout bounds one attempt.
	timeout time.Duration
	// patience bounds the pause before an attempt when all nodes fail or want to be
	// left alone; zero leaves it to the nodes.
	patience time.Duration
	// repeat says that a second copy does no harm: a read, or a command that is
	// applied once by its seq.
	repeat bool
	// begin is called before every attempt; may be nil.
	begin func()
	// overloaded is called before the attempt that follows a 429, and may change
	// what of the body makes it no other request; may be nil.
	overloaded func()
}

// An answer is what came back, whatever the status.
type answer struct {
	status                  int
	node, leader, requestID string
	retryAfter              time.Duration
	staleness               time.Duration
	body                    []byte
}

// A sendError is an attempt without an answer.
type sendError struct {
	node string
	err  error
	// unsent: no byte of the request has left.
	unsent bool
	// hopeless: another attempt would fail the same way.
	hopeless bool
}

func (e *sendError) Error() string { return e.node + ": " + e.err.Error() }

func (e *sendError) Unwrap() []error {
	if e.unsent {
		return []error{e.err, ErrUnreachable}
	}
	return []error{e.err}
}
