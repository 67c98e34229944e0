package gate_test

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"lockd/gate"
)

// last is the place in the queue of an acquire that is not in it yet.
const last = math.MaxUint64

// covers says whether two covers meet (rule 2).
func covers(a gate.Name, as gate.Scope, b gate.Name, bs gate.Scope) bool {
	if a == b {
		return true
	}
	if a.Kind != gate.Reference || b.Kind != gate.Reference {
		return false
	}
	return as == gate.Tree && strings.HasPrefix(b.Text, a.Text+"/") ||
		bs == gate.Tree && strings.HasPrefix(a.Text, b.Text+"/")
}

// conflict says whether two wants of different runs exclude each other.
func conflict(a, b gate.Want) bool {
	return covers(a.Name, a.Scope, b.Name, b.Scope) && (a.Mode == gate.Exclusive || b.Mode == gate.Exclusive)
}

func strength(h gate.Hold) gate.Want { return gate.Want{Name: h.Name, Mode: h.Mode, Scope: h.Scope} }

// full is what the run would hold if the want were granted: its own hold is
// never weakened (rule 3).
func (m *model) full(run string, w gate.Want, limit uint32) gate.Want {
	if w.Name.Kind == gate.Key {
		w.Mode, w.Scope = gate.Exclusive, gate.Node
		if limit > 1 {
			w.Mode = gate.Shared
		}
		return w
	}
	if h, ok := m.held(run, w.Name); ok {
		if h.Mode == gate.Exclusive {
			w.Mode = gate.Exclusive
		}
		if h.Scope == gate.Tree {
			w.Scope = gate.Tree
		}
	}
	return w
}

// lacking are the wants that the run does not hold already: what it holds it
// may acquire again whatever else covers the name (rule 3), such as a lock
// delay that one of its own wider holds left behind.
func (m *model) lacking(run string, wants []gate.Want, limit uint32) []gate.Want {
	return slices.DeleteFunc(slices.Clone(wants), func(w gate.Want) bool {
		h, ok := m.held(run, w.Name)
		return ok && strength(h) == m.full(run, w, limit)
	})
}

// isSemaphore says whether rule 7 governs the request rather than rule 5.
func isSemaphore(wants []gate.Want, limit uint32) bool {
	return wants[0].Name.Kind == gate.Key && limit > 1
}

// holdsInTheWay are the (a) of rule 5, those of no run included.
func (m *model) holdsInTheWay(run string, wants []gate.Want, limit uint32) []gate.Hold {
	if len(wants) == 0 || isSemaphore(wants, limit) {
		return nil
	}
	var found []gate.Hold
	for _, h := range m.holds {
		if h.Run != run && slices.ContainsFunc(wants, func(w gate.Want) bool {
			return conflict(m.full(run, w, limit), strength(h))
		}) {
			found = append(found, h)
		}
	}
	return found
}

// requestsInTheWay are the (b) of rule 5.
func (m *model) requestsInTheWay(run string, wants []gate.Want, limit uint32, number uint64) []gate.Request {
	var found []gate.Request
	for _, r := range m.requests {
		if r.Number < number && r.Run != run && m.excludes(r, run, wants, limit) {
			found = append(found, r)
		}
	}
	return found
}

// excludes says whether a waiting request and the wants of another run
// conflict. Two requests for one semaphore do: they are served in order.
func (m *model) excludes(r gate.Request, run string, wants []gate.Want, limit uint32) bool {
	for _, theirs := range r.Wants {
		for _, ours := range wants {
			if ours.Name.Kind == gate.Key && ours.Name == theirs.Name {
				return true
			}
			if conflict(m.full(r.Run, theirs, r.Limit), m.full(run, ours, limit)) {
				return true
			}
		}
	}
	return false
}

// pointsTo lists the runs that a waiting run points to (rule 5). Who waits for
// a slot of a semaphore points to nobody: rule 7, not 5, decides its grant.
func (m *model) pointsTo(run string) []string {
	r, ok := m.waiting(run)
	if !ok || isSemaphore(r.Wants, r.Limit) {
		return nil
	}
	var runs []string
	wants := m.lacking(run, r.Wants, r.Limit)
	for _, h := range m.holdsInTheWay(run, wants, r.Limit) {
		if h.Run != "" {
			runs = append(runs, h.Run)
		}
	}
	for _, earlier := range m.requestsInTheWay(run, wants, r.Limit, r.Number) {
		runs = append(runs, earlier.Run)
	}
	slices.Sort(runs)
	return slices.Compact(runs)
}

