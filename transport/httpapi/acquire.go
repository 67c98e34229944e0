package httpapi

import (
	"net/http"
	"time"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

func (s *Server) acquireKey(x *exchange) {
	var b api.KeyAcquire
	if !readBody(x, false, keyAcquireFields, &b) {
		return
	}
	name, err := keyName("key", b.Key)
	if err != nil {
		x.refuseError(err)
		return
	}
	x.acquire(gate.Key, asked{b.RunID, b.Session, b.Reason, b.TTL, b.Wait, b.Poll, b.Once}, []gate.Want{{Name: name}}, b.Limit)
}

func (s *Server) acquireLocks(x *exchange) {
	var b api.LockAcquire
	if !readBody(x, false, lockAcquireFields, &b) {
		return
	}
	wants, err := lockWants(&b)
	if err != nil {
		x.refuseError(err)
		return
	}
	x.acquire(gate.Reference, asked{b.RunID, b.Session, b.Reason, b.TTL, b.Wait, b.Poll, b.Once}, wants, 0)
}

// acquire carries out an acquire and answers it: at once, when its request
// ends, or with 202 when poll is over. Whatever becomes of the connection, the
// request stays queued (rule 9).
func (x *exchange) acquire(kind gate.Kind, a asked, wants []gate.Want, limit uint32) {
	cmd, poll, err := x.acquireCommand(a, wants, limit)
	if err != nil {
		x.refuseError(err)
		return
	}
	reply, ok := x.do(cmd)
	if !ok {
		return
	}
	if reply.Late == nil {
		x.result(kind, cmd, reply.Result)
		return
	}
	defer reply.Close()
	timer := time.NewTimer(poll - time.Since(x.begun))
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
		x.result(kind, cmd, late.Result)
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

// stillQueued answers 202 with the request's place as this node sees it now.
func (x *exchange) stillQueued(r *gate.Result) {
	waited := time.Duration(x.s.config.Clock().UnixMilli()-int64(r.At)) * time.Millisecond
	answer := api.QueuedAnswer{
		Result: api.Queued, Position: r.Position, Waiting: r.Waiting,
		WaitLeftMS: max(0, min(r.Wait, r.Wait-waited)).Milliseconds(), Session: r.Session.String(),
	}
	view, index, _, _ := x.s.node.Stale()
	if _, waiting := view.Run(r.Run); index >= x.index && waiting != nil && waiting.Number == r.Request {
		answer.Position, answer.Waiting = view.Place(waiting)
		x.index = index
	}
	x.answer(http.StatusAccepted, answer)
}
