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
	// session is the session that the acquire names; nil for none, or for one
	// that is still to be opened.
	session *Session
	seq     uint64
}

func (t *Table) acquire(cmd *Command, op *Acquire) Result {
	a := acquisition{Acquire: op, claim: claim{op.Run, newest, op.Wants, op.Limit}, seq: cmd.Seq}
	if !cmd.Session.IsZero() {
		a.session = t.session(cmd.Session)
	}
	if op.Wants[0].Name.Kind == Key {
		present := t.keyLimit(op.Wants[0].Name)
		if present != 0 && op.Limit != 0 && present != op.Limit {
			return Result{Code: LimitMismatch, Run: op.Run, Limit: present}
		}
		a.limit = max(present, op.Limit, 1)
		a.wants = []Want{{Name: op.Wants[0].Name, Mode: keyMode(a.limit)}}
	}
	if op.Resume != 0 {
		return t.resume(a)
	}
	if t.holdsAll(op.Run, a.wants) || t.grantable(a.claim) {
		return t.take(a)
	}
	if op.Wait == 0 || a.session == nil && op.TTL == 0 {
		return t.occupied(a.claim)
	}
	return t.enqueue(a)
}

// keyMode makes a semaphore's holders overlap each other.
func keyMode(limit uint32) Mode {
	if limit > 1 {
		return Shared
	}
	return Exclusive
}

func (t *Table) holdsAll(run string, wants []Want) bool {
	for _, w := range wants {
		if own := t.own(run, w.Name); own == nil || !own.covers(w) {
			return false
		}
	}
	return true
}

// resume answers a copy of an acquire that is known to have been queued: it
// reports what became of the request and takes nothing.
func (t *Table) resume(a acquisition) Result {
	if r := t.numbered(a.Resume); r != nil && r.Run == a.Run {
		return t.rejoin(a, r)
	}
	byRequest := func(w Want) bool { return t.own(a.Run, w.Name).Request == a.Resume }
	if t.holdsAll(a.Run, a.wants) && slices.ContainsFunc(a.wants, byRequest) {
		return t.acquired(a, false)
	}
	result := t.occupied(a.claim)
	result.Withdrawn = true
	return result
}

// take grants an acquire that need not wait.
func (t *Table) take(a acquisition) Result {
	if t.holders+len(a.wants) > MaxHolds {
		return Result{Code: Overloaded, Run: a.Run}
	}
	reentrant := t.holdsAll(a.Run, a.wants)
	if a.TTL > 0 && !t.adoptPrivate(&a) {
		return Result{Code: Overloaded, Run: a.Run}
	}
	g := grantee{run: a.Run, session: a.session, limit: a.limit, reason: a.Reason, client: clientOf(a.Client, a.session)}
	for _, w := range a.wants {
		t.grant(g, w)
	}
	return t.acquired(a, reentrant)
}

// acquired describes what the run now holds of the acquire's names.
func (t *Table) acquired(a acquisition, reentrant bool) Result {
	r := Result{Code: Acquired, Run: a.Run, Reentrant: reentrant, Limit: a.limit}
	t.describe(&r, a.Run, a.wants)
	return r
}

func (t *Table) describe(r *Result, run string, wants []Want) {
	r.Grants = make([]Grant, 0, len(wants))
	for _, w := range wants {
		h := t.own(run, w.Name)
		r.At = max(r.At, h.At)
		if r.Session.IsZero() {
			r.Session = h.Session
		}
		r.Grants = append(r.Grants, Grant{
			Name: h.Name, Mode: h.Mode, Scope: h.Scope, Token: h.Token, Previous: t.previous(h.Name),
		})
	}
}

// previous returns how the last holder of n ended if it ended badly.
func (t *Table) previous(n Name) *Ending {
	if t.endings.Len() == 0 {
		return nil
	}
	e, _ := t.endings.Get(&Ending{Name: n})
	return e
}

// grantee is who gets a hold, and what is noted with it.
type grantee struct {
	run     string
	session *Session
	limit   uint32
	request uint64
	reason  string
	client  *Client
}

// grant gives a run one name, or strengthens or moves the hold it has (rule 3).
func (t *Table) grant(g grantee, w Want) {
	own := t.own(g.run, w.Name)
	if own == nil {
		h := &Hold{
			Name: w.Name, Mode: w.Mode, Scope: w.Scope, Run: g.run, Token: t.nextToken(), At: t.now,
			Reason: g.reason, Client: g.client, Limit: g.limit, Request: g.request,
		}
		if g.session != nil {
			h.Session = g.session.ID
		}
		t.putHold(h)
		t.holdEvent(EventAcquired, h, h.Reason, "")
		return
	}
	stronger := !own.covers(w)
	moves := g.session != nil && g.session.ID != own.Session
	if !stronger && !moves {
		return
	}
	joined := t.join(g.run, w)
	h := *own
	h.Mode, h.Scope, h.Token = joined.Mode, joined.Scope, t.nextToken()
	h.Reason, h.Client = g.reason, g.client
	if stronger {
		h.At, h.Request = t.now, g.request
	}
	if moves {
		h.Session = g.session.ID
	}
	t.dropHold(own)
	t.putHold(&h)
	if moves {
		t.holdEvent(EventMoved, &h, h.Reason, "")
		t.lose(own.Session)
	}
	if stronger {
		t.holdEvent(EventAcquired, &h, h.Reason, "")
	}
}

func (t *Table) nextToken() uint64 {
	t.counters.Token++
	if t.counters.Token >= MaxToken {
		panic("gate: the token counter has reached 2^53")
	}
	return t.counters.Token
}

// occupied says who is in the way of a claim that was refused.
func (t *Table) occupied(c claim) Result {
	r := Result{Code: Occupied, Run: c.run, Limit: c.limit}
	for _, w := range c.wants {
		x := Conflict{Name: w.Name, Waiting: tallyOf(t.queued, w.Name)}
		if c.semaphore() {
			x.Holders = t.holdersAt(w.Name)
		} else {
			t.obstacles(c.run, t.join(c.run, w), func(h *Hold) bool {
				x.Holders = append(x.Holders, *h)
				return len(x.Holders) < MaxListed
			})
		}
		inLine := !t.predecessors(c.run, c.number, t.join(c.run, w), func(*Request) bool { return false })
		if len(x.Holders) > 0 || inLine || c.semaphore() {
			r.Conflicts = append(r.Conflicts, x)
		}
	}
	return r
}

// holdersAt returns the holds on n itself, in grant order, at most MaxListed.
func (s *state) holdersAt(n Name) []Hold {
	var list []Hold
	s.holds[n.Kind].at(n.Text, func(x slot[*Hold]) bool {
		list = append(list, *x.item)
		return len(list) < MaxListed
	})
	slices.SortFunc(list, func(a, b Hold) int { return cmp.Compare(a.Token, b.Token) })
	return list
}

// clientOf is who holds or waits: as the acquire says, else as its session does.
func clientOf(c Client, x *Session) *Client {
	switch {
	case c != Client{}:
		return &c
	case x != nil:
		return x.Client
	}
	return nil
}
