package gate_test

import (
	"reflect"
	"slices"

	"lockd/gate"
)

func (m *model) acquire(session gate.SessionID, seq uint64, a *gate.Acquire) gate.Result {
	limit := a.Limit
	if name := a.Wants[0].Name; name.Kind == gate.Key {
		present, used := m.limitOf(name)
		switch {
		case used && limit != 0 && limit != present:
			return gate.Result{Code: gate.LimitMismatch, Run: a.Run, Limit: present}
		case used:
			limit = present
		case limit == 0:
			limit = 1
		}
	}
	if a.Resume != 0 {
		return m.resume(session, a, limit)
	}
	request := gate.Request{
		Run: a.Run, Session: session, Wants: a.Wants, Limit: limit, Wait: a.Wait, At: m.now,
		Reason: a.Reason, Client: &a.Client,
	}
	if m.grantable(a.Run, a.Wants, limit, last) {
		request.Session = m.sessionFor(session, a)
		m.sayClient(&request)
		return m.grant(request)
	}
	if a.Wait == 0 {
		return m.occupied(a.Run, a.Wants, limit, last)
	}
	if own, waits := m.waiting(a.Run); waits {
		if !reflect.DeepEqual(own.Wants, a.Wants) {
			return gate.Result{Code: gate.AlreadyWaiting, Run: a.Run, Request: own.Number}
		}
		return m.join(own, session, seq, a)
	}
	if cycle := m.cycle(a.Run, a.Wants, limit); cycle != nil {
		return gate.Result{Code: gate.Deadlock, Run: a.Run, Cycle: cycle}
	}
	request.Session = m.sessionFor(session, a)
	m.sayClient(&request)
	m.counters.Number++
	request.Number = m.counters.Number
	m.requests = append(m.requests, request)
	m.timer(gate.RequestWait, request.Number, request.Wait)
	for _, w := range a.Wants {
		m.event(gate.Event{
			Kind: gate.EventQueued, Name: w.Name, Run: a.Run, Session: request.Session,
			Mode: shownMode(w, limit), Scope: w.Scope, Request: request.Number, Reason: a.Reason,
		})
	}
	return m.queued(request.Number)
}

// sessionFor is where the acquire's holds or request go: the session it names,
// or, with a ttl, a private one, new unless the run has everything named in
// one private session already.
func (m *model) sessionFor(session gate.SessionID, a *gate.Acquire) gate.SessionID {
	if a.TTL == 0 {
		return session
	}
	if own, waits := m.waiting(a.Run); waits && a.Wait > 0 && reflect.DeepEqual(own.Wants, a.Wants) {
		if s := m.session(own.Session); s != nil && s.Private {
			return s.ID
		}
	}
	if s := m.privateOfAll(a); s != nil {
		m.restartPrivate(s.ID)
		return s.ID
	}
	return m.open(gate.Session{TTL: a.TTL, Client: &a.Client, Private: true}, a.Nonce).ID
}

// privateOfAll is the private session in which the run holds every name.
func (m *model) privateOfAll(a *gate.Acquire) *gate.Session {
	var one gate.SessionID
	for i, w := range a.Wants {
		h, ok := m.held(a.Run, w.Name)
		if !ok || i > 0 && h.Session != one {
			return nil
		}
		one = h.Session
	}
	if s := m.session(one); s != nil && s.Private {
		return s
	}
	return nil
}

// grant gives the request everything it wants (rules 3 and 4).
func (m *model) grant(r gate.Request) gate.Result {
	result := gate.Result{
		Code: gate.Acquired, Run: r.Run, Session: r.Session, Reentrant: true, Limit: r.Limit,
	}
	for _, w := range r.Wants {
		full := m.full(r.Run, w, r.Limit)
		h, has := m.held(r.Run, w.Name)
		stronger := !has || strength(h) != full
		moved := has && !r.Session.IsZero() && r.Session != h.Session
		if stronger {
			result.Reentrant = false
		}
		if stronger || moved {
			h = m.take(r, full, h, moved)
		}
		result.Grants, result.At = append(result.Grants, m.granted(h)), max(result.At, h.At)
		if len(result.Grants) == 1 {
			result.Session = h.Session
		}
	}
	if r.Number != 0 {
		m.restartPrivate(r.Session)
	}
	return result
}

// restartPrivate gives a private session its full TTL again.
func (m *model) restartPrivate(id gate.SessionID) {
	if s := m.session(id); s != nil && s.Private {
		m.counters.Restart++
		s.Restart = m.counters.Restart
		m.out.Timers = append(m.out.Timers, gate.Timer{Kind: gate.SessionTTL, ID: id.Number, After: s.TTL, Restart: s.Restart})
	}
}

// granted tells of a hold what its run is told.
func (m *model) granted(h gate.Hold) gate.Grant {
	g := gate.Grant{Name: h.Name, Mode: h.Mode, Scope: h.Scope, Token: h.Token}
	if e, known := m.lastEnding(h.Name); known && bad(e.End) {
		g.Previous = &e
	}
	return g
}

