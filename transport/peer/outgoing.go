package peer

import (
	"fmt"
	"time"
)

// An answerFunc takes the answers to one request; see Peer.Send.
type answerFunc = func(payload []byte, last bool, err error)

// An outgoing is the dialling end of a link: it sends requests and hands out
// their answers.
type outgoing struct {
	*wire
	addr string

	lastID  uint64                // guarded by wire.mu
	answers map[uint64]answerFunc // the outstanding requests, guarded by wire.mu
}

func newOutgoing(w *wire, addr string) *outgoing {
	return &outgoing{wire: w, addr: addr, answers: make(map[uint64]answerFunc)}
}

// send enqueues a request. An error means that no byte of it was or will be
// written.
func (o *outgoing) send(kind byte, payload []byte, answer answerFunc) (func(), error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.cause != nil:
		return nil, o.cause
	case len(o.answers) >= maxOutstanding:
		return nil, fmt.Errorf("%w: %d requests to %s are unanswered", ErrQueueFull, len(o.answers), o.addr)
	case !o.room(len(payload), maxRequestQueueBytes):
		return nil, fmt.Errorf("%w: %d bytes wait to be sent to %s", ErrQueueFull, len(o.queue), o.addr)
	}
	o.lastID++
	id := o.lastID
	o.answers[id] = answer
	o.enqueue(frameRequest, kind, id, payload)
	return func() { o.cancel(id) }, nil
}

// cancel forgets a request and tells the other side, unless it has ended.
func (o *outgoing) cancel(id uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.answers[id] == nil {
		return
	}
	delete(o.answers, id)
	if o.cause == nil {
		o.enqueue(frameCancel, 0, id, nil)
	}
}

// read delivers answers until the connection ends, then ends every request that
// is outstanding. It is the one goroutine that calls answer functions.
func (o *outgoing) read() {
	frames := o.frames()
	for {
		f, err := readFrame(frames)
		if err == nil {
			err = o.deliver(f)
		}
		if err != nil {
			o.fail(err)
			break
		}
	}
	o.mu.Lock()
	lost := o.answers
	o.answers = nil
	err := fmt.Errorf("%w: %s: %w", ErrConnectionLost, o.addr, o.cause)
	o.mu.Unlock()
	for _, answer := range lost {
		answer(nil, true, err)
	}
}

// deliver hands one frame to the request it belongs to. Frames of a request
// that was cancelled are dropped.
func (o *outgoing) deliver(f frame) error {
	switch f.kind {
	case framePong:
		return nil
	case frameAnswer, frameFinal, frameFailure:
	default:
		return fmt.Errorf("%w: frame type %d from the accepting side", ErrProtocol, f.kind)
	}
	o.mu.Lock()
	answer := o.answers[f.id]
	if f.kind != frameAnswer {
		delete(o.answers, f.id)
	}
	o.mu.Unlock()
	switch {
	case answer == nil:
	case f.kind == frameFailure:
		answer(nil, true, fmt.Errorf("%w: %s: %s", ErrNoAnswer, o.addr, f.payload))
	default:
		answer(f.payload, f.kind == frameFinal, nil)
	}
	return nil
}

// run serves the connection until it ends: the writer in its own goroutine, the
// reader in this one.
func (o *outgoing) run(pingEvery time.Duration) {
	written := make(chan struct{})
	go func() {
		defer close(written)
		ticker := time.NewTicker(pingEvery)
		defer ticker.Stop()
		o.write(ticker.C)
	}()
	o.read()
	<-written
}
