package peer

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// A wire is what both ends of a link have in common: a queue of encoded frames,
// the goroutine that flushes it, and the reason why the connection ended.
//
// The queue is one byte slice. Whoever sends appends to it, so that a frame
// costs a copy and no allocation; the writer takes all that waits and writes it
// at once, so that frames gather exactly as long as the network is busy.
type wire struct {
	conn    net.Conn // TLS, if that is configured
	raw     net.Conn // the TCP connection beneath, closed without ceremony
	timeout time.Duration

	wake chan struct{} // holds one token if the queue may have work
	gone chan struct{} // closed when the connection has ended

	mu    sync.Mutex // guards what follows, and the owner's requests
	queue []byte
	cause error // why the connection ended, nil while it has not
}

func newWire(conn, raw net.Conn, timeout time.Duration) *wire {
	return &wire{
		conn: conn, raw: raw, timeout: timeout,
		wake: make(chan struct{}, 1),
		gone: make(chan struct{}),
	}
}

// enqueue appends a frame; mu is held. The caller has checked the bounds.
func (w *wire) enqueue(kind frameType, app byte, id uint64, payload []byte) {
	w.queue = appendFrame(w.queue, kind, app, id, payload)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// room says whether the queue takes a payload of n bytes within the bound; mu
// is held.
func (w *wire) room(n, bound int) bool {
	return len(w.queue)+headerBytes+n <= bound
}

// fail ends the connection for the given reason. The first reason stands.
func (w *wire) fail(cause error) {
	w.mu.Lock()
	w.failLocked(cause)
	w.mu.Unlock()
}

func (w *wire) failLocked(cause error) {
	if w.cause != nil {
		return
	}
	w.cause = cause
	close(w.gone)
	_ = w.raw.Close()
}

// cut implements cutter.
func (w *wire) cut() { w.fail(ErrClosed) }

// ended says whether the connection has ended.
func (w *wire) ended() bool {
	select {
	case <-w.gone:
		return true
	default:
		return false
	}
}

// write flushes the queue until the connection ends. It enqueues a ping at each
// tick, if ticks is not nil.
func (w *wire) write(ticks <-chan time.Time) {
	var spare []byte
	for {
		select {
		case <-w.gone:
			return
		case <-ticks:
			w.mu.Lock()
			w.enqueue(framePing, 0, 0, nil)
			w.mu.Unlock()
			continue
		case <-w.wake:
		}
		w.mu.Lock()
		batch := w.queue
		w.queue = spare[:0]
		w.mu.Unlock()
		if err := w.flush(batch); err != nil {
			w.fail(err)
			return
		}
		spare = nil
		if cap(batch) <= maxSpareBytes {
			spare = batch
		}
	}
}

// flush writes in chunks, so that a deadline covers a bounded number of bytes.
// The deadline is a backstop: pings queue behind what is stuck, so that a peer
// that stops reading is noticed by its silence.
func (w *wire) flush(batch []byte) error {
	patience := writeTimeouts * w.timeout
	for len(batch) > 0 {
		chunk := batch[:min(len(batch), writeChunkBytes)]
		if err := w.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := w.conn.Write(chunk); err != nil {
			return explain("took no bytes", patience, err)
		}
		batch = batch[len(chunk):]
	}
	return nil
}

// Read reads from the connection and fails if nothing comes for the timeout.
// There is one reader, the bufio.Reader of frames.
//
// The timeout is waited out in slices. When this process is held up, timers are
// over before what has arrived meanwhile can be read; however long that takes,
// it uses up one slice, and is not mistaken for the silence of the peer.
func (w *wire) Read(b []byte) (n int, err error) {
	for range silenceSlices {
		if err = w.conn.SetReadDeadline(time.Now().Add(w.timeout / silenceSlices)); err != nil {
			return 0, err
		}
		n, err = w.conn.Read(b)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
	return 0, explain("was silent", w.timeout, err)
}

func explain(what string, patience time.Duration, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the peer %s for %v: %w", what, patience, err)
	}
	return err
}

func (w *wire) frames() *bufio.Reader { return bufio.NewReaderSize(w, readBufferBytes) }
