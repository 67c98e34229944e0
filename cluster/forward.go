package cluster

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"lockd/fsm"
	"lockd/gate"

	"github.com/hashicorp/raft"
)

// The frames that answer a forwarded batch. They are on the wire.
const (
	frameFirst byte = 1
	frameLate  byte = 2
)

// forwarded is one batch that this node sent to the leader, from the sending
// until every command is answered and every queued request of it has ended.
type forwarded struct {
	node  *Node
	peer  raft.ServerID
	batch []*proposal
	over  func()
	room  *room
	limit *time.Timer

	mu sync.Mutex
	// term is this node's at the sending, then that of the leader's first answer.
	term     uint64
	answered bool
	ended    bool
	cancel   func()
}

// forward sends a batch to the leader. Its answers come on the link's goroutine.
func (n *Node) forward(peer raft.ServerID, batch []*proposal, over func()) {
	f := &forwarded{node: n, peer: peer, batch: batch, over: over, room: newRoom(), term: n.raft.CurrentTerm()}
	size := 0
	for _, p := range batch {
		size += len(p.command) + binary.MaxVarintLen32
	}
	payload := make([]byte, 0, size)
	for _, p := range batch {
		payload = appendBytes(payload, p.command)
	}
	f.limit = time.AfterFunc(n.config.Timing.Answer, func() {
		f.giveUp(fmt.Errorf("%w: no answer from %s within %s", ErrOutcomeUnknown, peer, n.config.Timing.Answer))
	})
	n.forwards.add(f)
	cancel, err := n.config.Link.Send(n.addrs[peer], kindPropose, payload, f.answer)
	if err != nil {
		f.giveUp(fmt.Errorf("%w: %w", errNotApplied, err))
		return
	}
	f.mu.Lock()
	f.cancel = cancel
	ended := f.ended
	f.mu.Unlock()
	if ended {
		cancel()
		n.forwards.remove(f) // the limit may have ended it before it was added
	}
}

// answer takes one frame from the link.
func (f *forwarded) answer(payload []byte, last bool, err error) {
	if err != nil {
		f.giveUp(fmt.Errorf("%w: connection to %s: %w", ErrOutcomeUnknown, f.peer, err))
		return
	}
	c := &cursor{rest: payload}
	switch c.byte() {
	case frameFirst:
		f.first(c)
	case frameLate:
		f.late(c)
	default:
		c.fail()
	}
	if c.err != nil {
		f.giveUp(fmt.Errorf("%w: answer from %s: %w", ErrOutcomeUnknown, f.peer, c.err))
	} else if last {
		f.end()
	}
}

// first takes the verdicts on all commands of the batch.
func (f *forwarded) first(c *cursor) {
	term := c.number()
	verdicts := make([]verdict, len(f.batch))
	for i := range verdicts {
		verdicts[i] = f.verdict(c)
	}
	if c.err != nil || !f.markAnswered(term) {
		return
	}
	for i, p := range f.batch {
		if v := verdicts[i]; v.queued() {
			f.room.expect(v.result.Request)
		}
		p.finish(verdicts[i])
	}
}

func (f *forwarded) verdict(c *cursor) verdict {
	if end := c.byte(); end != endOK {
		return verdict{err: errorOf(end)}
	}
	v := verdict{index: c.number(), room: f.room}
	result, err := fsm.DecodeResult(c.bytes())
	if err != nil {
		c.fail()
	}
	v.result, v.err = result, err
	return v
}

// late takes how one queued request ended; a leader that lost its term cannot
// tell, and says nothing but which request it was.
func (f *forwarded) late(c *cursor) {
	request, end, index, result := c.number(), c.byte(), c.number(), c.bytes()
	if c.err != nil {
		return
	}
	if end != endOK {
		f.room.settle(request, lateAnswer{})
		return
	}
	decoded, err := fsm.DecodeResult(result)
	if err != nil {
		c.fail()
		return
	}
	f.room.settle(request, lateAnswer{result: decoded, index: index})
}

// markAnswered reports whether the verdicts are still wanted.
func (f *forwarded) markAnswered(term uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answered || f.ended {
		return false
	}
	f.answered, f.term = true, term
	f.limit.Stop()
	f.over()
	return true
}

// giveUp ends the call: commands without a verdict get the error, requests that
// wait are told that nothing will come from here.
func (f *forwarded) giveUp(err error) {
	f.mu.Lock()
	unanswered := !f.answered
	f.answered = true
	f.mu.Unlock()
	if unanswered {
		f.limit.Stop()
		refuse(f.batch, err)
		f.over()
	}
	f.end()
}

func (f *forwarded) end() {
	f.mu.Lock()
	ended, cancel := f.ended, f.cancel
	f.ended = true
	f.mu.Unlock()
	if ended {
		return
	}
	f.node.forwards.remove(f)
	f.room.close()
	if cancel != nil {
		cancel()
	}
}

// superseded reports whether nothing more is to be expected of the call, now that
// the given term, begun by leader, is applied. A leader that was elected again
// may still answer, but has forgotten who waits.
func (f *forwarded) superseded(term uint64, leader string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.term < term && (f.answered || string(f.peer) != leader)
}

// forwards are the calls under way.
type forwards struct {
	mu    sync.Mutex
	calls map[*forwarded]struct{}
}

func (s *forwards) add(f *forwarded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = make(map[*forwarded]struct{})
	}
	s.calls[f] = struct{}{}
}

func (s *forwards) remove(f *forwarded) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, f)
}

// giveUp ends the calls that which selects.
func (s *forwards) giveUp(which func(*forwarded) bool, err error) {
	s.mu.Lock()
	var selected []*forwarded
	for f := range s.calls {
		if which(f) {
			selected = append(selected, f)
		}
	}
	s.mu.Unlock()
	for _, f := range selected {
		f.giveUp(err)
	}
}

// appendFirst encodes the first answer frame.
func appendFirst(b []byte, term uint64, verdicts []verdict) []byte {
	b = slices.Grow(b, 16+len(verdicts)*usualVerdictBytes)
	b = binary.AppendUvarint(append(b, frameFirst), term)
	for i := range verdicts {
		v := &verdicts[i]
		b = append(b, endOf(v.err))
		if v.err == nil {
			b = appendResult(binary.AppendUvarint(b, v.index), v.result)
		}
	}
	return b
}

// appendResult appends an encoded result with its length before it.
func appendResult(b []byte, result *gate.Result) []byte {
	from := len(b)
	b = fsm.AppendResult(append(b, 0), result) // one byte is enough for the length of most
	size := len(b) - from - 1
	if size < 0x80 {
		b[from] = byte(size)
		return b
	}
	return appendBytes(b[:from], slices.Clone(b[from+1:]))
}

// appendLate encodes a late answer frame.
func appendLate(b []byte, request uint64, answer lateAnswer) []byte {
	b = binary.AppendUvarint(append(b, frameLate), request)
	if answer.result == nil {
		return appendBytes(binary.AppendUvarint(append(b, endNotApplied), 0), nil)
	}
	return appendResult(binary.AppendUvarint(append(b, endOK), answer.index), answer.result)
}