// path follows pointers from one run to another; nil if they do not lead there.
func (m *model) path(from, to string) []string {
	if from == to {
		return []string{from}
	}
	came := map[string]string{from: ""}
	for next := []string{from}; len(next) > 0; next = next[1:] {
		for _, run := range m.pointsTo(next[0]) {
			if _, seen := came[run]; seen {
				continue
			}
			came[run] = next[0]
			if run == to {
				var back []string
				for at := to; at != ""; at = came[at] {
					back = append(back, at)
				}
				slices.Reverse(back)
				return back
			}
			next = append(next, run)
		}
	}
	return nil
}

// grantable is rules 5 and 7 for an acquire at the place number in the queue.
func (m *model) grantable(run string, wants []gate.Want, limit uint32, number uint64) bool {
	wants = m.lacking(run, wants, limit)
	if len(wants) == 0 {
		return true
	}
	earlier := m.requestsInTheWay(run, wants, limit, number)
	if isSemaphore(wants, limit) {
		return m.slotsTaken(wants[0].Name) < int(limit) && len(earlier) == 0
	}
	if len(m.holdsInTheWay(run, wants, limit)) > 0 {
		return false
	}
	for _, r := range earlier {
		if m.path(r.Run, run) == nil {
			return false
		}
	}
	return true
}

func (m *model) slotsTaken(key gate.Name) int {
	n := 0
	for _, h := range m.holds {
		if h.Name == key {
			n++
		}
	}
	return n
}

// cycle is rule 6 for an acquire that would have to wait: the runs of a cycle
// that it would close, or nil.
func (m *model) cycle(run string, wants []gate.Want, limit uint32) []string {
	for _, h := range m.holdsInTheWay(run, wants, limit) {
		if h.Run == "" {
			continue
		}
		if back := m.path(h.Run, run); back != nil {
			return append([]string{run}, back...)
		}
	}
	return nil
}

// isCycle says whether the runs are a cycle that the refused acquire would
// close: first one of its (a), then pointers, back to its own run.
func (m *model) isCycle(cycle []string, run string, wants []gate.Want, limit uint32) bool {
	if len(cycle) < 3 || cycle[0] != run || cycle[len(cycle)-1] != run {
		return false
	}
	if !slices.ContainsFunc(m.holdsInTheWay(run, wants, limit), func(h gate.Hold) bool { return h.Run == cycle[1] }) {
		return false
	}
	for i := 1; i+1 < len(cycle); i++ {
		if !slices.Contains(m.pointsTo(cycle[i]), cycle[i+1]) {
			return false
		}
	}
	return true
}

// limitOf is the key's present limit; false if nobody holds it or waits for it.
func (m *model) limitOf(key gate.Name) (uint32, bool) {
	for _, h := range m.holds {
		if h.Name == key {
			return h.Limit, true
		}
	}
	for _, r := range m.requests {
		if r.Wants[0].Name == key {
			return r.Limit, true
		}
	}
	return 0, false
}

// queue lists the requests that wait at the very name, in order.
func (m *model) queue(name gate.Name) []gate.Request {
	var found []gate.Request
	for _, r := range m.requests {
		if slices.ContainsFunc(r.Wants, func(w gate.Want) bool { return w.Name == name }) {
			found = append(found, r)
		}
	}
	return found
}

// conflicts says, name by name, who is in the way of an acquire.
func (m *model) conflicts(run string, wants []gate.Want, limit uint32, number uint64) []gate.Conflict {
	var found []gate.Conflict
	for _, w := range m.lacking(run, wants, limit) {
		one := []gate.Want{w}
		c := gate.Conflict{Name: w.Name, Waiting: uint32(len(m.queue(w.Name)))}
		c.Holders = m.holdsInTheWay(run, one, limit)
		if isSemaphore(wants, limit) {
			c.Holders = m.holdsOn(w.Name)
		}
		if len(c.Holders) > 0 || len(m.requestsInTheWay(run, one, limit, number)) > 0 {
			found = append(found, c)
		}
	}
	return found
}

func (m *model) holdsOn(name gate.Name) []gate.Hold {
	var found []gate.Hold
	for _, h := range m.holds {
		if h.Name == name {
			found = append(found, h)
		}
	}
	return found
}

func byName(a, b gate.Hold) int {
	return cmp.Or(cmp.Compare(a.Name.Kind, b.Name.Kind), cmp.Compare(a.Name.Text, b.Name.Text),
		cmp.Compare(a.Run, b.Run), cmp.Compare(a.Token, b.Token))
}
