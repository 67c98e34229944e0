package gate

import (
	"slices"
	"time"
)

// release gives back all that op names, or nothing (rule 9: it also withdraws
// a waiting request that names any of it).
func (t *Table) release(op *Release, r *Result) {
	request := t.request(op.Run)
	r.Code, r.Run = Released, op.Run
	var few [4]*hold // so that a release of few names allocates no list
	owns := few[:0]
	for _, g := range op.Gives {
		own := t.own(op.Run, g.Name)
		switch {
		case own != nil && (g.Token == 0 || g.Token == own.token):
			if !slices.Contains(owns, own) {
				owns = append(owns, own)
			}
			if r.Grants == nil {
				r.Grants = t.grants(len(op.Gives))
			}
			r.Grants = append(r.Grants, Grant{Name: g.Name, Mode: own.mode(), Scope: own.scope(), Token: own.token})
		case own == nil && g.Token == 0 && request != nil && request.names(g.Name):
			r.Grants = append(r.Grants, Grant{Name: g.Name})
		default:
			r.Missing = append(r.Missing, g.Name)
		}
	}
	if r.Missing != nil {
		r.Code, r.Grants = NotHeld, nil
		return
	}
	for _, own := range owns {
		t.endHold(own, EndReleased, 0, nil)
	}
	if len(owns) == 1 && len(r.Grants) == 1 {
		t.only = owns[0]
	}
	if request != nil && slices.ContainsFunc(op.Gives, func(g Give) bool { return request.names(g.Name) }) {
		t.leave(request, Occupied, true)
	}
}

func (t *Table) releaseRun(op *ReleaseRun) Result {
	result := Result{Code: RunReleased, Run: op.Run}
	for _, h := range t.runHolds.of(op.Run) {
		t.endHold(h, EndReleased, 0, nil)
		result.Count++
	}
	if r := t.request(op.Run); r != nil {
		t.leave(r, Occupied, true)
	}
	return result
}

func (t *Table) downgrade(op *Downgrade) Result {
	own := t.own(op.Run, op.Name)
	if own == nil || op.Token != 0 && op.Token != own.token {
		return Result{Code: NotHeld, Run: op.Run, Missing: []Name{op.Name}}
	}
	weaker := Want{Name: op.Name, Mode: op.Mode, Scope: op.Scope}
	if op.KeepMode {
		weaker.Mode = own.mode()
	}
	if op.KeepScope {
		weaker.Scope = own.scope()
	}
	if !own.covers(weaker) || op.Name.Kind == Key {
		return Result{Code: NotWeaker, Run: op.Run}
	}
	now := own
	if own.strength() != weaker {
		h := *own
		now = &h
		h.setStrength(weaker.Mode, weaker.Scope)
		t.freeHold(own)
		t.dropHold(own)
		t.putHold(&h)
		t.holdEvent(EventAcquired, &h, h.reason(), "")
	}
	result := Result{Code: Downgraded, Run: op.Run}
	t.describe(&result, []*hold{now})
	return result
}

// breakHold ends a hold that is still the one the operator looked at.
func (t *Table) breakHold(op *Break) Result {
	var found *hold
	t.holds[op.Name.Kind].at(op.Name.Text, func(h *hold) bool {
		if h.token == op.Token && !h.ofNobody() {
			found = h
		}
		return found == nil
	})
	if found == nil {
		return Result{Code: NotHeld, Missing: []Name{op.Name}}
	}
	result := Result{
		Code: Broken, Run: found.run(), Session: found.sessionID(),
		Grants: []Grant{{Name: found.name(), Mode: found.mode(), Scope: found.scope(), Token: found.token}},
	}
	by := &Breaker{Reason: op.Reason, Actor: op.Actor, Client: op.Client}
	x := t.session(found.sessionID())
	if x == nil {
		t.endHold(found, EndBroken, 0, by)
		return result
	}
	t.countLost(x)
	t.endHold(found, EndBroken, x.LockDelay, by)
	return result
}

var endEvents = [...]EventKind{
	EndReleased: EventReleased, EndClosed: EventReleased, EndExpired: EventExpired, EndBroken: EventBroken,
}

// endHold ends a hold; by is nil unless it is broken. With a delay, what it held exclusively, or a key's slot,
// stays closed to everybody as a hold of no run (rule 10).
func (t *Table) endHold(h *hold, end End, delay time.Duration, by *Breaker) {
	t.freeHold(h)
	t.dropHold(h)
	reason, actor := "", ""
	if by != nil {
		reason, actor = by.Reason, by.Actor
	}
	t.holdEvent(endEvents[end], h, reason, actor)
	t.remember(h, end, by)
	if end.bad() && delay > 0 && (h.mode() == Exclusive || h.kind == Key) {
		closed := newHold(h.strength(), "", h.reason(), uint32(h.limit))
		closed.token, closed.at, closed.rare = h.token, h.at, &rarely{ended: end, delay: delay}
		t.putHold(closed)
		t.timer(LockDelay, h.token, delay)
	}
	t.endIfIdle(t.idOf(h))
}

// remember adds to the name's history how a hold ended, and forgets the first
// history past MaxHistories.
func (t *Table) remember(h *hold, end End, by *Breaker) {
	t.counters.Ending++
	turns := t.putEnding(ending{hold: h, end: end, order: t.counters.Ending, at: t.now, by: by})
	if turns.count > MaxHistories {
		t.dropHistory(turns.first())
	}
}

// freeHold notes that a hold is about to end or weaken. If its run waits for
// the same name, its request weakens too for others, who saw it joined with the
// hold; and it may point to more itself, as what a run holds it need not wait for.
func (t *Table) freeHold(h *hold) {
	t.free(h.strength())
	if r := t.request(h.run()); r != nil && r.names(h.name()) {
		w, _ := r.want(h.name())
		t.free(h.join(w))
		t.lookAt(r)
		t.losers = append(t.losers, r.Number)
	}
}

// endDelay opens what a lock delay kept closed.
func (t *Table) endDelay(token uint64) bool {
	h, found := t.delays.Get(token, none{})
	if !found {
		return false
	}
	t.dropHold(h)
	t.holdEvent(EventReleased, h, h.reason(), "")
	t.timer(LockDelay, token, 0)
	t.free(h.strength())
	return true
}
