package gate

import (
	"cmp"
	"slices"
)

// MergeWants returns wants sorted by name, with equal names merged to the
// strongest mode and scope asked for (rule 4). It reorders the slice in place.
func MergeWants(wants []Want) []Want {
	slices.SortStableFunc(wants, func(a, b Want) int { return cmp.Compare(a.Name.Text, b.Name.Text) })
	merged := wants[:0]
	for _, w := range wants {
		if last := len(merged) - 1; last >= 0 && merged[last].Name == w.Name {
			merged[last].Mode = min(merged[last].Mode, w.Mode)
			merged[last].Scope = max(merged[last].Scope, w.Scope)
			continue
		}
		merged = append(merged, w)
	}
	return merged
}

// acquisition is one acquire while it is being decided.
type acquisition struct {
	*Acquire
	claim
	// asked are the wants as asked for, a key's with the mode of its limit.
	asked []Want
	// session is the session that the acquire names; nil for none, or for one
	// that is still to be opened.
	session *Session
	seq     uint64
}

func (t *Table) acquire(cmd *Command, op *Acquire, r *Result) {
	a, present := t.consider(cmd, op, t.owns)
	t.owns = a.owns
	switch {
	case present != 0:
		*r = Result{Code: LimitMismatch, Run: op.Run, Limit: present}
	case op.Resume != 0:
		*r = t.resume(a)
	case a.held() || t.grantable(a.claim):
		t.take(a, r)
	case op.Wait == 0 || a.session == nil && op.TTL == 0:
		*r = t.occupied(a.claim)
	default:
		*r = t.enqueue(a)
	}
}

// consider looks up what decides an acquire. present is zero, or the limit of the
// key that differs from the one asked for; room is the claim's.
func (s *state) consider(cmd *Command, op *Acquire, room []*hold) (a acquisition, present uint32) {
	wants, limit, unheld := op.Wants, op.Limit, false
	if wants[0].Name.Kind == Key {
		now, held := s.keyUse(wants[0].Name)
		if now != 0 && limit != 0 && now != limit {
			return a, now
		}
		limit = max(now, limit, 1)
		wants = wants[:1]
		if want := (Want{Name: wants[0].Name, Mode: keyMode(limit)}); want != wants[0] {
			wants = []Want{want}
		}
		unheld = !held
	}
	a = acquisition{Acquire: op, asked: wants, seq: cmd.Seq}
	if unheld {
		a.claim = claim{run: op.Run, number: newest, wants: wants, owns: append(room[:0], nil), limit: limit, unheld: true}
	} else {
		a.claim = s.claim(op.Run, newest, wants, limit, room)
	}
	if !cmd.Session.IsZero() {
		a.session = s.session(cmd.Session)
	}
	return a, 0
}

// IsTry reports whether the command is an acquire that does not wait, and leaves
// no trace if it is refused.
func (c *Command) IsTry() bool {
	op, ok := c.Op.(*Acquire)
	return ok && op.Wait == 0 && op.Resume == 0 && c.Seq == 0 && c.Acked == 0 && len(c.Done) == 0
}

// Refusal returns Apply's answer to a try if that is Occupied; refused is false
// otherwise. It panics on a command that is no try.
func (v *View) Refusal(cmd *Command) (answer Result, refused bool) {
	if !cmd.IsTry() {
		panic("gate: Refusal of a command that is no try")
	}
	s := &v.state
	if !cmd.Session.IsZero() && s.session(cmd.Session) == nil {
		return Result{}, false
	}
	a, present := s.consider(cmd, cmd.Op.(*Acquire), nil)
	if present != 0 || a.held() || s.grantable(a.claim) {
		return Result{}, false
	}
	return s.occupied(a.claim), true
}

// keyMode makes a semaphore's holders overlap each other.
func keyMode(limit uint32) Mode {
	if limit > 1 {
		return Shared
	}
	return Exclusive
}

// resume answers a copy of an acquire that is known to have been queued: it
// reports what became of the request and takes nothing.
func (t *Table) resume(a acquisition) Result {
	if r := t.numbered(a.Resume); r != nil && r.Run == a.Run {
		return t.rejoin(a, r)
	}
	if a.held() && grantedBy(a.owns, a.Resume) {
		var r Result
		t.acquired(a.claim, a.owns, &r)
		return r
	}
	result := t.occupied(a.claim)
	result.Withdrawn = true
	return result
}

// grantedBy reports whether the holds are as a request's grant left them: one
// is its, and none has a later token.
func grantedBy(holds []*hold, request uint64) bool {
	var granted, highest uint64
	for _, h := range holds {
		highest = max(highest, h.token)
		if h.request() == request {
			granted = max(granted, h.token)
		}
	}
	return granted != 0 && granted == highest
}

