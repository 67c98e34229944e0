package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// A logWriter stands before standard error, so that a reader who has stopped
// reading never stops the node: Write does not wait. Lines beyond the bounds are
// dropped, and their number is told once the reader reads again.
type logWriter struct {
	out   io.Writer
	ended chan struct{}

	mu      sync.Mutex
	more    *sync.Cond
	lines   [][]byte
	bytes   int
	dropped int
	closed  bool
}

// newLogWriter starts a writer to out, which must be closed.
func newLogWriter(out io.Writer) *logWriter {
	w := &logWriter{out: out, ended: make(chan struct{})}
	w.more = sync.NewCond(&w.mu)
	go w.run()
	return w
}

// Write takes a copy of the line, or drops it; it always says that it was written.
func (w *logWriter) Write(line []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.lines) >= maxLogLines || w.bytes+len(line) > maxLogBytes {
		w.dropped++
		return len(line), nil
	}
	w.lines = append(w.lines, append([]byte(nil), line...))
	w.bytes += len(line)
	w.more.Signal()
	return len(line), nil
}

// run writes what is waiting until close.
func (w *logWriter) run() {
	defer close(w.ended)
	for {
		text, last := w.take()
		for _, line := range text {
			// There is nowhere to tell that the log cannot be written.
			_, _ = w.out.Write(line)
		}
		if last {
			return
		}
	}
}

// take waits for lines and takes them all.
func (w *logWriter) take() (lines [][]byte, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.lines) == 0 && !w.closed {
		w.more.Wait()
	}
	lines = w.lines
	if w.dropped > 0 {
		lines = append(lines, fmt.Appendf(nil, "lockd: %d log lines were dropped: nobody read them\n", w.dropped))
	}
	w.lines, w.bytes, w.dropped = nil, 0, 0
	return lines, w.closed
}

// close gives what is waiting at most that long to be written.
func (w *logWriter) close(within time.Duration) {
	w.mu.Lock()
	w.closed = true
	w.more.Signal()
	w.mu.Unlock()
	select {
	case <-w.ended:
	case <-time.After(within):
	}
}
