package gate

import (
	"slices"
	"time"
)

// enqueue puts an acquire that cannot be granted into the queue, or joins the
// request that it is a copy of.
func (t *Table) enqueue(a acquisition) Result {
	if waiting := t.request(a.Run); waiting != nil {
		if !slices.Equal(waiting.Wants, a.asked) || waiting.Limit != a.limit {
			return Result{Code: AlreadyWaiting, Run: a.Run, Request: waiting.Number}
		}
		return t.rejoin(a, waiting)
	}
	if t.byNumber.Len() >= MaxRequests || t.fullQueue(a.wants) || t.holders+len(a.wants) > MaxHolds {
		return Result{Code: Overloaded, Run: a.Run}
	}
	runs, decided := t.cycle(a.claim)
	switch {
	case !decided:
		return Result{Code: Overloaded, Run: a.Run}
	case runs != nil:
		return Result{Code: Deadlock, Run: a.Run, Cycle: runs}
	}
	if a.TTL > 0 && !t.adoptPrivate(&a) {
		return Result{Code: Overloaded, Run: a.Run}
	}
	r := &Request{
		Number: t.nextNumber(), Run: a.Run, Session: a.session.ID, Wants: a.asked, Limit: a.limit, Wait: a.Wait,
		At: t.now, Reason: a.Reason, Client: clientOf(a.Client, a.session), Joins: t.joins(nil, a),
	}
	t.putRequest(r)
	t.requestEvent(EventQueued, r)
	t.timer(RequestWait, r.Number, r.Wait)
	if t.runHolds.any(r.Run) { // or nobody points to it
		t.lookAround(r)
	}
	return t.queuedResult(r)
}

// lookAround is for a request that points to more than before, because it is
// new or its run holds more, or less of what it waits for: whoever it leads to
// may now lead back to itself through it.
func (t *Table) lookAround(r *Request) {
	for _, other := range t.reach(t.claimOf(r)) {
		t.lookAt(other)
	}
}

func (t *Table) fullQueue(wants []Want) bool {
	return slices.ContainsFunc(wants, func(w Want) bool { return tallyOf(t.queued, w.Name) >= MaxQueue })
}

func (t *Table) nextNumber() uint64 {
	t.counters.Number++
	return t.counters.Number
}

// joins adds the acquire's seq to those that a request answers.
func (t *Table) joins(list []Join, a acquisition) []Join {
	if a.seq == 0 {
		return list
	}
	return append(slices.Clone(list), Join{a.session.ID.Number, a.seq})
}

// rejoin answers a copy of the acquire that queued r. A copy from another live
// session takes the request over.
func (t *Table) rejoin(a acquisition, r *Request) Result {
	if len(r.Joins) >= MaxJoins && a.seq != 0 {
		return Result{Code: Overloaded, Run: a.Run}
	}
	if a.TTL > 0 && a.session == nil {
		if own := t.sessionByNumber(r.Session.Number); own.Private {
			a.session = own
		} else if !t.adoptPrivate(&a) {
			return Result{Code: Overloaded, Run: a.Run}
		}
	}
	moves := a.session != nil && a.session.ID != r.Session
	if moves || a.seq != 0 {
		old := r.Session
		next := *r
		next.Joins = t.joins(r.Joins, a)
		if moves {
			next.Session = a.session.ID
		}
		t.dropRequest(r)
		t.putRequest(&next)
		r = &next
		t.endIfIdle(old)
	}
	if x := t.sessionByNumber(r.Session.Number); x.Private {
		t.restart(x)
	}
	return t.queuedResult(r)
}

func (t *Table) queuedResult(r *Request) Result {
	result := Result{
		Code: Queued, Run: r.Run, Session: r.Session, At: r.At, Limit: r.Limit,
		Request: r.Number, Wait: r.Wait, Waited: t.since(r.At),
	}
	result.Position, result.Waiting = t.place(r)
	return result
}

// place returns a request's position, from 1, in the longest of the queues
// that it stands in, and that queue's length.
func (s *state) place(r *Request) (position, waiting uint32) {
	for _, w := range r.Wants {
		if p := s.ahead(w.Name, r.Number) + 1; p > position {
			position, waiting = p, tallyOf(s.queued, w.Name)
		}
	}
	return position, waiting
}

// since is how long ago a wall time was, for display.
func (t *Table) since(at Wall) time.Duration {
	return max(0, time.Duration(t.now-at)*time.Millisecond)
}

// grantRequest ends a request by its grant.
func (t *Table) grantRequest(r *Request) {
	t.dropRequest(r)
	x := t.sessionByNumber(r.Session.Number)
	c := t.claimOf(r)
	holds := t.grant(c, grantee{session: x, request: r.Number, reason: r.Reason, client: r.Client})
	if x.Private {
		t.restart(x)
	}
	var result Result
	t.acquired(c, holds, &result)
	result.Waited = t.since(r.At)
	t.settle(r, result)
}

// leave ends a request without a grant: code is Occupied when its wait is over
// or its names were released (withdrawn), SessionNotFound when its session
// ended. Commands of other, living sessions that joined it are told that it
// was withdrawn.
func (t *Table) leave(r *Request, code Code, withdrawn bool) {
	for _, w := range r.Wants {
		t.free(t.join(r.Run, w))
	}
	t.dropRequest(r)
	t.requestEvent(EventLeft, r)
	result := t.occupied(t.claimOf(r))
	result.Session, result.Waited = r.Session, t.since(r.At)
	result.Withdrawn = withdrawn || code == SessionNotFound
	t.settle(r, result)
	if code == SessionNotFound {
		last := len(t.out.Answers) - 1
		t.out.Answers[last].Result = Result{Code: code, Run: r.Run, Session: r.Session, Waited: result.Waited}
	}
	t.endIfIdle(r.Session)
}

// settle fixes the answer of everybody who waits for a request that ended.
func (t *Table) settle(r *Request, result Result) {
	t.timer(RequestWait, r.Number, 0)
	t.out.Answers = append(t.out.Answers, Answer{r.Number, result})
	for _, j := range r.Joins {
		t.settleSeq(j, r.Number, &result)
	}
}

func (t *Table) requestEvent(kind EventKind, r *Request) {
	for _, w := range r.Wants {
		t.event(Event{
			Kind: kind, Name: w.Name, Run: r.Run, Session: r.Session, Mode: w.Mode, Scope: w.Scope,
			Request: r.Number, Reason: r.Reason,
		})
	}
}
