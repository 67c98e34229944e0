package client

import (
	"slices"

	"lockd/api"
)

// lost takes a loss that a node has pushed. What it does not tell, the next
// keepalive does.
func (c *Client) lost(l *api.StreamLoss) {
	c.mu.Lock()
	var robbed *session
	for s := range c.live {
		if s.id == l.Session {
			robbed = s
		}
	}
	c.mu.Unlock()
	switch {
	case robbed == nil:
	case l.Ended != "":
		robbed.end(ErrSessionEnded)
	default:
		robbed.deprive(l)
	}
}

// deprive ends the guards of the hold that was taken, and looks for others.
func (s *session) deprive(l *api.StreamLoss) {
	all := s.granted()
	i := slices.IndexFunc(all, func(h granted) bool { return l.Event != nil && h.takenBy(l.Event) })
	if i >= 0 {
		s.forfeit(all[i])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.suspect(l.Lost)
}

// takenBy says whether the change has taken the hold, as known here.
func (h granted) takenBy(e *api.Event) bool {
	if h.name != (holdName{run: e.RunID, key: e.Key != "", text: e.Key + e.Ref}) {
		return false
	}
	return e.Kind == api.EventBroken && h.token == e.Token || e.Kind == api.EventMoved && h.token < e.Token
}
