package cluster

import "context"

// A Link carries requests between nodes. Implementations: transport/peer
// (TCP/TLS), and an in-memory one in tests.
type Link interface {
	// Send sends one request to the node that serves peers at addr. A non-nil
	// error means that no byte was sent: the request was not applied. Otherwise
	// answer is called from one goroutine, in order: with each answer frame
	// (last is false), with the final one (last is true), or once with an error
	// (the connection is lost, the outcome unknown; last is true). It must not
	// block. Its payload is the receiver's to keep.
	//
	// Send does not keep payload after it returns. cancel ends the request:
	// answer is not called any more once cancel has returned and a call that
	// was under way is over; it is safe to call more than once.
	Send(addr string, kind byte, payload []byte, answer func(payload []byte, last bool, err error)) (cancel func(), err error)
}

// A LinkHandler serves the requests that other nodes send over their Link.
// It is handed to the link when the link is made to serve.
type LinkHandler interface {
	// Serve handles one request. reply may be called any number of times, from
	// any goroutine, until it was called with last true; it does not block and
	// takes ownership of its payload. ctx ends when the connection does, or
	// when the caller cancelled. Serve owns payload. Serve must not block the
	// connection: long work starts its own goroutine or registers a callback.
	Serve(ctx context.Context, kind byte, payload []byte, reply func(payload []byte, last bool))
}
