package gate_test

import (
	"slices"

	"lockd/gate"
)

// release gives back all of the names or none, and withdraws the run's request
// if it wants one of them.
func (m *model) release(op *gate.Release) gate.Result {
	own, waits := m.waiting(op.Run)
	withdraw := false
	var missing []gate.Name
	var given []gate.Hold
	result := gate.Result{Code: gate.Released, Run: op.Run}
	for _, give := range op.Gives {
		h, has := m.held(op.Run, give.Name)
		wanted := waits && slices.ContainsFunc(own.Wants, func(w gate.Want) bool { return w.Name == give.Name })
		switch {
		case has && (give.Token == 0 || give.Token == h.Token):
			given = append(given, h)
			withdraw = withdraw || wanted
			result.Grants = append(result.Grants, gate.Grant{Name: h.Name, Mode: h.Mode, Scope: h.Scope, Token: h.Token})
		case !has && wanted && give.Token == 0:
			withdraw = true
			result.Grants = append(result.Grants, gate.Grant{Name: give.Name})
		default:
			missing = append(missing, give.Name)
		}
	}
	if len(missing) > 0 {
		return gate.Result{Code: gate.NotHeld, Run: op.Run, Missing: missing}
	}
	for i, h := range given {
		if slices.ContainsFunc(given[:i], func(x gate.Hold) bool { return x.Token == h.Token }) {
			continue // named twice
		}
		m.endHold(h, gate.EndReleased, nil)
	}
	if withdraw {
		m.withdraw(own)
	}
	return result
}

// releaseRun gives the holds back in the order of their names.
func (m *model) releaseRun(run string) gate.Result {
	result := gate.Result{Code: gate.RunReleased, Run: run}
	for _, h := range slices.SortedFunc(slices.Values(m.holds), byName) {
		if h.Run == run {
			m.endHold(h, gate.EndReleased, nil)
			result.Count++
		}
	}
	if own, waits := m.waiting(run); waits {
		m.withdraw(own)
	}
	return result
}

func (m *model) downgrade(op *gate.Downgrade) gate.Result {
	h, has := m.held(op.Run, op.Name)
	if !has || op.Token != 0 && op.Token != h.Token {
		return gate.Result{Code: gate.NotHeld, Run: op.Run, Missing: []gate.Name{op.Name}}
	}
	mode, scope := op.Mode, op.Scope
	if op.KeepMode {
		mode = h.Mode
	}
	if op.KeepScope {
		scope = h.Scope
	}
	if h.Mode == gate.Shared && mode == gate.Exclusive || h.Scope == gate.Node && scope == gate.Tree {
		return gate.Result{Code: gate.NotWeaker, Run: op.Run}
	}
	if h.Mode != mode || h.Scope != scope {
		h.Mode, h.Scope = mode, scope
		m.putHold(h)
		m.event(gate.Event{
			Kind: gate.EventAcquired, Name: h.Name, Run: h.Run, Session: h.Session,
			Mode: h.Mode, Scope: h.Scope, Token: h.Token, Request: h.Request, Reason: h.Reason,
		})
	}
	return gate.Result{
		Code: gate.Downgraded, Run: op.Run, Session: h.Session, At: h.At, Limit: h.Limit,
		Grants: []gate.Grant{m.granted(h)},
	}
}

func (m *model) breakHold(op *gate.Break) gate.Result {
	for _, h := range m.holds {
		// A lock delay is not broken: a break sent twice would end the delay
		// that the first one left behind.
		if h.Name != op.Name || h.Token != op.Token || h.Run == "" {
			continue
		}
		if s := m.session(h.Session); s != nil {
			s.Lost++
		}
		m.endHold(h, gate.EndBroken, &gate.Breaker{Reason: op.Reason, Actor: op.Actor, Client: op.Client})
		return gate.Result{
			Code: gate.Broken, Run: h.Run, Session: h.Session,
			Grants: []gate.Grant{{Name: h.Name, Mode: h.Mode, Scope: h.Scope, Token: h.Token}},
		}
	}
	return gate.Result{Code: gate.NotHeld, Missing: []gate.Name{op.Name}}
}

var endEvents = map[gate.End]gate.EventKind{
	gate.EndReleased: gate.EventReleased, gate.EndClosed: gate.EventReleased,
	gate.EndExpired: gate.EventExpired, gate.EndBroken: gate.EventBroken,
}