// take makes a hold with a new token, in place of the old one if there is one.
func (m *model) take(r gate.Request, full gate.Want, old gate.Hold, moved bool) gate.Hold {
	m.counters.Token++
	h := gate.Hold{
		Name: full.Name, Mode: full.Mode, Scope: full.Scope, Run: r.Run, Session: r.Session, Token: m.counters.Token,
		At: m.now, Reason: r.Reason, Client: r.Client, Limit: r.Limit, Request: r.Number,
	}
	if old.Token != 0 {
		m.removeHold(old)
		m.remember(old, gate.EndReplaced, nil)
		if strength(old) == full {
			h.At = old.At
		}
		if r.Session.IsZero() {
			h.Session = old.Session
		}
		if s := m.session(old.Session); moved && s != nil {
			s.Lost++
		}
	}
	kinds := []gate.EventKind{gate.EventAcquired}
	if moved {
		kinds = []gate.EventKind{gate.EventMoved}
		if strength(old) != full {
			kinds = []gate.EventKind{gate.EventMoved, gate.EventAcquired}
		}
	}
	m.putHold(h)
	for _, kind := range kinds {
		m.event(gate.Event{
			Kind: kind, Name: h.Name, Run: h.Run, Session: h.Session, Mode: h.Mode, Scope: h.Scope,
			Token: h.Token, Request: h.Request, Reason: h.Reason,
		})
	}
	return h
}

// join makes the acquire wait for the run's identical request, which moves to
// the acquire's session.
func (m *model) join(own gate.Request, session gate.SessionID, seq uint64, a *gate.Acquire) gate.Result {
	if seq != 0 && m.waitingFor(own.Number) >= gate.MaxJoins {
		return gate.Result{Code: gate.Overloaded, Run: a.Run}
	}
	own.Session = m.sessionFor(session, a)
	i := slices.IndexFunc(m.requests, func(r gate.Request) bool { return r.Number == own.Number })
	m.requests[i] = own
	m.restartPrivate(own.Session)
	return m.queued(own.Number)
}

// waitingFor counts the numbered commands that wait for a request.
func (m *model) waitingFor(request uint64) int {
	n := 0
	for _, b := range m.books {
		for _, k := range b.kept {
			if k.request == request && k.result == nil {
				n++
			}
		}
	}
	return n
}

// resume only tells what became of the request that an earlier copy queued.
// Names that the run held already when the request was granted, and whose tokens
// are lower therefore, need only be held still.
func (m *model) resume(session gate.SessionID, a *gate.Acquire, limit uint32) gate.Result {
	if own, waits := m.waiting(a.Run); waits && own.Number == a.Resume {
		return m.join(own, session, 0, a)
	}
	result := gate.Result{Code: gate.Acquired, Run: a.Run, Limit: limit}
	var granted, highest uint64
	for _, w := range a.Wants {
		h, ok := m.held(a.Run, w.Name)
		if !ok || strength(h) != m.full(a.Run, w, limit) {
			granted = 0
			break
		}
		if highest = max(highest, h.Token); h.Request == a.Resume {
			granted = max(granted, h.Token)
		}
		if result.Grants = append(result.Grants, m.granted(h)); len(result.Grants) == 1 {
			result.Session = h.Session
		}
		result.At = max(result.At, h.At)
	}
	if granted == 0 || highest > granted {
		result = m.occupied(a.Run, a.Wants, limit, last)
		result.Withdrawn = true
	}
	return result
}

// occupied refuses an acquire, saying who is in the way.
func (m *model) occupied(run string, wants []gate.Want, limit uint32, number uint64) gate.Result {
	return gate.Result{
		Code: gate.Occupied, Run: run, Conflicts: m.conflicts(run, wants, limit, number), Limit: limit,
	}
}

// queued tells where a request waits: its place at that of its names where it
// is worst, the first of those if there are several.
func (m *model) queued(number uint64) gate.Result {
	i := slices.IndexFunc(m.requests, func(r gate.Request) bool { return r.Number == number })
	r := m.requests[i]
	result := gate.Result{
		Code: gate.Queued, Run: r.Run, Session: r.Session, Request: number, At: r.At, Wait: r.Wait,
		Waited: m.since(r.At), Limit: r.Limit,
	}
	for _, w := range r.Wants {
		queue := m.queue(w.Name)
		place := slices.IndexFunc(queue, func(q gate.Request) bool { return q.Number == number })
		if position := uint32(place + 1); position > result.Position {
			result.Position, result.Waiting = position, uint32(len(queue))
		}
	}
	return result
}

// sayClient lets a request whose acquire says nothing of the client have its session's.
func (m *model) sayClient(r *gate.Request) {
	if s := m.session(r.Session); *r.Client == (gate.Client{}) && s != nil {
		r.Client = s.Client
	}
}
