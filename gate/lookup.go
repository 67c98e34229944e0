package gate

import "slices"

// recent is what was looked for last: a command asks for its session and book
// several times, and for the same ones as those before it. A View, which many may
// read at once, has none.
type recent struct {
	session *Session
	book    *book
	// books and histories are the newest versions of some of them, each where its
	// number or hash says.
	books     [recentRecords]*book
	histories [recentRecords]*history
}

// recentRecords is how many records of a kind are found without their tree.
const recentRecords = 4096

func (r *recent) see(x *Session) {
	if r != nil {
		r.session = x
	}
}

// own returns run's hold on n, or nil. Once there are many holds it looks at those
// on n, whose place every acquire and release needs anyway, unless these are many.
func (s *state) own(run string, n Name) *hold {
	if s.runHolds.old.Len() == 0 {
		return s.runHolds.get(run, n)
	}
	var own *hold
	others := 0
	s.holds[n.Kind].at(n.Text, func(h *hold) bool {
		if h.run() == run {
			own = h
			return false
		}
		others++
		return others < fewHolders
	})
	if others == fewHolders {
		return s.runHolds.get(run, n)
	}
	return own
}

// fewHolders is how many holds on a name are looked at in search of a run's.
const fewHolders = 8

// request returns the request that run waits for, or nil.
func (s *state) request(run string) *Request {
	if s.runRequests.Len() == 0 {
		return nil
	}
	r, _ := s.runRequests.Get(hashRun(run), run)
	return r
}

// numbered returns the waiting request with that number, or nil.
func (s *state) numbered(number uint64) *Request {
	r, _ := s.byNumber.Get(number, none{})
	return r
}

// session returns the live session with that id, or nil.
func (s *state) session(id SessionID) *Session {
	if r := s.recent; r != nil && r.book != nil && r.book.id == id {
		return r.book.session
	}
	x := s.sessionByNumber(id.Number)
	if x == nil || x.ID != id {
		return nil
	}
	return x
}

func (s *state) sessionByNumber(number uint64) *Session {
	if r := s.recent; r != nil && r.session != nil && r.session.ID.Number == number {
		return r.session
	}
	x, found := s.sessions.Get(number, none{})
	if found {
		s.recent.see(x)
	}
	return x
}

// idOf is the id of a hold's session, zero for none. Mostly that session is the one
// of the last book, and is not looked at.
func (s *state) idOf(h *hold) SessionID {
	if b := s.recent.book; b != nil && b.session == h.session {
		return b.id
	}
	return h.sessionID()
}

// clientHash is the hash of a hold's client.
func (s *state) clientHash(h *hold) uint64 {
	switch b := s.recent.book; {
	case h.rare != nil && h.rare.own:
		return hashClient(h.rare.client)
	case b != nil && b.session == h.session:
		return b.clientHash
	case h.session == nil:
		return hashClient(nil)
	}
	return h.session.clientHash
}

// sessionHoldList returns the session's holds, oldest grant first.
func (s *state) sessionHoldList(number uint64) []*hold { return ranked(s.sessionHolds, number) }

// sessionRequestList returns the session's requests, first come first.
func (s *state) sessionRequestList(number uint64) []*Request { return ranked(s.sessionWaits, number) }

// idle reports whether nothing hangs on the session.
func (s *state) idle(number uint64) bool {
	return !anyRanked(s.sessionHolds, number) && !anyRanked(s.sessionWaits, number)
}

// ranked returns the items of one rank, in order, of a tree by rank and number.
func ranked[T any](t *tree[uint64, T], rank uint64) (list []T) {
	t.Alike(rank, 0, func(item T) bool {
		list = append(list, item)
		return true
	})
	return list
}

// anyRanked reports whether the tree has an item of that rank.
func anyRanked[T any](t *tree[uint64, T], rank uint64) (any bool) {
	t.Alike(rank, 0, func(T) bool {
		any = true
		return false
	})
	return any
}

// keyLimit returns the limit that a key has at present; zero when it is unused.
func (s *state) keyLimit(n Name) uint32 {
	limit, _ := s.keyUse(n)
	return limit
}

// keyUse returns a key's limit, as keyLimit does, and whether it is held.
func (s *state) keyUse(n Name) (limit uint32, held bool) {
	if h, found := s.holds[Key].any(n.Text); found {
		return uint32(h.limit), true
	}
	if x, found := s.requests[Key].any(n.Text); found {
		return x.item.Limit, false
	}
	return 0, false
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

// ahead counts the requests at n before number.
func (s *state) ahead(n Name, number uint64) uint32 {
	var count uint32
	s.requests[n.Kind].at(n.Text, func(x slot) bool {
		if x.item.Number < number {
			count++
		}
		return true
	})
	return count
}
