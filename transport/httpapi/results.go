package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"lockd/api"
	"lockd/gate"
)

// appendResult appends the answer to what a command came to, and returns its
// status.
func (s *Server) appendResult(b []byte, op *operation, r *gate.Result) ([]byte, int) {
	isKey := op.kind == gate.Key
	switch r.Code {
	case gate.Acquired, gate.Downgraded:
		if isKey {
			return appendKeyAcquired(b, r), http.StatusOK
		}
		return appendLockAcquired(b, r), http.StatusOK
	case gate.Released:
		if isKey {
			return appendKeyReleased(b, r), http.StatusOK
		}
		return appendLockReleased(b, r), http.StatusOK
	case gate.Broken:
		return appendValue(b, api.BrokenAnswer{Result: api.Broken, RunID: r.Run, Token: r.Grants[0].Token}), http.StatusOK
	case gate.SessionOpened:
		return appendValue(b, api.SessionOpened{
			ID: r.Session.String(), TTLMS: r.TTL.Milliseconds(), LockDelayMS: r.LockDelay.Milliseconds(),
			ExpiresInMS: r.TTL.Milliseconds(),
		}), http.StatusCreated
	case gate.SessionClosed, gate.RunReleased:
		return appendValue(b, api.ReleasedCount{Released: r.Count}), http.StatusOK
	}
	return appendProblem(b, s.refusal(op, r))
}

// appendValue appends the JSON of an answer's body.
func appendValue(b []byte, body any) []byte {
	buf := bytes.NewBuffer(b)
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		panic("httpapi: an answer does not encode: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// refusal returns the problem that says why the table refused a command.
func (s *Server) refusal(op *operation, r *gate.Result) *api.Problem {
	switch r.Code {
	case gate.Occupied:
		return s.occupied(op, r)
	case gate.NotHeld:
		return notHeld(op.kind, r)
	case gate.Deadlock:
		p := api.NewProblem(api.CodeDeadlock, "waiting would never end: "+strings.Join(r.Cycle, " waits for ")+"; release something first")
		p.Result, p.Cycle = api.Deadlock, r.Cycle
		return p
	case gate.AlreadyWaiting:
		return api.NewProblem(api.CodeAlreadyWaiting, fmt.Sprintf(
			"run %q waits for another acquire; send that one again to join it, release its names to withdraw it, or use another run_id", r.Run))
	case gate.LimitMismatch:
		p := api.NewProblem(api.CodeLimitMismatch, fmt.Sprintf("the key is in use with limit %d; send that one, or none", r.Limit))
		p.Limit = r.Limit
		return p
	case gate.StaleRequest:
		return api.NewProblem(api.CodeStaleRequest, "acked or done said that the answer to this seq was seen; use a new seq")
	case gate.SeqReused:
		return api.NewProblem(api.CodeSeqReused, "this seq was used with another body; send the same body again, or use a new seq")
	case gate.Overloaded:
		return api.NewProblem(api.CodeOverloaded, "a queue or quota of the lock table is full (queued requests, holds, sessions, or answers not yet acked); "+
			"nothing was changed, so say with acked which answers were seen, and try again after the time in Retry-After")
	case gate.SessionNotFound:
		return noSession()
	case gate.NotWeaker:
		return api.NewProblem(api.CodeInvalidRequest, fieldError("mode",
			"or scope asks for more than the run holds; a downgrade only weakens, so use acquire to strengthen").Error())
	}
	panic(fmt.Sprintf("httpapi: a command ended with code %d", r.Code))
}

// occupied tells who is in the way. Only a request that was queued has a
// session in its result.
func (s *Server) occupied(op *operation, r *gate.Result) *api.Problem {
	p := api.NewProblem(api.CodeOccupied, "")
	p.Result = api.Occupied
	table := picture{now: s.config.Clock()}
	if op.kind == gate.Key {
		p.Key, p.Holders, p.Waiting = keyOf(op.command), []api.Hold{}, new(uint32)
		if len(r.Conflicts) > 0 {
			p.HolderRunID = firstRun(r.Conflicts[0].Holders)
			p.Holders = table.holds(r.Conflicts[0].Holders)
			*p.Waiting = r.Conflicts[0].Waiting
		}
	} else {
		p.Conflicts = make([]api.Conflict, 0, len(r.Conflicts))
		for _, c := range r.Conflicts {
			p.Conflicts = append(p.Conflicts, api.Conflict{Ref: c.Name.Text, Holders: table.holds(c.Holders), Waiting: c.Waiting})
		}
	}
	queued := !r.Session.IsZero()
	if queued {
		p.WaitedMS = new(r.Waited.Milliseconds())
	}
	// A node that lost touch with the leader while the request waited does not know
	// for how long it did, nor whether it was granted before it left.
	p.Withdrawn = r.Withdrawn
	switch {
	case r.Withdrawn:
		p.Detail = "the request has left the queue: its names were released, or it was granted and lost before this node could tell; acquire again if that was not meant"
	case queued:
		p.Detail = "the wait is over and the request has left the queue; try again, with a longer wait"
	default:
		p.Detail = "another run holds it or is ahead in the queue; send wait, with a session or ttl, to queue for it, or try again later"
	}
	return p
}

// keyOf returns the key that an acquire or a release names.
func keyOf(cmd *gate.Command) string {
	if op, ok := cmd.Op.(*gate.Acquire); ok {
		return op.Wants[0].Name.Text
	}
	return ""
}

func notHeld(kind gate.Kind, r *gate.Result) *api.Problem {
	p := api.NewProblem(api.CodeNotHeld, "the run does not hold this, or not with this token; nothing was changed, so look who holds it before you go on")
	if r.Run == "" { // a break
		p.Detail = "no hold has this token any more; nothing was changed, so look who holds it now before you break that"
	}
	p.Result, p.AttemptingRunID = api.NotHeld, r.Run
	if kind == gate.Key {
		p.Key = r.Missing[0].Text
		return p
	}
	p.Refs = make([]string, 0, len(r.Missing))
	for _, n := range r.Missing {
		p.Refs = append(p.Refs, n.Text)
	}
	return p
}
