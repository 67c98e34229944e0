package sim

import (
	"slices"

	"lockd/gate"
)

// belief is a hold that a client relies on: it was told that it was granted, its
// lease is not over by its own clock, and it has not begun to give it back.
type belief struct {
	referee *referee
	lane    *lane
	run     string
	want    gate.Want
	token   uint64
	limit   uint32
	session *session
	ended   bool
}

// active reports whether the client relies on the hold now. A hold that an
// operator broke, or that another client of the same run took over, does not
// count: its old holder learns of it with its next keepalive at best.
func (b *belief) active() bool {
	if b.ended || b.session != nil && !b.session.alive() {
		b.ended = true
		return false
	}
	return !b.referee.isRevoked(b.token)
}

func (r *referee) isRevoked(token uint64) bool {
	for ; token != 0; token = r.replaced[token] {
		if r.revoked[token] {
			return true
		}
	}
	return false
}

// believes notes that a client relies on a hold from now on, and fails if another
// client relies on one that conflicts with it.
func (r *referee) believes(l *lane, s *session, h held) *belief {
	b := &belief{referee: r, lane: l, run: l.run, want: h.want, token: h.token, limit: h.limit, session: s}
	if run := r.granted[h.token]; run != l.run {
		r.w.fail("answers", "%s is told that it was granted token %d, which the log gives to %q", l.run, h.token, run)
	}
	if !b.active() {
		return b
	}
	r.beliefs = slices.DeleteFunc(r.beliefs, func(x *belief) bool { return !x.active() })
	sharing := uint32(1)
	for _, x := range r.beliefs {
		if x.run == b.run {
			continue
		}
		if x.want.Name == b.want.Name {
			sharing++
		}
		over := b.want.Name.Kind == gate.Key && sharing > b.limit
		if over || b.want.Name.Kind != gate.Key && conflict(x.want, b.want) {
			r.w.fail("two believers", "%s relies on token %d on %s while %s relies on token %d on %s",
				b.lane.name(), b.token, wantText(b.want), x.lane.name(), x.token, wantText(x.want))
		}
	}
	r.beliefs = append(r.beliefs, b)
	r.w.stats.Beliefs++
	return b
}

// told looks at an answer that a client got: what is answered after something
// else was cannot be older.
func (r *referee) told(k *call, result *gate.Result, index uint64) {
	if index < k.after {
		r.w.fail("answers", "%s is told of entry %d, but %d was answered before the call began", k.lane.name(), index, k.after)
	}
	if index > uint64(len(r.log)) {
		r.w.fail("answers", "%s is told of entry %d, which is not committed", k.lane.name(), index)
	}
	r.answered = max(r.answered, index)
}

// read looks at a linearizable read (rule 14): it knows everything that was
// answered before it began, the lane's own holds among it.
func (r *referee) read(l *lane, began []held, lock gate.Lock, index, after uint64) {
	if index < after {
		r.w.fail("reads", "%s reads as of %d, but %d was answered before", l.name(), index, after)
	}
	r.answered = max(r.answered, index)
	for _, h := range began {
		if h.want.Name != lock.Name || h.belief == nil || !h.belief.active() {
			continue
		}
		if !slices.ContainsFunc(lock.Holders, func(x gate.Hold) bool { return x.Run == h.belief.run }) {
			r.w.fail("reads", "%s holds %v with token %d, but does not find itself there at %d", l.name(), lock.Name, h.token, index)
		}
	}
}
