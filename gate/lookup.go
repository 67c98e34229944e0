package gate

import "slices"

// probe is what a search in a tree of records looks for. The table has one of
// its own, so that its searches need no memory; a View, which many may read at
// once, has none.
type probe struct {
	hold    Hold
	request Request
	session Session
	ledger  Ledger
	answer  SeqAnswer
}

// each returns part, the part of a probe to search with, or a new one if there
// is no probe.
func each[T any](p *probe, part func(*probe) *T) *T {
	if p == nil {
		return new(T)
	}
	return part(p)
}

func (p *probe) forHold() *Hold       { return each(p, func(p *probe) *Hold { return &p.hold }) }
func (p *probe) forRequest() *Request { return each(p, func(p *probe) *Request { return &p.request }) }
func (p *probe) forSession() *Session { return each(p, func(p *probe) *Session { return &p.session }) }
func (p *probe) forLedger() *Ledger   { return each(p, func(p *probe) *Ledger { return &p.ledger }) }
func (p *probe) forAnswer() *SeqAnswer {
	return each(p, func(p *probe) *SeqAnswer { return &p.answer })
}

// own returns run's hold on n, or nil.
func (s *state) own(run string, n Name) *Hold {
	if s.runHolds.Len() == 0 {
		return nil
	}
	p := s.probe.forHold()
	p.Run, p.Name = run, n
	found, _ := s.runHolds.Get(runHold{hashRun(run), p})
	return found.hold
}

// holdsAny reports whether run holds anything.
func (s *state) holdsAny(run string) bool {
	any := false
	s.eachHold(run, func(*Hold) bool {
		any = true
		return false
	})
	return any
}

// eachHold calls yield for run's holds by name until it returns false.
func (s *state) eachHold(run string, yield func(*Hold) bool) {
	hash, first := hashRun(run), s.probe.forHold()
	first.Run, first.Name = run, Name{} // before every hold of the run
	s.runHolds.Ascend(runHold{hash, first}, func(x runHold) bool {
		return x.hash == hash && x.hold.Run == run && yield(x.hold)
	})
}

// request returns the request that run waits for, or nil.
func (s *state) request(run string) *Request {
	if s.runRequests.Len() == 0 {
		return nil
	}
	p := s.probe.forRequest()
	p.Run = run
	r, _ := s.runRequests.Get(p)
	return r
}

// numbered returns the waiting request with that number, or nil.
func (s *state) numbered(number uint64) *Request {
	if s.byNumber.Len() == 0 {
		return nil
	}
	p := s.probe.forRequest()
	p.Number = number
	r, _ := s.byNumber.Get(p)
	return r
}

// session returns the live session with that id, or nil.
func (s *state) session(id SessionID) *Session {
	x := s.sessionByNumber(id.Number)
	if x == nil || x.ID != id {
		return nil
	}
	return x
}

func (s *state) sessionByNumber(number uint64) *Session {
	p := s.probe.forSession()
	p.ID.Number = number
	x, _ := s.sessions.Get(p)
	return x
}

// sessionHoldList returns the session's holds, oldest grant first.
func (s *state) sessionHoldList(number uint64) []*Hold {
	return ownedList(s.sessionHolds.Ascend, number)
}

// sessionRequestList returns the session's requests, first come first.
func (s *state) sessionRequestList(number uint64) []*Request {
	return ownedList(s.sessionWaits.Ascend, number)
}

func ownedList[T any](ascend func(owned[T], func(owned[T]) bool), number uint64) (list []T) {
	ascend(owned[T]{session: number}, func(x owned[T]) bool {
		if x.session != number {
			return false
		}
		list = append(list, x.item)
		return true
	})
	return list
}

// idle reports whether nothing hangs on the session.
func (s *state) idle(number uint64) bool {
	idle := true
	s.sessionHolds.Ascend(owned[*Hold]{session: number}, func(x owned[*Hold]) bool {
		idle = x.session != number
		return false
	})
	if !idle {
		return false
	}
	s.sessionWaits.Ascend(owned[*Request]{session: number}, func(x owned[*Request]) bool {
		idle = x.session != number
		return false
	})
	return idle
}

// keyLimit returns the limit that a key has at present; zero when it is unused.
func (s *state) keyLimit(n Name) uint32 {
	if h, found := s.holds[Key].any(n.Text); found {
		return h.Limit
	}
	if r, found := s.requests[Key].any(n.Text); found {
		return r.Limit
	}
	return 0
}

// join returns the weakest strength that is at least w and the hold's own:
// acquiring never weakens a hold (rule 3).
func (h *Hold) join(w Want) Want {
	return Want{Name: w.Name, Mode: min(w.Mode, h.Mode), Scope: max(w.Scope, h.Scope)}
}

// join is w joined with what run holds on its name.
func (s *state) join(run string, w Want) Want {
	if own := s.own(run, w.Name); own != nil {
		return own.join(w)
	}
	return w
}

// want returns what the request asks of n, if it names it.
func (r *Request) want(n Name) (w Want, named bool) {
	i := slices.IndexFunc(r.Wants, func(w Want) bool { return w.Name == n })
	if i < 0 {
		return Want{}, false
	}
	return r.Wants[i], true
}

// names reports whether the request wants n.
func (r *Request) names(n Name) bool {
	_, named := r.want(n)
	return named
}

// covers reports whether a hold is at least as strong as w on w's name.
func (h *Hold) covers(w Want) bool { return h.Mode <= w.Mode && h.Scope >= w.Scope }

// ahead counts the requests at n before number.
func (s *state) ahead(n Name, number uint64) uint32 {
	var count uint32
	s.requests[n.Kind].at(n.Text, func(x slot[*Request]) bool {
		if x.item.Number < number {
			count++
		}
		return true
	})
	return count
}