// take grants an acquire that need not wait.
func (t *Table) take(a acquisition, r *Result) {
	if missing := a.missing(); missing > 0 && t.holders+missing > MaxHolds || a.TTL > 0 && !t.adoptPrivate(&a) {
		r.Code, r.Run = Overloaded, a.Run
		return
	}
	g := grantee{session: a.session, reason: a.Reason, ofSession: a.session != nil && a.Client == (Client{})}
	if !g.ofSession {
		g.client = clientOf(a.Client, nil)
	}
	holds := t.grant(a.claim, g)
	t.acquired(a.claim, holds, r)
	r.Reentrant = a.held()
	if len(holds) == 1 {
		t.only = holds[0]
	}
	if waiting := t.request(a.Run); waiting != nil {
		t.lookAround(waiting)
	}
}

// acquired describes in r the holds that a claim was granted.
func (t *Table) acquired(c claim, holds []*hold, r *Result) {
	r.Code, r.Run, r.Limit = Acquired, c.run, c.limit
	t.describe(r, holds)
}

func (t *Table) describe(r *Result, holds []*hold) {
	r.Session = t.idOf(holds[0])
	r.Grants = t.grants(len(holds))
	for _, h := range holds {
		r.At = max(r.At, h.at)
		r.Grants = append(r.Grants, Grant{
			Name: h.name(), Mode: h.mode(), Scope: h.scope(), Token: h.token, Previous: t.previous(h.name()),
		})
	}
}

// grantee is what is noted with a hold.
type grantee struct {
	session *Session
	request uint64
	reason  string
	client  *Client
	// ofSession says that the client is the session's, which is not looked at then.
	ofSession bool
}

// note notes what few holds have, once the session is known.
func (g *grantee) note(h *hold) {
	switch {
	case !g.ofSession:
		h.setRare(g.request, g.client)
	case g.request != 0:
		h.rare = &rarely{request: g.request}
	}
}

// grant gives a run all that it claims and returns the holds, in memory that the
// next grant takes again.
func (t *Table) grant(c claim, g grantee) []*hold {
	t.granted = t.granted[:0]
	for i, w := range c.wants {
		if own := c.owns[i]; own != nil {
			t.granted = append(t.granted, t.regrant(own, w, g))
			continue
		}
		h := newHold(w, c.run, g.reason, c.limit)
		h.token, h.at, h.session = t.nextToken(), t.now, g.session
		g.note(h)
		t.putHold(h)
		t.holdEvent(EventAcquired, h, h.reason(), "")
		t.granted = append(t.granted, h)
	}
	return t.granted
}

// regrant strengthens or moves a hold that the run has, with a new token, or
// leaves it as it is (rule 3).
func (t *Table) regrant(own *hold, w Want, g grantee) *hold {
	stronger := own.strength() != w
	moves := g.session != nil && g.session.ID != t.idOf(own)
	if !stronger && !moves {
		return own
	}
	h := newHold(w, own.run(), g.reason, uint32(own.limit))
	h.token, h.at, h.session = t.nextToken(), own.at, own.session
	if stronger {
		h.at = t.now
	}
	if moves {
		h.session = g.session
	}
	g.note(h)
	t.dropHold(own)
	t.remember(own, EndReplaced, nil)
	t.putHold(h)
	if moves {
		t.holdEvent(EventMoved, h, h.reason(), "")
		t.lose(t.idOf(own))
	}
	if stronger {
		t.holdEvent(EventAcquired, h, h.reason(), "")
	}
	return h
}

func (t *Table) nextToken() uint64 {
	t.counters.Token++
	if t.counters.Token >= MaxToken {
		panic("gate: the token counter has reached 2^53")
	}
	return t.counters.Token
}

// occupied says who is in the way of a claim that was refused: up to MaxListed
// holds, and one more for each name that these leave none for.
func (s *state) occupied(c claim) Result {
	r := Result{Code: Occupied, Run: c.run, Limit: c.limit}
	left := MaxListed
	for i, w := range c.wants {
		if c.has(i) {
			continue
		}
		x := Conflict{Name: w.Name, Waiting: tallyOf(s.queued, w.Name)}
		if c.semaphore() {
			x.Holders = s.holdersAt(w.Name)
		} else {
			s.obstacles(c.run, w, func(h *hold) bool {
				x.Holders = append(x.Holders, h.full())
				return len(x.Holders) < left
			})
			left = max(1, left-len(x.Holders))
		}
		inLine := !s.predecessors(c.run, c.number, w, func(*Request) bool { return false })
		if len(x.Holders) > 0 || inLine || c.semaphore() && s.ahead(w.Name, c.number) > 0 {
			r.Conflicts = append(r.Conflicts, x)
		}
	}
	return r
}

// holdersAt returns the holds on n itself, in grant order, at most MaxListed.
func (s *state) holdersAt(n Name) []Hold {
	var list []Hold
	s.holds[n.Kind].at(n.Text, func(h *hold) bool {
		list = append(list, h.full())
		return len(list) < MaxListed
	})
	slices.SortFunc(list, func(a, b Hold) int { return cmp.Compare(a.Token, b.Token) })
	return list
}

// clientOf is who holds or waits: as the acquire says, else as its session does.
func clientOf(c Client, x *Session) *Client {
	if (c == Client{}) {
		return x.client()
	}
	own := c
	return &own
}
