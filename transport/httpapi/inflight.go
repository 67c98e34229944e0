package httpapi

import (
	"github.com/coder/websocket"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

// outgoing is what is to be written: an answer to entry, or a loss.
type outgoing struct {
	entry *entry
	// One of these says what the answer is.
	result  *gate.Result
	problem *api.Problem
	answer  []byte
	leases  []cluster.Lease
	loss    *api.StreamLoss
	// index is where it holds; zero means no index in particular.
	index     uint64
	staleness int64
	// counted says that the request was unanswered until now; ended, that it waited
	// for a lock.
	counted, ended bool
}

// admit counts one more request without an answer; false if there are too many.
func (c *connection) admit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unanswered >= api.MaxStreamInFlight {
		return false
	}
	c.unanswered++
	return true
}

// prepare makes an acquire that may have to wait one that can be cancelled; false
// if too many wait, which is answered then.
func (c *connection) prepare(e *entry) bool {
	acquire, ok := e.op.command.Op.(*gate.Acquire)
	if !ok || acquire.Wait == 0 {
		return true
	}
	c.mu.Lock()
	full := len(c.cancellable) >= api.MaxStreamWaiting
	if !full {
		c.cancellable[e.id] = e
	}
	c.mu.Unlock()
	if full {
		c.finish(outgoing{entry: e, problem: api.NewProblem(api.CodeOverloaded, "too many requests of this stream wait for locks; wait for answers, or open another stream")})
	}
	return !full
}

// done takes what a command came to: once, and again when its wait is over.
func (c *connection) done(e *entry, reply *cluster.Reply, err error) {
	switch {
	case err != nil:
		c.finish(outgoing{entry: e, problem: nodeProblem(err, e.op.command)})
	case reply.Err != nil:
		c.finish(outgoing{entry: e, problem: nodeProblem(reply.Err, e.op.command)})
	case reply.Result.Code == gate.Queued:
		c.queued(e, reply)
	default:
		c.finish(outgoing{entry: e, result: reply.Result, index: reply.Index})
	}
}

// queued notes that a request waits, and has that told.
func (c *connection) queued(e *entry, reply *cluster.Reply) {
	c.mu.Lock()
	over := e.final || e.cancelled
	if !e.final {
		c.unanswered--
	}
	if !over {
		e.reply, e.waits = reply, true
		c.waits++
		c.s.meters.waiting.Inc()
	}
	c.mu.Unlock()
	if over {
		reply.Close()
		return
	}
	c.push(outgoing{entry: e, result: reply.Result, index: reply.Index})
}

// finish has the last answer to a request written. It does not block.
func (c *connection) finish(o outgoing) {
	c.mu.Lock()
	e := o.entry
	if e.final {
		c.mu.Unlock()
		return
	}
	e.final = true
	o.ended = c.endWait(e)
	o.counted = !o.ended
	if c.cancellable[e.id] == e {
		delete(c.cancellable, e.id)
	}
	dropped := e.cancelled
	if dropped && o.counted {
		c.unanswered--
	}
	c.mu.Unlock()
	if !dropped {
		c.push(o)
	}
}

// endWait reports whether the request was waiting; c.mu is held.
func (c *connection) endWait(e *entry) bool {
	if !e.waits {
		return false
	}
	e.waits = false
	c.waits--
	c.s.meters.waiting.Dec()
	return true
}

// giveUp cancels the answer to a request that waits or may have to.
func (c *connection) giveUp(id uint64) {
	c.mu.Lock()
	e := c.cancellable[id]
	if e == nil {
		c.mu.Unlock()
		return
	}
	delete(c.cancellable, id)
	e.cancelled = true
	waited := c.endWait(e)
	e.final = e.final || waited
	reply := e.reply
	c.mu.Unlock()
	if reply != nil {
		reply.Close()
	}
}

// push has something written. A client that does not read what is written is cut
// off when too much waits for it. Ends of waits are not counted: all may come at
// once, and there are no more than waits that the client knows of.
func (c *connection) push(o outgoing) {
	c.mu.Lock()
	slow := !o.ended && len(c.queue)-c.ends >= maxUnwritten
	if !slow {
		c.queue = append(c.queue, o)
	}
	if o.ended {
		c.ends++
	}
	c.mu.Unlock()
	if slow {
		c.end(websocket.StatusPolicyViolation, "slow reader: answers are not read as fast as requests come; go on with the same seqs")
		return
	}
	c.wake()
}

// take returns what is to be written, and why to end.
func (c *connection) take() ([]outgoing, *farewell) {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := c.queue
	c.ends = 0
	c.queue, c.spare = c.spare[:0], nil
	return batch, c.ending
}

// written gives a batch's slice back, and its requests' places.
func (c *connection) written(batch []outgoing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range batch {
		if batch[i].counted {
			c.unanswered--
		}
	}
	clear(batch)
	c.spare = batch[:0]
}

// settleWaits takes the waits of an ended stream out of the count.
func (c *connection) settleWaits() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.cancellable {
		c.endWait(e)
		e.final = true
	}
	clear(c.cancellable)
}
