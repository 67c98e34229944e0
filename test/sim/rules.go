package sim

import (
	"slices"
	"strings"

	"lockd/gate"
)

// holding is a hold as the events tell it. A lock delay has no run.
type holding struct {
	want    gate.Want
	run     string
	session uint64
	token   uint64
	limit   uint32
}

// asking is a waiting request as the events tell it.
type asking struct {
	number  uint64
	run     string
	session uint64
	wants   []gate.Want
	limit   uint32
}

// command holds one command's outcome against the rules.
func (r *referee) command(e *entry, p *proposal, o *gate.Outcome) {
	if d := p.delivery; d != nil && p.cmd == d.call.cmd {
		if d.applied++; d.applied > 1 {
			r.w.fail("copies", "a copy that was sent once is applied twice: %s", opText(p.cmd))
		}
	}
	repeat := r.exactlyOnce(p, o)
	if r.w.wrong != nil || repeat {
		return
	}
	if r.w.tracing() {
		r.w.say("%d: %s: %s", e.index, commandText(p), resultText(&o.Result))
	}
	if start, ok := p.cmd.Op.(*gate.StartTerm); ok {
		r.term = start.Term
	}
	if expire, ok := p.cmd.Op.(*gate.Expire); ok && expire.Term != r.term && len(o.Events) > 0 {
		r.w.fail("deposed leader", "an expiry of term %d takes effect in term %d", expire.Term, r.term)
	}
	fresh := r.token
	for i := range o.Events {
		ev := &o.Events[i]
		switch ev.Kind {
		case gate.EventAcquired, gate.EventMoved:
			r.grants(p, o, ev, &fresh)
		case gate.EventReleased, gate.EventExpired, gate.EventBroken:
			r.ends(p, ev)
		case gate.EventQueued:
			r.queues(p, ev)
		case gate.EventLeft:
			r.leaves(p, ev)
		case gate.EventSessionOpened, gate.EventSessionClosed, gate.EventSessionEnded:
			r.session(p, ev)
		}
	}
	for i := range o.Answers {
		r.forget(o.Answers[i].Request)
	}
	r.rejoined(o)
}

// rejoined notes that a request went over to another session: no event says so.
func (r *referee) rejoined(o *gate.Outcome) {
	if o.Result.Code != gate.Queued {
		return
	}
	for i := range r.requests {
		if r.requests[i].number == o.Result.Request {
			r.requests[i].session = o.Result.Session.Number
		}
	}
}

// grants looks at a new, stronger, moved or weakened hold.
func (r *referee) grants(p *proposal, o *gate.Outcome, ev *gate.Event, fresh *uint64) {
	h := holding{
		want: gate.Want{Name: ev.Name, Mode: ev.Mode, Scope: ev.Scope}, run: ev.Run,
		session: ev.Session.Number, token: ev.Token, limit: grantLimit(o, ev.Request),
	}
	i := slices.IndexFunc(r.holds, func(x holding) bool { return x.run == h.run && x.want.Name == h.want.Name })
	if x, weakens := p.cmd.Op.(*gate.Downgrade); weakens && x.Run == h.run && x.Name == ev.Name && i >= 0 && r.holds[i].token == h.token {
		h.limit = r.holds[i].limit
		r.holds[i] = h
		return
	}
	again := *fresh == h.token && i >= 0 && r.holds[i].token == h.token
	if h.token <= r.token && !again {
		r.w.fail("tokens", "%v: token %d is granted to %s after %d", ev.Name, h.token, h.run, r.token)
	}
	if i >= 0 && !again {
		r.replaced[r.holds[i].token] = h.token
		r.revoked[r.holds[i].token] = r.holds[i].session != h.session
	}
	if !again {
		r.turn(p, ev)
	}
	r.token, *fresh = max(r.token, h.token), h.token
	r.granted[h.token] = h.run
	if h.session != 0 && r.sessions[h.session] == nil {
		r.w.fail("session", "%v is granted to %s in session %d, which is not there", ev.Name, h.run, h.session)
	}
	moved := i >= 0 && r.holds[i].want == h.want
	if i >= 0 {
		r.holds = slices.Delete(r.holds, i, i+1)
	}
	r.exclusion(&h, moved)
	r.holds = append(r.holds, h)
}

// grantLimit is the limit of the key that the outcome grants.
func grantLimit(o *gate.Outcome, request uint64) uint32 {
	for i := range o.Answers {
		if o.Answers[i].Request == request {
			return o.Answers[i].Result.Limit
		}
	}
	return o.Result.Limit
}

