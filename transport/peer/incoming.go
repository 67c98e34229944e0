package peer

import (
	"context"
	"fmt"
)

// A Handler serves the requests of other nodes.
type Handler interface {
	// Serve handles one request. It is called from the goroutine that reads the
	// connection, in the order in which the requests were sent, and must not
	// block: long work starts its own goroutine or registers a callback.
	// payload is the handler's to keep. reply may be called any number of
	// times, from any goroutine, never blocks and does not retain its payload;
	// calls after the one with last set do nothing. ctx ends with that call,
	// with the caller's cancel, or with the connection, whichever is first.
	Serve(ctx context.Context, kind byte, payload []byte, reply func(payload []byte, last bool))
}

// An incoming is the accepting end of a link: it hands requests to the handler
// and sends what it replies.
type incoming struct {
	*wire
	handler  Handler
	requests map[uint64]*request // those not ended, guarded by wire.mu
}

func newIncoming(w *wire, handler Handler) *incoming {
	return &incoming{wire: w, handler: handler, requests: make(map[uint64]*request)}
}

// run serves the connection until it ends and returns why.
func (in *incoming) run() error {
	written := make(chan struct{})
	go func() {
		defer close(written)
		in.write(nil)
	}()
	frames := in.frames()
	for {
		f, err := readFrame(frames)
		if err == nil {
			err = in.take(f)
		}
		if err != nil {
			in.fail(err)
			break
		}
	}
	in.abandon()
	<-written
	return in.cause
}

func (in *incoming) take(f frame) error {
	switch f.kind {
	case frameRequest:
		r := &request{in: in, id: f.id}
		if err := in.admit(r); err != nil {
			return err
		}
		in.handler.Serve(r, f.app, f.payload, r.reply)
	case frameCancel:
		in.mu.Lock()
		r := in.requests[f.id]
		in.finish(r)
		in.mu.Unlock()
		r.end()
	case framePing:
		in.mu.Lock()
		in.push(framePong, 0, nil)
		in.mu.Unlock()
	default:
		return fmt.Errorf("%w: frame type %d from the dialling side", ErrProtocol, f.kind)
	}
	return nil
}

func (in *incoming) admit(r *request) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.requests[r.id] != nil {
		return fmt.Errorf("%w: request %d was sent twice", ErrProtocol, r.id)
	}
	if len(in.requests) >= maxOutstanding {
		return fmt.Errorf("%w: %d requests are unanswered", ErrQueueFull, len(in.requests))
	}
	in.requests[r.id] = r
	return nil
}

// push enqueues a frame, or gives up a peer that does not take its answers:
// whoever replies cannot wait. mu is held.
func (in *incoming) push(kind frameType, id uint64, payload []byte) {
	switch {
	case in.cause != nil:
	case !in.room(len(payload), maxAnswerQueueBytes):
		in.failLocked(fmt.Errorf("%w: %d bytes of answers wait", ErrQueueFull, len(in.queue)))
	default:
		in.enqueue(kind, 0, id, payload)
	}
}

// finish forgets a request, after which its replies do nothing; mu is held.
func (in *incoming) finish(r *request) {
	if r != nil && !r.finished {
		r.finished = true
		delete(in.requests, r.id)
	}
}

// abandon ends every request that is left when the connection has ended.
func (in *incoming) abandon() {
	in.mu.Lock()
	left := in.requests
	in.requests = nil
	for _, r := range left {
		r.finished = true
	}
	in.mu.Unlock()
	for _, r := range left {
		r.end()
	}
}

// reply is what the handler answers with.
func (r *request) reply(payload []byte, last bool) {
	in := r.in
	in.mu.Lock()
	if r.finished {
		in.mu.Unlock()
		return
	}
	kind := frameAnswer
	if last {
		kind = frameFinal
	}
	if len(payload) > MaxPayloadBytes {
		kind, last = frameFailure, true
		payload = fmt.Appendf(nil, "%v: the answer has %d bytes, %d are allowed", ErrTooLarge, len(payload), MaxPayloadBytes)
	}
	in.push(kind, r.id, payload)
	if last {
		in.finish(r)
	}
	in.mu.Unlock()
	if last {
		r.end()
	}
}
