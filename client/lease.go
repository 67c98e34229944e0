package client

import (
	"errors"
	"net/http"
	"time"

	"lockd/api"
)

// keep sends keepalives until the session ends: every third of the TTL, counted
// from the sending of the last acknowledged one.
func (s *session) keep() {
	var sent time.Duration
	beat := &call{
		method: http.MethodPost, path: "/v1/sessions/" + s.id + "/keepalive", repeat: true,
		timeout: max(s.ttl/4, minKeepaliveTime), patience: s.ttl / 10,
		begin: func() { sent = s.c.clock.Now() },
	}
	sent = s.c.clock.Now()
	for failures := 0; ; {
		wait := sent + s.ttl/3 - s.c.clock.Now()
		if failures > 0 {
			wait = min(backoff(failures), s.ttl/10)
		}
		if sleep(s.over, wait) != nil {
			return
		}
		kept, err := fetch[api.SessionKept](s.over, s.c, beat)
		switch {
		case err == nil:
			failures = 0
			s.renew(sent, kept.Lost)
		case errors.Is(err, ErrSessionNotFound):
			s.end(ErrSessionEnded)
			return
		default:
			failures++
			if s.over.Err() == nil {
				s.c.config.Logger.Warn("lockd: keepalive refused", "session", s.id, "error", err)
			}
		}
	}
}

// renew counts the lease from the sending of an acknowledged keepalive.
func (s *session) renew(sent time.Duration, lost uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = max(s.deadline, sent+s.ttl-s.margin)
	s.suspect(lost)
}

// suspect has the holds looked into if the server has taken some, up to that
// count, since they were last; s.mu is held.
func (s *session) suspect(lost uint64) {
	if lost > s.lost {
		s.lost = lost
		s.suspicions++
	}
	if s.suspicions > s.audited && !s.auditing {
		s.auditing = s.c.spawn(s.audit)
	}
}

// takenSoFar is how many holds the server has taken from the session, as told.
func (s *session) takenSoFar() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// doubt has the holds looked into if more were taken than those before: an audit
// in between did not know yet what was granted meanwhile.
func (s *session) doubt(before uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost > before {
		s.suspicions++
		s.suspect(s.lost)
	}
}

// left is how long the session can be relied on without another keepalive.
func (s *session) left() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deadline - s.c.clock.Now()
}

// watch ends the session when its lease is over. It looks at the clock more
// often than that, because a timer stands still while the machine is suspended.
func (s *session) watch() {
	tick := min(max(s.ttl/50, minLeaseTick), leaseTick)
	for s.alive() {
		if sleep(s.over, min(s.left(), tick)) != nil {
			return
		}
	}
}

// audit looks which holds the server has taken from the session, until there is no
// more reason to.
func (s *session) audit() {
	for again := true; again; {
		s.mu.Lock()
		suspicions := s.suspicions
		s.mu.Unlock()
		failed := false
		for _, h := range s.granted() {
			valid, err := s.confirm(h)
			if err != nil {
				failed = true // the next keepalive begins anew
				continue
			}
			if !valid {
				s.forfeit(h)
			}
		}
		s.mu.Lock()
		if !failed {
			s.audited = suspicions
		}
		again = !failed && s.suspicions > s.audited
		s.auditing = again
		s.mu.Unlock()
	}
}

// confirm asks whether the table still has the hold: with the token as known here,
// or with any if an acquire that was given up may have changed it.
func (s *session) confirm(h granted) (bool, error) {
	if h.unsettled {
		return s.confirmRun(h.name)
	}
	ask := api.Check{Token: h.token}
	if h.name.key {
		ask.Key = h.name.text
	} else {
		ask.Ref = h.name.text
	}
	body, err := marshal(ask)
	if err != nil {
		return false, err
	}
	checked, err := fetch[api.Checked](s.over, s.c, &call{
		method: http.MethodPost, path: "/v1/check", body: body, timeout: attemptTime, repeat: true,
	})
	if err != nil {
		return false, err
	}
	return checked.Valid, nil
}

// confirmRun asks whether the name's run holds it on this session.
func (s *session) confirmRun(n holdName) (bool, error) {
	state, err := s.c.RunGet(s.over, n.run)
	if err != nil {
		return false, err
	}
	for i := range state.Holds {
		held := &state.Holds[i]
		if held.Session == s.id && n == (holdName{run: n.run, key: held.Key != "", text: held.Key + held.Ref}) {
			return true, nil
		}
	}
	return false, nil
}