// exclusion looks whether a new hold is compatible with all others (rules 1, 2,
// 7). One that only moved may lie over what a break has closed below it.
func (r *referee) exclusion(h *holding, moved bool) {
	taken := uint32(1)
	for i := range r.holds {
		other := &r.holds[i]
		if other.want.Name == h.want.Name {
			taken++
		}
		if other.run != h.run && conflict(other.want, h.want) && !(moved && other.run == "") {
			r.w.fail("exclusion", "token %d of %s on %s overlaps token %d of %q on %s",
				h.token, h.run, wantText(h.want), other.token, other.run, wantText(other.want))
		}
	}
	if h.want.Name.Kind == gate.Key && taken > h.limit {
		r.w.fail("exclusion", "%v has %d holders, its limit is %d", h.want.Name, taken, h.limit)
	}
}

// conflict is rule 2.
func conflict(a, b gate.Want) bool {
	if a.Name.Kind != b.Name.Kind || a.Mode == gate.Shared && b.Mode == gate.Shared {
		return false
	}
	return a.Name == b.Name || a.Scope == gate.Tree && above(a.Name, b.Name) || b.Scope == gate.Tree && above(b.Name, a.Name)
}

func above(a, b gate.Name) bool {
	return a.Kind == gate.Reference && len(b.Text) > len(a.Text) && b.Text[len(a.Text)] == '/' && strings.HasPrefix(b.Text, a.Text)
}

// ends looks at the end of a hold or of a lock delay.
func (r *referee) ends(p *proposal, ev *gate.Event) {
	i := slices.IndexFunc(r.holds, func(x holding) bool { return x.token == ev.Token && x.run == ev.Run })
	if i < 0 {
		r.w.fail("log", "token %d of %q ends, but is not held", ev.Token, ev.Run)
		return
	}
	h := r.holds[i]
	r.holds = slices.Delete(r.holds, i, i+1)
	if h.run == "" {
		r.elapsed(p, gate.LockDelay, h.token)
		return
	}
	switch op := p.cmd.Op.(type) {
	case *gate.Release:
		if op.Run != h.run {
			r.w.fail("release", "%s releases token %d of %s", op.Run, h.token, h.run)
		}
	case *gate.Break, *gate.ReleaseRun:
		r.revoked[h.token] = true
	}
	delay := r.lockDelay(h.session)
	if ev.Kind == gate.EventReleased || delay == 0 || h.want.Mode == gate.Shared && h.want.Name.Kind != gate.Key {
		return
	}
	h.run, h.session = "", 0
	r.holds = append(r.holds, h)
}

// queues notes a new request, whose names come in events of their own.
func (r *referee) queues(p *proposal, ev *gate.Event) {
	w := gate.Want{Name: ev.Name, Mode: ev.Mode, Scope: ev.Scope}
	if last := len(r.requests) - 1; last >= 0 && r.requests[last].number == ev.Request {
		r.requests[last].wants = append(r.requests[last].wants, w)
		return
	}
	op := p.cmd.Op.(*gate.Acquire)
	limit := op.Limit
	if ev.Name.Kind == gate.Key {
		limit = max(limit, r.keyLimit(ev.Name), 1)
	}
	r.requests = append(r.requests, asking{
		number: ev.Request, run: ev.Run, session: ev.Session.Number, wants: []gate.Want{w}, limit: limit,
	})
}

func (r *referee) keyLimit(name gate.Name) uint32 {
	for i := range r.holds {
		if r.holds[i].want.Name == name {
			return r.holds[i].limit
		}
	}
	for i := range r.requests {
		if r.requests[i].wants[0].Name == name {
			return r.requests[i].limit
		}
	}
	return 0
}

// forget takes a request off the list.
func (r *referee) forget(number uint64) {
	r.requests = slices.DeleteFunc(r.requests, func(x asking) bool { return x.number == number })
}

// leaves looks at a request that ends without a grant.
func (r *referee) leaves(p *proposal, ev *gate.Event) {
	i := slices.IndexFunc(r.requests, func(x asking) bool { return x.number == ev.Request })
	if i < 0 {
		return // its further names
	}
	if x, ok := p.cmd.Op.(*gate.Expire); ok && slices.Contains(x.Requests, ev.Request) {
		r.elapsed(p, gate.RequestWait, ev.Request)
	}
	r.requests = slices.Delete(r.requests, i, i+1)
}
