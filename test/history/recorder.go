package history

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Now is the one clock of a history: the machine's monotonic clock, the same in
// all processes.
func Now() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic("history: no monotonic clock: " + err.Error())
	}
	return t.Nano()
}

// A Recorder gathers the operations of many clients; its methods may be called
// from any goroutine.
type Recorder struct {
	mu  sync.Mutex
	ops []Op
}

// Add records a finished operation. One that was never answered has Outcome
// Unknown and End Never.
func (r *Recorder) Add(op Op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, op)
}

// Ops returns a copy of what was recorded.
func (r *Recorder) Ops() []Op {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Op(nil), r.ops...)
}

// Write writes one operation a line, as JSON.
func Write(w io.Writer, ops []Op) error {
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out)
	for i := range ops {
		if err := encoder.Encode(&ops[i]); err != nil {
			return err
		}
	}
	return out.Flush()
}

// ReadFile reads what Write wrote. A torn last line, of a writer that was killed,
// is left out.
func ReadFile(path string) ([]Op, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var ops []Op
	for decoder := json.NewDecoder(file); ; {
		var op Op
		switch err := decoder.Decode(&op); {
		case err == nil:
			ops = append(ops, op)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return ops, nil
		default:
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
}