// endHold ends a hold, remembers how it ended, and keeps the name closed for the session's lock delay (rule 10).
func (m *model) endHold(h gate.Hold, end gate.End, by *gate.Breaker) {
	var s gate.Session
	if found := m.session(h.Session); found != nil {
		s = *found
	}
	m.removeHold(h)
	ended := gate.Event{
		Kind: endEvents[end], Name: h.Name, Run: h.Run, Session: h.Session, Mode: h.Mode, Scope: h.Scope,
		Token: h.Token, Request: h.Request,
	}
	switch {
	case by != nil:
		ended.Reason, ended.Actor = by.Reason, by.Actor
	case h.Run == "":
		ended.Reason = h.Reason
	}
	m.event(ended)
	if h.Run == "" {
		m.timer(gate.LockDelay, h.Token, 0)
		return
	}
	m.remember(h, end, by)
	if bad(end) && s.LockDelay > 0 && (h.Mode == gate.Exclusive || h.Name.Kind == gate.Key) {
		h.Run, h.Session, h.Ended, h.Delay = "", gate.SessionID{}, end, s.LockDelay
		h.Client, h.Request = nil, 0
		m.putHold(h)
		m.timer(gate.LockDelay, h.Token, h.Delay)
	}
}

// withdraw ends a request whose names were released.
func (m *model) withdraw(r gate.Request) {
	m.leave(r)
	over := m.over(r)
	over.Withdrawn = true
	m.answer(r, over)
}

// over is the late answer of a request that was not granted.
func (m *model) over(r gate.Request) gate.Result {
	result := m.occupied(r.Run, r.Wants, r.Limit, r.Number)
	result.Session, result.Waited = r.Session, m.since(r.At)
	return result
}

// leave takes a request out of the queue.
func (m *model) leave(r gate.Request) {
	m.requests = slices.DeleteFunc(m.requests, func(x gate.Request) bool { return x.Number == r.Number })
	for _, w := range r.Wants {
		m.event(gate.Event{
			Kind: gate.EventLeft, Name: w.Name, Run: r.Run, Session: r.Session,
			Mode: shownMode(w, r.Limit), Scope: w.Scope, Request: r.Number, Reason: r.Reason,
		})
	}
}

// endSession ends a session with its holds and requests; it returns how many
// holds. They end in the order in which they were granted.
func (m *model) endSession(s gate.Session, end gate.End) uint32 {
	for _, r := range slices.Clone(m.requests) {
		if r.Session == s.ID {
			m.leave(r)
			m.answer(r, gate.Result{Code: gate.SessionNotFound, Run: r.Run, Session: r.Session, Waited: m.since(r.At)})
		}
	}
	n := uint32(0)
	for _, h := range slices.Clone(m.holds) {
		if h.Session == s.ID {
			m.endHold(h, end, nil)
			n++
		}
	}
	m.sessions = slices.DeleteFunc(m.sessions, func(x gate.Session) bool { return x.ID == s.ID })
	delete(m.books, s.ID.Number)
	m.timer(gate.SessionTTL, s.ID.Number, 0)
	kind := gate.EventSessionClosed
	if end == gate.EndExpired {
		kind = gate.EventSessionEnded
	}
	m.event(gate.Event{Kind: kind, Session: s.ID})
	return n
}

// expire ends what the timekeeper of the present term found to be over.
func (m *model) expire(op *gate.Expire) gate.Result {
	result := gate.Result{Code: gate.Expired}
	if op.Term != m.counters.Term {
		return result
	}
	for _, number := range op.Sessions {
		for _, s := range slices.Clone(m.sessions) {
			if s.ID.Number == number && s.Restart <= op.Seen {
				m.endSession(s, gate.EndExpired)
				result.Count++
			}
		}
	}
	for _, token := range op.Delays {
		for _, h := range slices.Clone(m.holds) {
			if h.Token == token && h.Run == "" {
				m.endHold(h, gate.EndReleased, nil)
				result.Count++
			}
		}
	}
	m.settle()
	for _, number := range op.Requests {
		for _, r := range slices.Clone(m.requests) {
			if r.Number == number {
				m.leave(r)
				m.answer(r, m.over(r))
				result.Count++
			}
		}
	}
	return result
}
