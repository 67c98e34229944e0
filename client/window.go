package client

import (
	"slices"
	"sync"
)

// A window numbers the commands of one session and keeps which answers were
// seen, so that the server can forget them (and refuses a copy that comes late).
type window struct {
	mu sync.Mutex
	// last is the highest seq given out; all up to acked are finished.
	last, acked uint64
	// finished are the finished seqs above acked; true once the server was told.
	finished map[uint64]bool
}

// A ticket is one command's place: its own seq, which every copy has, and what to
// say of others.
type ticket struct {
	seq, acked uint64
	done       []uint64
}

// next draws the next ticket.
func (w *window) next() ticket {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	return w.ticket(w.last)
}

// again draws a ticket anew for a command whose seq stays, to say what was seen
// since. The server may need to hear it before it takes the command.
func (w *window) again(t ticket) ticket {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ticket(t.seq)
}

// ticket returns what to say beside that seq; w.mu is held.
func (w *window) ticket(seq uint64) ticket {
	t := ticket{seq: seq, acked: w.acked}
	for other, told := range w.finished {
		if !told && len(t.done) < maxDone {
			if t.done == nil {
				t.done = make([]uint64, 0, min(len(w.finished), maxDone))
			}
			t.done = append(t.done, other)
		}
	}
	slices.Sort(t.done)
	return t
}

// finish says that the answer of t was seen, or that nobody wants it any more.
// Told says that the server has applied t, and so knows what t said of others.
func (w *window) finish(t ticket, told bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.finished == nil {
		w.finished = make(map[uint64]bool)
	}
	if told {
		for _, seq := range t.done {
			if _, kept := w.finished[seq]; kept {
				w.finished[seq] = true
			}
		}
	}
	w.finished[t.seq] = false
	for {
		if _, next := w.finished[w.acked+1]; !next {
			return
		}
		w.acked++
		delete(w.finished, w.acked)
	}
}
