package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	"lockd/cluster/timekeeper"
	"lockd/fsm"
	"lockd/gate"
)

// Reply is the answer to a command.
type Reply struct {
	Result *gate.Result
	// Index is the log index at which the result holds.
	Index uint64
	// Late, non-nil if and only if the result is Queued, gets one Reply when
	// the request has ended, across changes of leader, unless Close is called or
	// the context of the Do ends before. While the Reply is awaited the node
	// keeps a session alive that is private to the request.
	Late <-chan Reply
	// Err is set only in a Reply from Late, which then has no Result:
	// ErrShuttingDown. The request still waits; another node can take it up.
	Err error

	waiter *waiter
}

// Close ends the wait for Late. The request stays queued. It may be called more
// than once, and on every Reply.
func (r *Reply) Close() {
	if r.waiter != nil {
		r.waiter.close()
	}
}

// waiter awaits the late answer of one request for one caller.
type waiter struct {
	node    *Node
	cmd     *gate.Command
	request uint64
	// private is the session to be renewed, with its TTL, zero for none; waiters.mu
	// guards it.
	private gate.SessionID
	ttl     time.Duration
	// tell gets the one reply; it must not block.
	tell func(Reply)

	mu   sync.Mutex
	over bool
	// leave gives up the claim in the room joined last, the rooms-th.
	leave func()
	rooms int
	// unwatch ends the watch over the caller's context.
	unwatch func() bool
}

// join waits in the room of the leader that queued the request.
func (w *waiter) join(room *room) {
	w.mu.Lock()
	w.rooms++
	nth := w.rooms
	w.mu.Unlock()
	leave := room.claim(w.request, func(answer lateAnswer) {
		if answer.result == nil {
			w.node.resends.put(w)
		} else {
			w.deliver(Reply{Result: answer.result, Index: answer.index})
		}
	})
	w.mu.Lock()
	current := !w.over && w.rooms == nth
	if current {
		w.leave = leave
	}
	w.mu.Unlock()
	if !current {
		leave()
	}
}

// deliver ends the wait with a reply. It does not block.
func (w *waiter) deliver(reply Reply) {
	if w.end() {
		w.tell(reply)
	}
}

func (w *waiter) close() { w.end() }

// end reports whether this call ended the wait.
func (w *waiter) end() bool {
	w.mu.Lock()
	over, leave, unwatch := w.over, w.leave, w.unwatch
	w.over = true
	w.mu.Unlock()
	if over {
		return false
	}
	if leave != nil {
		leave()
	}
	if unwatch != nil {
		unwatch()
	}
	w.node.waiters.remove(w)
	return true
}

func (w *waiter) isOver() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

// resumption is the command that takes the request up at the next leader: it
// joins the request, or tells how it ended, and never takes the names anew.
func (w *waiter) resumption() []byte {
	resumed := *w.cmd
	acquire := *w.cmd.Op.(*gate.Acquire)
	acquire.Resume = w.request
	resumed.Op = &acquire
	return fsm.AppendCommand(nil, &resumed)
}

// waiters are all that wait on this node.
type waiters struct {
	node *Node

	mu     sync.Mutex
	all    map[*waiter]struct{}
	closed bool
	// due says when the private sessions are to be renewed next, by the time
	// since the node began.
	due *timekeeper.Schedule[*waiter]
	// hurry wakes the loop that renews.
	hurry chan struct{}
}

// admit makes a waiter for a queued request, which must await in the verdict's
// room next. tell gets how the request ended, unless the waiter is closed before.
func (s *waiters) admit(cmd *gate.Command, v verdict, tell func(Reply)) (*waiter, error) {
	w := &waiter{node: s.node, cmd: cmd, request: v.result.Request, tell: tell}
	if a, ok := cmd.Op.(*gate.Acquire); ok && a.TTL > 0 {
		w.private, w.ttl = v.result.Session, a.TTL
	}
	if err := s.add(w); err != nil {
		v.room.pass(w.request)
		return nil, err
	}
	return w, nil
}

// await begins the wait, which the end of ctx ends.
func (w *waiter) await(ctx context.Context, room *room) {
	unwatch := context.AfterFunc(ctx, w.close)
	w.mu.Lock()
	w.unwatch = unwatch
	over := w.over
	w.mu.Unlock()
	if over {
		unwatch()
	}
	w.join(room)
}

// add registers the waiter; ErrShuttingDown, or ErrOverloaded: the request is
// queued then, but nobody on this node can await its answer.
func (s *waiters) add(w *waiter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return errors.Join(ErrOutcomeUnknown, ErrShuttingDown)
	case len(s.all) >= MaxWaiting:
		return errors.Join(ErrOutcomeUnknown, ErrOverloaded)
	}
	s.all[w] = struct{}{}
	if w.ttl > 0 {
		s.schedule(w)
	}
	return nil
}

func (s *waiters) remove(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, w)
	s.due.Remove(w)
}

// close ends every wait with ErrShuttingDown.
func (s *waiters) close() {
	s.mu.Lock()
	s.closed = true
	all := s.all
	s.all = nil
	s.mu.Unlock()
	for w := range all {
		w.deliver(Reply{Err: ErrShuttingDown})
	}
}
