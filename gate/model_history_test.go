package gate_test

import (
	"slices"

	"lockd/gate"
)

// bad says whether an ending is one that the next holder is told of.
func bad(end gate.End) bool { return end == gate.EndExpired || end == gate.EndBroken }

// lastEnding is how the last holder of a name ended: a hold that was replaced
// by another of the same run went on.
func (m *model) lastEnding(name gate.Name) (last gate.Ending, known bool) {
	for _, e := range m.endings[name] {
		if e.End != gate.EndReplaced {
			last, known = e, true
		}
	}
	return last, known
}

// remember notes how a hold ended: of each name the last endings, and the last
// holder's whatever came after it. It forgets no name: TestRememberedNamesAreBounded
// looks at that.
func (m *model) remember(h gate.Hold, end gate.End, by *gate.Breaker) {
	m.counters.Ending++
	all := append(m.endings[h.Name], gate.Ending{
		Name: h.Name, Run: h.Run, End: end, Order: m.counters.Ending, Token: h.Token, Mode: h.Mode, Scope: h.Scope,
		From: h.At, At: m.now, Reason: h.Reason, Client: h.Client, By: by,
	})
	m.endings[h.Name] = all
	last, _ := m.lastEnding(h.Name)
	kept := []gate.Ending{}
	for i, e := range all {
		if i >= len(all)-gate.MaxHistory || e.Order == last.Order {
			kept = append(kept, e)
		}
	}
	m.endings[h.Name] = kept
}

// history is what a reader is told of a name.
func (m *model) history(name gate.Name) []gate.Ending {
	list := slices.Clone(m.endings[name])
	slices.Reverse(list)
	return list[:min(len(list), gate.MaxHistory)]
}
