package client

import (
	"context"
	"errors"

	"lockd/api"
)

// holdName is what a hold is: one name of one run.
type holdName struct {
	run  string
	key  bool
	text string
}

// A hold is what the table holds, or is being asked to hold, for one name of one
// run. Several guards of a run share one hold, because the table counts none of
// them; the last to go gives it back. The session's mutex guards it.
type hold struct {
	name holdName
	// token is zero until the table has granted the name.
	token uint64
	// users are the guards and the acquires under way; asking are the latter.
	users, asking int
	// unsettled: an acquire was given up before its end was known, so that the
	// table may hold the name, or hold it with a higher token than known.
	unsettled bool
	// leaving is set while the hold is being given back, and closed after.
	leaving chan struct{}
	// forfeited: the server has taken it. What acquires that were under way then
	// may get is another hold: the heir.
	forfeited bool
	heir      *hold
}

// present is the hold that an acquire under way is about.
func (h *hold) present() *hold {
	for h.heir != nil {
		h = h.heir
	}
	return h
}

// granted is a hold as the table knew it last.
type granted struct {
	hold  *hold
	name  holdName
	token uint64
	// unsettled is as in hold.
	unsettled bool
}

// enter counts one more user of each name, which must not be in the middle of
// being given back: a grant would then be undone by it.
func (s *session) enter(ctx context.Context, names []holdName) ([]*hold, error) {
	for {
		holds, leaving := s.tryEnter(names)
		if leaving == nil {
			return holds, nil
		}
		select {
		case <-leaving:
		case <-ctx.Done():
			return nil, &unansweredError{why: over(ctx)}
		}
	}
}

func (s *session) tryEnter(names []holdName) ([]*hold, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range names {
		if h := s.holds[n]; h != nil && h.leaving != nil {
			return nil, h.leaving
		}
	}
	holds := make([]*hold, len(names))
	for i, n := range names {
		holds[i] = s.use(n)
		holds[i].asking++
	}
	return holds, nil
}

// use counts one more user of a name. What is being given back is replaced: a name
// may turn out to be another spelling of one that nobody waited for.
func (s *session) use(n holdName) *hold {
	h := s.holds[n]
	if h == nil || h.leaving != nil {
		h = &hold{name: n}
		s.holds[n] = h
	}
	h.users++
	return h
}

// parting is how a hold loses a user.
type parting uint8

const (
	// released: a guard of it is.
	released parting = iota
	// refused: an acquire of it was.
	refused
	// uncertain: an acquire of it was given up, which the table may have granted or
	// may yet.
	uncertain
)

// leave counts one user less of each hold, and gives back at the server those
// that have none left. It waits for the server's answer or the session's end. It
// returns ErrTaken if one that was granted is not held any more.
func (s *session) leave(holds []*hold, how parting) error {
	gives, taken := s.unuse(holds, how)
	if len(gives) == 0 {
		return taken
	}
	err := errors.Join(taken, s.giveBack(gives))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range gives {
		s.forget(h)
		close(h.leaving)
	}
	return err
}

// forget drops a hold, unless another has taken its place.
func (s *session) forget(h *hold) {
	if s.holds[h.name] == h {
		delete(s.holds, h.name)
	}
}

// unuse returns the holds to be given back, and ErrTaken if the server has taken
// one.
func (s *session) unuse(holds []*hold, how parting) (gives []*hold, taken error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range holds {
		if how != released {
			h = h.present()
			h.asking--
		}
		h.users--
		h.unsettled = h.unsettled || how == uncertain
		switch {
		case h.forfeited:
			taken = ErrTaken
		case h.users > 0:
		case h.token == 0 && !h.unsettled:
			s.forget(h)
		default:
			h.leaving = make(chan struct{})
			gives = append(gives, h)
		}
	}
	return gives, taken
}

// giveBack releases holds that nobody else uses any more; all are of one run and
// one kind. It returns ErrTaken if one that was granted is not held any more.
func (s *session) giveBack(gives []*hold) error {
	err := s.release(gives)
	if !errors.Is(err, ErrNotHeld) {
		return err
	}
	if len(gives) == 1 {
		if gives[0].token == 0 {
			return nil // given up before it was granted
		}
		return errors.Join(ErrTaken, err)
	}
	// The server has released none because one is gone.
	err = nil
	for _, h := range gives {
		err = errors.Join(err, s.giveBack([]*hold{h}))
	}
	return err
}

// release asks for the release of all gives in one command.
func (s *session) release(gives []*hold) error {
	first := gives[0].name
	path, body := "/v1/locks/release", func(once api.Once) any {
		r := api.LockRelease{RunID: first.run, Session: s.id, Once: once}
		for _, h := range gives {
			r.Refs = append(r.Refs, api.LockGive{Ref: h.name.text, Token: h.expected()})
		}
		return r
	}
	if first.key {
		path, body = "/v1/keys/release", func(once api.Once) any {
			return api.KeyRelease{Key: first.text, RunID: first.run, Token: gives[0].expected(), Session: s.id, Once: once}
		}
	}
	_, err := s.command(context.Background(), path, attemptTime, body)
	return err
}

// expected is the token that a release names: it must not hit what another
// process has acquired for the same run since.
func (h *hold) expected() uint64 {
	if h.unsettled {
		return 0
	}
	return h.token
}

// granted lists the holds that the table has granted and that are not being
// given back.
func (s *session) granted() []granted {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []granted
	for _, h := range s.holds {
		if h.token != 0 && h.leaving == nil {
			all = append(all, granted{hold: h, name: h.name, token: h.token, unsettled: h.unsettled})
		}
	}
	return all
}

// forfeit ends the guards of a hold that the server has taken, unless the hold has
// got another token, or may have, or is being given back, since it was looked at.
func (s *session) forfeit(lost granted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := lost.hold
	if h.token != lost.token || h.leaving != nil || h.forfeited || h.unsettled != lost.unsettled {
		return
	}
	h.forfeited = true
	s.forget(h)
	s.bequeath(h)
	for g := range s.grips {
		if g.has(h) {
			g.cancel(ErrTaken)
		}
	}
}

// bequeath leaves the acquires under way, and what one that was given up may get
// yet, to another hold of the name; s.mu is held.
func (s *session) bequeath(h *hold) {
	if h.asking == 0 && !h.unsettled {
		return
	}
	h.heir = &hold{name: h.name, users: h.asking, asking: h.asking, unsettled: h.unsettled}
	h.users -= h.asking
	s.holds[h.name] = h.heir
	if h.asking == 0 { // nobody else would give it back
		h.heir.users, h.heir.asking = 1, 1
		s.users++
		s.withdraw([]*hold{h.heir})
	}
}
