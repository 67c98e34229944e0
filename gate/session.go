package gate

import "time"

func (t *Table) openSession(op *OpenSession) Result {
	x := t.newSession(op.Nonce, op.TTL, op.LockDelay, clientOf(op.Client, nil), false)
	if x == nil {
		return Result{Code: Overloaded}
	}
	return Result{Code: SessionOpened, Session: x.ID, TTL: x.TTL, LockDelay: x.LockDelay, At: x.At}
}

// newSession opens a session, or returns nil when there are too many.
func (t *Table) newSession(nonce uint64, ttl, lockDelay time.Duration, c *Client, private bool) *Session {
	if t.sessions.Len() >= MaxSessions {
		return nil
	}
	x := &Session{
		ID:  SessionID{Number: t.nextNumber(), Nonce: nonce},
		TTL: ttl, LockDelay: lockDelay, Client: c, Private: private, At: t.now,
	}
	t.putSession(x)
	t.out.Timers = append(t.out.Timers, x.timer())
	t.event(Event{Kind: EventSessionOpened, Session: x.ID})
	return x
}

// adoptPrivate gives an acquire with a TTL its session: the private one in
// which the run holds all the names already, else a new one. It returns false
// when there are too many sessions.
func (t *Table) adoptPrivate(a *acquisition) bool {
	if a.session = t.privateOf(a.Run, a.wants); a.session != nil {
		a.session = t.restart(a.session)
		return true
	}
	a.session = t.newSession(a.Nonce, a.TTL, 0, clientOf(a.Client, nil), true)
	return a.session != nil
}

// restart gives a private session its full TTL again.
func (t *Table) restart(x *Session) *Session {
	t.counters.Restart++
	next := *x
	next.Restart = t.counters.Restart
	t.putSession(&next)
	t.out.Timers = append(t.out.Timers, next.timer())
	return &next
}

// client is that of a session, which may be nil.
func (x *Session) client() *Client {
	if x == nil {
		return nil
	}
	return x.Client
}

func (x *Session) timer() Timer {
	return Timer{Kind: SessionTTL, ID: x.ID.Number, After: x.TTL, Restart: x.Restart}
}

// privateOf returns the one private session in which run holds all of wants'
// names, or nil.
func (t *Table) privateOf(run string, wants []Want) *Session {
	var id SessionID
	for i, w := range wants {
		own := t.own(run, w.Name)
		if own == nil || i > 0 && own.sessionID() != id {
			return nil
		}
		id = own.sessionID()
	}
	if x := t.session(id); x != nil && x.Private {
		return x
	}
	return nil
}

func (t *Table) closeSession(id SessionID) Result {
	x := t.session(id)
	if x == nil {
		return Result{Code: SessionNotFound, Session: id}
	}
	return Result{Code: SessionClosed, Session: id, Count: t.endSession(x, EndClosed)}
}

// endSession ends a session with its requests and holds, and returns the
// number of holds. The session goes first, so that nothing of it is found on
// the way.
func (t *Table) endSession(x *Session, end End) uint32 {
	number := x.ID.Number
	requests, holds := t.sessionRequestList(number), t.sessionHoldList(number)
	t.dropSession(x)
	t.dropBook(number)
	t.timer(SessionTTL, number, 0)
	for _, r := range requests {
		t.leave(r, SessionNotFound, false)
	}
	for _, h := range holds {
		t.endHold(h, end, x.LockDelay, nil)
	}
	kind := EventSessionClosed
	if end == EndExpired {
		kind = EventSessionEnded
	}
	t.event(Event{Kind: kind, Session: x.ID})
	return uint32(len(holds))
}

// endIfIdle ends a private session on which nothing hangs any more.
func (t *Table) endIfIdle(id SessionID) {
	if b := t.recent.book; id.IsZero() || b != nil && b.id == id && !b.private {
		return
	}
	if x := t.session(id); x != nil && x.Private && t.idle(id.Number) {
		t.endSession(x, EndClosed)
	}
}

// lose notes that a session lost a hold to another session of the same run.
func (t *Table) lose(id SessionID) {
	if x := t.session(id); x != nil {
		t.countLost(x)
		t.endIfIdle(id)
	}
}

func (t *Table) countLost(x *Session) {
	next := *x
	next.Lost++
	t.putSession(&next)
}

func (t *Table) startTerm(op *StartTerm) Result {
	t.counters.Term, t.counters.Leader, t.counters.ClientURL = op.Term, op.Leader, op.ClientURL
	t.event(Event{Kind: EventLeader, Term: op.Term, Leader: op.Leader, ClientURL: op.ClientURL})
	return Result{Code: TermStarted}
}

// expire carries out what a leader's timekeeper found to be over. What a
// leader of an older term found does not count (rule 8).
func (t *Table) expire(op *Expire) Result {
	result := Result{Code: Expired}
	if op.Term != t.counters.Term {
		return result
	}
	for _, number := range op.Sessions {
		if x := t.sessionByNumber(number); x != nil && x.Restart <= op.Seen {
			t.endSession(x, EndExpired)
			result.Count++
		}
	}
	for _, token := range op.Delays {
		if t.endDelay(token) {
			result.Count++
		}
	}
	// What became free goes to whoever waits for it, even if the wait is over by now:
	// nobody is refused without a holder in the way.
	t.wake()
	for _, number := range op.Requests {
		if r := t.numbered(number); r != nil {
			t.leave(r, Occupied, false)
			result.Count++
		}
	}
	return result
}
