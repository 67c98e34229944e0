package cluster

import (
	"context"
	"encoding/binary"
	"sync"

	"lockd/fsm"
	"lockd/gate"
)

// tries are the names at which this node had a try refused of late. The next try
// is asked of a confirmed read first: while it is refused there, it costs neither
// a sync nor a place in the log. It is a guess and no more: what the read does not
// refuse goes into the log.
type tries struct {
	mu      sync.Mutex
	refused map[gate.Name]struct{}
}

// nameOf returns the name that stands for a try.
func nameOf(cmd *gate.Command) gate.Name { return cmd.Op.(*gate.Acquire).Wants[0].Name }

// hopeless says whether the try is likely to be refused.
func (t *tries) hopeless(cmd *gate.Command) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, refused := t.refused[nameOf(cmd)]
	return refused
}

// note remembers what became of a try.
func (t *tries) note(cmd *gate.Command, refused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	name := nameOf(cmd)
	if !refused {
		delete(t.refused, name)
		return
	}
	if t.refused == nil || len(t.refused) >= MaxRefusedNames {
		t.refused = make(map[gate.Name]struct{})
	}
	t.refused[name] = struct{}{}
}

// refusal returns the answer to a try that the leader's table refuses, nil if
// the command has to go into the log. The leader answers as to a read.
func (n *Node) refusal(ctx context.Context, cmd *gate.Command, command []byte) *Reply {
	if !n.tries.hopeless(cmd) {
		return nil
	}
	var reply *Reply
	switch to := n.destination(); {
	case to.office != nil:
		reply = to.office.refusal(ctx, cmd)
	case !to.nobody():
		reply = n.askRefusal(ctx, to, command)
	}
	if reply == nil {
		n.tries.note(cmd, false)
	}
	return reply
}

func (o *office) refusal(ctx context.Context, cmd *gate.Command) *Reply {
	if o.confirm(ctx) != nil {
		return nil
	}
	view, index := o.node.fsm.View()
	result, refused := view.Refusal(cmd)
	if !refused {
		return nil
	}
	return &Reply{Result: &result, Index: index}
}

func (n *Node) askRefusal(ctx context.Context, to destination, command []byte) *Reply {
	ctx, cancel := context.WithTimeout(ctx, n.config.Timing.LeaderWait)
	defer cancel()
	answer, err := n.ask(ctx, to.peer, kindTry, command)
	if err != nil {
		return nil
	}
	c := &cursor{rest: answer}
	if c.byte() != endOK {
		return nil
	}
	index := c.number()
	result, err := fsm.DecodeResult(c.rest)
	if c.err != nil || err != nil {
		return nil
	}
	return &Reply{Result: result, Index: index}
}

// serveTry answers endNotApplied unless the try is refused.
func (n *Node) serveTry(ctx context.Context, command []byte) []byte {
	cmd, err := fsm.DecodeCommand(command)
	o := n.destination().office
	if err != nil || o == nil || !cmd.IsTry() {
		return []byte{endNotApplied}
	}
	reply := o.refusal(ctx, cmd)
	if reply == nil {
		return []byte{endNotApplied}
	}
	return fsm.AppendResult(binary.AppendUvarint([]byte{endOK}, reply.Index), reply.Result)
}
