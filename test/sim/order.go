package sim

import (
	"slices"

	"lockd/gate"
)

// turn looks whether a grant respects the order of the requests (rules 5 and 7).
// It is called with the table as it was just before the grant.
func (r *referee) turn(p *proposal, ev *gate.Event) {
	var x asking
	i := slices.IndexFunc(r.requests, func(x asking) bool { return x.number == ev.Request })
	switch op := p.cmd.Op.(type) {
	case *gate.Acquire:
		x = asking{number: 1 << 63, run: op.Run, wants: op.Wants, limit: max(op.Limit, 1)}
		if op.Wants[0].Name.Kind == gate.Key {
			x.limit = max(x.limit, r.keyLimit(op.Wants[0].Name))
		}
	}
	if ev.Request != 0 {
		if i < 0 {
			return // the further names of a request
		}
		x = r.requests[i]
		defer r.forget(x.number)
	}
	if x.run != ev.Run {
		r.w.fail("order", "%s is granted %v, which it did not ask for", ev.Run, ev.Name)
		return
	}
	if x.limit > 1 && slices.ContainsFunc(r.holds, func(h holding) bool { return h.run == x.run && h.want.Name == ev.Name }) {
		return // it only moves its slot
	}
	x.wants = r.joined(&x)
	for i := range r.requests {
		q := &r.requests[i]
		if q.number < x.number && q.run != x.run && r.before(q, &x) && !r.leads(q.run, x.run) {
			r.w.fail("order", "%s is granted %v before request %d of %s, which came first", x.run, ev.Name, q.number, q.run)
		}
	}
}

// joined are the wants of a request, each with the strength that its run would
// hold the name in.
func (r *referee) joined(x *asking) []gate.Want {
	wants := slices.Clone(x.wants)
	for i := range wants {
		w := &wants[i]
		if x.limit > 1 {
			w.Mode = gate.Shared
		}
		for j := range r.holds {
			if h := &r.holds[j]; h.run == x.run && h.want.Name == w.Name {
				w.Mode, w.Scope = min(w.Mode, h.want.Mode), max(w.Scope, h.want.Scope)
			}
		}
	}
	return wants
}

// before reports whether request q is one that x must not pass.
func (r *referee) before(q, x *asking) bool {
	for _, a := range r.joined(q) {
		for _, b := range x.wants {
			if q.limit > 1 && a.Name == b.Name || conflict(a, b) {
				return true
			}
		}
	}
	return false
}

// leads reports whether one waiting run leads to another along the pointers of
// rule 5.
func (r *referee) leads(from, to string) bool {
	seen := []string{from}
	for at := 0; at < len(seen); at++ {
		i := slices.IndexFunc(r.requests, func(x asking) bool { return x.run == seen[at] })
		if i < 0 {
			continue
		}
		q := r.requests[i]
		if q.limit > 1 {
			continue
		}
		q.wants = r.joined(&q)
		for _, run := range r.pointers(&q) {
			if run == to {
				return true
			}
			if !slices.Contains(seen, run) {
				seen = append(seen, run)
			}
		}
	}
	return false
}

// pointers are the runs that a request points to.
func (r *referee) pointers(q *asking) (runs []string) {
	for i := range r.holds {
		h := &r.holds[i]
		if h.run != q.run && h.run != "" && slices.ContainsFunc(q.wants, func(w gate.Want) bool { return conflict(w, h.want) }) {
			runs = append(runs, h.run)
		}
	}
	for i := range r.requests {
		if other := &r.requests[i]; other.number < q.number && other.run != q.run && r.before(other, q) {
			runs = append(runs, other.run)
		}
	}
	return runs
}

// order looks now and then whether somebody waits who could go.
func (r *referee) order() {
	if len(r.requests) == 0 || len(r.log)%16 != 0 {
		return
	}
	for i := range r.requests {
		x := r.requests[i]
		x.wants = r.joined(&x)
		if x.limit > 1 || len(r.pointers(&x)) > 0 {
			continue
		}
		blocked := slices.ContainsFunc(r.holds, func(h holding) bool {
			return h.run == "" && slices.ContainsFunc(x.wants, func(w gate.Want) bool { return conflict(w, h.want) })
		})
		if !blocked {
			r.w.fail("order", "request %d of %s waits for nobody", x.number, x.run)
		}
	}
}
