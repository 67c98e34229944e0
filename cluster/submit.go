package cluster

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"lockd/fsm"
	"lockd/gate"
)

// Submit is Do for many commands at once, on no goroutine of their own: they go
// to the leader together. done is called once for each command, with its place
// in cmds and what Do would have returned, in any order, and possibly before
// Submit returns.
//
// If a reply's result is Queued, done is called once more for that command, with
// how its request ended, or with a reply whose Err is ErrShuttingDown, which may
// overtake the first call. Closing the first reply, or the end of ctx, gives that
// up; the first call comes even then.
//
// done is called on goroutines that serve all others, too: it must not block. It
// may be called by several at a time. The caller must not change cmds, nor any
// command, after the call.
func (n *Node) Submit(ctx context.Context, cmds []*gate.Command, done func(nth int, reply *Reply, err error)) {
	if len(cmds) == 0 {
		return
	}
	leave, err := n.enter()
	if err != nil {
		for i := range cmds {
			done(i, nil, err)
		}
		return
	}
	s := &submission{
		node: n, ctx: ctx, cmds: cmds, done: done, leave: leave,
		began: n.config.Clock(), led: n.led.wait(), proposals: make([]proposal, len(cmds)), replies: make([]Reply, len(cmds)),
	}
	s.missing.Store(int32(len(cmds)))
	s.propose(s.encode())
}

// submission is one call of Submit, from its beginning until every command is
// answered.
type submission struct {
	node  *Node
	ctx   context.Context
	cmds  []*gate.Command
	done  func(nth int, reply *Reply, err error)
	leave func()
	began time.Time
	led   <-chan struct{}
	// proposals are the first attempts; one without a command was too large.
	proposals []proposal
	// replies are those to commands that do not wait.
	replies []Reply
	limit   *time.Timer
	missing atomic.Int32
}

// encode writes the commands one behind the other and returns the proposals of
// those that are not too large.
func (s *submission) encode() []*proposal {
	batch := make([]*proposal, 0, len(s.cmds))
	judge := s.judge
	encoded := make([]byte, 0, len(s.cmds)*usualCommandBytes)
	for i, cmd := range s.cmds {
		from := len(encoded)
		encoded = fsm.AppendCommand(encoded, cmd)
		size := len(encoded) - from
		if size > MaxCommandBytes {
			encoded = encoded[:from]
			s.finish(i, nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, MaxCommandBytes))
			continue
		}
		p := &s.proposals[i]
		p.command, p.nth, p.done = encoded[from:len(encoded):len(encoded)], i, judge
		batch = append(batch, p)
	}
	return batch
}

// propose makes the first attempt.
func (s *submission) propose(batch []*proposal) {
	if len(batch) == 0 {
		return
	}
	if s.node.destination().nobody() {
		refuse(batch, fmt.Errorf("%w: nobody leads", errNotApplied))
		return
	}
	s.limit = time.AfterFunc(s.node.config.Timing.Answer, func() { s.expire(batch) })
	if err := s.node.batcher.put(batch...); err != nil {
		refuse(batch, err)
	}
}

// expire gives up the first attempts that have no verdict yet.
func (s *submission) expire(batch []*proposal) {
	late := fmt.Errorf("no answer within %s", s.node.config.Timing.Answer)
	for _, p := range batch {
		switch abandoned, unsent := p.abandon(); {
		case !abandoned:
		case unsent:
			s.judge(p.nth, verdict{err: fmt.Errorf("%w: %w", errNotApplied, late)})
		default:
			s.judge(p.nth, verdict{err: fmt.Errorf("%w: %w", ErrOutcomeUnknown, late)})
		}
	}
}

// judge takes what the first attempt of a command came to. What deserves another
// gets it on a goroutine of its own: somebody must wait for the next leader.
func (s *submission) judge(nth int, v verdict) {
	cmd := s.cmds[nth]
	repeatable := !cmd.Session.IsZero() && cmd.Seq > 0
	switch {
	case v.err == nil:
		s.answer(nth, v)
		return
	case errors.Is(v.err, errNotApplied), repeatable && errors.Is(v.err, ErrOutcomeUnknown):
		again := func() {
			next, err := s.node.pursue(s.ctx, s.proposals[nth].command, repeatable, s.began, s.led, v)
			if err != nil {
				s.finish(nth, nil, err)
				return
			}
			s.answer(nth, next)
		}
		if s.node.spawn(again) {
			return
		}
	}
	s.finish(nth, nil, v.err)
}

// answer delivers a result, and has the end of a queued request delivered.
func (s *submission) answer(nth int, v verdict) {
	if !v.queued() {
		reply := &s.replies[nth]
		reply.Result, reply.Index = v.result, v.index
		s.finish(nth, reply, nil)
		return
	}
	reply := &Reply{Result: v.result, Index: v.index}
	w, err := s.node.waiters.admit(s.cmds[nth], v, func(r Reply) { s.done(nth, &r, nil) })
	if err != nil {
		s.finish(nth, nil, err)
		return
	}
	reply.waiter = w
	s.finish(nth, reply, nil)
	w.await(s.ctx, v.room)
}

// finish makes the first call of done for a command.
func (s *submission) finish(nth int, reply *Reply, err error) {
	s.done(nth, reply, err)
	if s.missing.Add(-1) > 0 {
		return
	}
	if s.limit != nil {
		s.limit.Stop()
	}
	s.leave()
}
