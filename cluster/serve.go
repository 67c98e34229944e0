package cluster

import (
	"context"
	"sync"
)

// Serve implements LinkHandler: it answers what other nodes ask of this one.
func (n *Node) Serve(ctx context.Context, kind byte, payload []byte, reply func(payload []byte, last bool)) {
	switch kind {
	case kindPropose:
		n.serveProposals(ctx, payload, reply)
	case kindRead:
		n.serveAlone(ctx, payload, reply, n.serveRead)
	case kindTry:
		n.serveAlone(ctx, payload, reply, n.serveTry)
	case kindKeepalive:
		n.serveAlone(ctx, payload, reply, n.serveKeepalive)
	case kindStatus:
		n.serveAlone(ctx, payload, reply, n.serveStatus)
	case kindTransfer:
		n.serveAlone(ctx, payload, reply, n.serveTransfer)
	default:
		reply([]byte{endFailed}, true)
	}
}

// serveAlone answers one request on a goroutine of its own, of which there is a
// bounded number.
func (n *Node) serveAlone(ctx context.Context, payload []byte, reply func([]byte, bool), answer func(context.Context, []byte) []byte) {
	select {
	case n.serving <- struct{}{}:
	default:
		reply([]byte{endOverloaded}, true)
		return
	}
	started := n.spawn(func() {
		defer func() { <-n.serving }()
		ctx, cancel := context.WithTimeout(ctx, n.config.Timing.Answer)
		defer cancel()
		reply(answer(ctx, payload), true)
	})
	if !started {
		<-n.serving
		reply([]byte{endNotApplied}, true)
	}
}

// servedBatch is one batch of another node's commands on its way through this
// node's own batcher.
type servedBatch struct {
	ctx   context.Context
	reply func(payload []byte, last bool)
	term  uint64

	mu       sync.Mutex
	verdicts []verdict
	// missing counts the commands without a verdict, waiting the requests
	// without their late answer.
	missing, waiting int
	// unwatch ends the watch over ctx.
	unwatch func() bool
}

// serveProposals puts the commands of another node among this node's own, still
// encoded. Only a leader takes them.
func (n *Node) serveProposals(ctx context.Context, payload []byte, reply func([]byte, bool)) {
	count := 0
	for c := (&cursor{rest: payload}); c.more(); count++ {
		c.bytes()
	}
	s := &servedBatch{ctx: ctx, reply: reply, verdicts: make([]verdict, count), missing: count}
	proposals, batch := make([]proposal, count), make([]*proposal, count)
	c, done := &cursor{rest: payload}, s.done
	for i := range batch {
		p := &proposals[i]
		p.command, p.forwarded, p.nth, p.done = c.bytes(), true, i, done
		batch[i] = p
	}
	err := c.err
	if o := n.destination().office; o != nil {
		s.term = o.term
	} else if err == nil {
		err = errNotApplied
	}
	if err == nil {
		err = n.batcher.put(batch...)
	}
	if len(batch) == 0 {
		reply(appendFirst(nil, s.term, nil), true)
	} else if err != nil {
		refuse(batch, err)
	}
}

// done notes one verdict; the last one sends the first frame.
func (s *servedBatch) done(i int, v verdict) {
	s.mu.Lock()
	s.verdicts[i] = v
	s.missing--
	complete := s.missing == 0
	if v.queued() {
		s.waiting++
	}
	if complete {
		s.reply(appendFirst(nil, s.term, s.verdicts), s.waiting == 0)
	}
	s.mu.Unlock()
	if complete {
		s.claimLate()
	}
}

// claimLate has the late answers sent as they come, while the other node is there.
func (s *servedBatch) claimLate() {
	var leave []func()
	for _, v := range s.verdicts {
		if v.queued() {
			request := v.result.Request
			leave = append(leave, v.room.claim(request, func(answer lateAnswer) { s.late(request, answer) }))
		}
	}
	s.verdicts = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting > 0 {
		s.unwatch = context.AfterFunc(s.ctx, func() {
			for _, f := range leave {
				f()
			}
		})
	}
}

func (s *servedBatch) late(request uint64, answer lateAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	s.reply(appendLate(nil, request, answer), s.waiting == 0)
	if s.waiting == 0 && s.unwatch != nil {
		s.unwatch()
	}
}
