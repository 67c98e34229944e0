package httpapi

import (
	"net/http"
	"time"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

func acquireKey(r *request) (operation, error) {
	b := &r.work.keyAcquire
	*b = api.KeyAcquire{}
	if err := readBody(r, false, keyAcquireFields, b); err != nil {
		return operation{}, err
	}
	name, err := keyName("key", b.Key)
	if err != nil {
		return operation{}, err
	}
	a := &acquiring{want: [1]gate.Want{{Name: name}}}
	a.op.Wants, a.op.Limit = a.want[:], b.Limit
	return r.acquire(gate.Key, asked{b.RunID, b.Session, b.Reason, b.TTL, b.Wait, b.Poll, b.Once}, a)
}

func acquireLocks(r *request) (operation, error) {
	b := &r.work.lockAcquire
	*b = api.LockAcquire{}
	if err := readBody(r, false, lockAcquireFields, b); err != nil {
		return operation{}, err
	}
	a := new(acquiring)
	wants, err := lockWants(b, a.want[:0])
	if err != nil {
		return operation{}, err
	}
	a.op.Wants = wants
	return r.acquire(gate.Reference, asked{b.RunID, b.Session, b.Reason, b.TTL, b.Wait, b.Poll, b.Once}, a)
}

// acquiring is the command of an acquire with its parts, of which most have one
// name: one allocation.
type acquiring struct {
	command gate.Command
	op      gate.Acquire
	want    [1]gate.Want
}

// releasing is the same for a release.
type releasing struct {
	command gate.Command
	op      gate.Release
	give    [1]gate.Give
}

// release returns the operation of a release whose names are there.
func (r *releasing) release(kind gate.Kind, run, session string, once *api.Once) (operation, error) {
	r.op.Run = run
	r.command.Op = &r.op
	return operation{command: &r.command, kind: kind}, within(session, once, &r.command)
}

// acquire returns the operation of an acquire whose names are there.
func (r *request) acquire(kind gate.Kind, b asked, a *acquiring) (operation, error) {
	err := r.complete(a, &b)
	poll := api.DefaultPoll
	if b.poll != nil {
		poll = time.Duration(*b.poll)
	}
	return operation{command: &a.command, kind: kind, poll: poll}, err
}

// carryOut carries an operation out and answers it.
func (x *exchange) carryOut(op *operation) {
	switch {
	case op.command != nil:
		x.command(op)
	case op.keep != nil:
		x.keepAlive(op.keep)
	case op.stale:
		x.askHere(op.query)
	default:
		x.askLeader(op.query)
	}
}

// command carries out a command and answers it: at once, or, if its request is
// queued, when that ends, or with 202 when poll is over. Whatever becomes of the
// connection, the request stays queued (rule 9).
func (x *exchange) command(op *operation) {
	reply, ok := x.do(op.command)
	if !ok {
		return
	}
	if reply.Late == nil {
		x.result(op, reply.Result)
		return
	}
	defer reply.Close()
	timer := time.NewTimer(op.poll - time.Since(x.begun))
	defer timer.Stop()
	x.s.meters.waiting.Inc()
	defer x.s.meters.waiting.Dec()
	select {
	case late := <-reply.Late:
		if late.Err != nil {
			x.stillQueued(reply.Result)
			return
		}
		x.index = late.Index
		x.result(op, late.Result)
	case <-timer.C:
		x.stillQueued(reply.Result)
	case <-x.s.draining.Done():
		x.stillQueued(reply.Result)
	case <-x.r.Context().Done():
	}
}

// do has the node carry out cmd; false means that the failure was answered. The
// node bounds the time. The context is that of the wait, too: the node answers
// for the request as long as the client is there.
func (x *exchange) do(cmd *gate.Command) (*cluster.Reply, bool) {
	reply, err := x.s.node.Do(x.r.Context(), cmd)
	if err != nil {
		x.refuse(nodeProblem(err, cmd))
		return nil, false
	}
	x.index = reply.Index
	return reply, true
}

// result answers with what a command came to.
func (x *exchange) result(op *operation, r *gate.Result) {
	x.send(x.s.appendResult(x.buffer().AvailableBuffer(), op, r))
}

func (x *exchange) stillQueued(r *gate.Result) {
	answer, index := x.s.queued(r, x.index)
	x.index = index
	x.answer(http.StatusAccepted, answer)
}

// queued is the request's place as this node sees it now, at the index returned.
// The request was queued at that given.
func (s *Server) queued(r *gate.Result, at uint64) (api.QueuedAnswer, uint64) {
	waited := time.Duration(s.config.Clock().UnixMilli()-int64(r.At)) * time.Millisecond
	answer := api.QueuedAnswer{
		Result: api.Queued, Position: r.Position, Waiting: r.Waiting,
		WaitLeftMS: max(0, min(r.Wait, r.Wait-waited)).Milliseconds(), Session: r.Session.String(),
	}
	view, index, _, _ := s.node.Stale()
	if _, waiting := view.Run(r.Run); index >= at && waiting != nil && waiting.Number == r.Request {
		answer.Position, answer.Waiting = view.Place(waiting)
		at = index
	}
	return answer, at
}
