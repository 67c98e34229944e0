package gate_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lockd/gate"
)

// ledger lists done as the table's ledger keeps it.
func (b *book) ledger() []gate.SeqRange {
	var seqs []uint64
	for seq := range b.done {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	var ranges []gate.SeqRange
	for _, seq := range seqs {
		if n := len(ranges); n > 0 && ranges[n-1].To+1 == seq {
			ranges[n-1].To = seq
		} else {
			ranges = append(ranges, gate.SeqRange{From: seq, To: seq})
		}
	}
	return ranges
}

// Lock is what a reader is told about one name.
func (m *model) Lock(name gate.Name) gate.Lock {
	lock := gate.Lock{Name: name, Holders: m.holdsOn(name)}
	if limit, used := m.limitOf(name); used {
		lock.Limit = limit
	} else if name.Kind == gate.Key {
		lock.Limit = 1
	}
	for i, r := range m.queue(name) {
		w := r.Wants[slices.IndexFunc(r.Wants, func(w gate.Want) bool { return w.Name == name })]
		lock.Waiters = append(lock.Waiters, gate.Waiter{
			Request: &r, Mode: shownMode(w, r.Limit), Scope: w.Scope, Position: uint32(i + 1), BlockedBy: m.blockedBy(r),
		})
	}
	for _, h := range m.holds {
		if h.Name != name && h.Scope == gate.Tree && covers(h.Name, h.Scope, name, gate.Node) {
			lock.CoveredBy = append(lock.CoveredBy, h)
		}
	}
	return lock
}

// shownMode is the mode that a reader sees of a want.
func shownMode(w gate.Want, limit uint32) gate.Mode {
	if limit > 1 {
		return gate.Shared
	}
	return w.Mode
}

// blockedBy lists the runs in the way of a request, sorted: those that its run
// points to; at a semaphore, the holders and who waits in front.
func (m *model) blockedBy(r gate.Request) []string {
	runs := m.pointsTo(r.Run)
	if isSemaphore(r.Wants, r.Limit) {
		for _, h := range m.holdsOn(r.Wants[0].Name) {
			if h.Run != "" {
				runs = append(runs, h.Run)
			}
		}
		for _, earlier := range m.requestsInTheWay(r.Run, r.Wants, r.Limit, r.Number) {
			runs = append(runs, earlier.Run)
		}
	}
	slices.Sort(runs)
	return slices.Compact(runs)
}

// locks lists the names in use of one kind that begin with prefix.
func (m *model) locks(kind gate.Kind, prefix string) []gate.Name {
	var names []gate.Name
	add := func(name gate.Name) {
		if name.Kind == kind && strings.HasPrefix(name.Text, prefix) {
			names = append(names, name)
		}
	}
	for _, h := range m.holds {
		add(h.Name)
	}
	for _, r := range m.requests {
		for _, w := range r.Wants {
			add(w.Name)
		}
	}
	slices.SortFunc(names, func(a, b gate.Name) int { return cmp.Compare(a.Text, b.Text) })
	return slices.Compact(names)
}

// run lists what a run holds and waits for.
func (m *model) run(run string) (holds []*gate.Hold, request *gate.Request) {
	for _, h := range m.holds {
		if h.Run == run {
			holds = append(holds, &h)
		}
	}
	if r, waits := m.waiting(run); waits {
		request = &r
	}
	return holds, request
}

// hangingOn counts what ends with a session.
func (m *model) hangingOn(id gate.SessionID) (holds, requests int) {
	for _, h := range m.holds {
		if h.Session == id {
			holds++
		}
	}
	for _, r := range m.requests {
		if r.Session == id {
			requests++
		}
	}
	return holds, requests
}

func (m *model) size() gate.Size {
	size := gate.Size{Holds: len(m.holds), Requests: len(m.requests), Sessions: len(m.sessions)}
	for _, list := range m.endings {
		size.Endings += len(list)
	}
	for _, b := range m.books {
		size.Answers += len(b.kept)
	}
	return size
}

// valid tells whether token is a living hold on name, and lists those that are.
func (m *model) valid(name gate.Name, token uint64) (valid bool, current []uint64) {
	for _, h := range m.holds {
		if h.Name == name && h.Run != "" {
			current = append(current, h.Token)
			valid = valid || h.Token == token
		}
	}
	return valid, current
}

// timers is what a new leader's timekeeper has to run.
func (m *model) timers() []gate.Timer {
	var timers []gate.Timer
	for _, s := range m.sessions {
		timers = append(timers, gate.Timer{Kind: gate.SessionTTL, ID: s.ID.Number, After: s.TTL, Restart: s.Restart})
	}
	for _, r := range m.requests {
		timers = append(timers, gate.Timer{Kind: gate.RequestWait, ID: r.Number, After: r.Wait})
	}
	for _, h := range m.holds {
		if h.Run == "" {
			timers = append(timers, gate.Timer{Kind: gate.LockDelay, ID: h.Token, After: h.Delay})
		}
	}
	return timers
}

// state writes down everything that the model holds, one line each.
func (m *model) state() string {
	w := &lines{}
	w.counters(m.counters)
	for _, s := range m.sessions {
		w.session(s)
	}
	for _, h := range m.holds {
		w.hold(h)
	}
	for _, r := range m.requests {
		w.request(r)
	}
	for session, b := range m.books {
		for seq, k := range b.kept {
			w.answer(session, seq, k.request, k.result)
		}
		w.ledger(session, b.acked, b.ledger())
	}
	for _, list := range m.endings {
		for _, e := range list {
			w.ending(e)
		}
	}
	return w.sorted()
}

// stateOf writes down everything that a version of the table holds, in the
// same words as the model.
func stateOf(v *gate.View) string {
	w := &lines{}
	w.counters(v.Counters())
	for s := range v.AllSessions() {
		w.session(*s)
	}
	for h := range v.AllHolds() {
		w.hold(*h)
	}
	for r := range v.AllRequests() {
		w.request(*r)
	}
	for a := range v.AllAnswers() {
		w.answer(a.Session, a.Seq, a.Request, a.Result)
	}
	for l := range v.AllLedgers() {
		w.ledger(l.Session, l.Acked, l.Done)
	}
	for e := range v.AllEndings() {
		w.ending(*e)
	}
	return w.sorted()
}

type lines []string

func (w *lines) add(format string, args ...any) { *w = append(*w, fmt.Sprintf(format, args...)) }

func (w *lines) sorted() string {
	slices.Sort(*w)
	return strings.Join(*w, "\n")
}

func (w *lines) counters(c gate.Counters) { w.add("counters %+v", c) }

func (w *lines) session(s gate.Session) {
	w.add("session %v ttl=%v delay=%v private=%t lost=%d at=%d client=%v",
		s.ID, s.TTL, s.LockDelay, s.Private, s.Lost, s.At, clientOf(s.Client))
}

func (w *lines) hold(h gate.Hold) { w.add("%s", holdLine(h)) }

func holdLine(h gate.Hold) string {
	return fmt.Sprintf("hold %v %q %v %v run=%s session=%v token=%d at=%d reason=%q client=%v limit=%d request=%d ended=%v delay=%v",
		h.Name.Kind, h.Name.Text, h.Mode, h.Scope, h.Run, h.Session, h.Token, h.At, h.Reason, clientOf(h.Client),
		h.Limit, h.Request, h.Ended, h.Delay)
}

func (w *lines) request(r gate.Request) { w.add("%s", requestLine(r)) }

func requestLine(r gate.Request) string {
	return fmt.Sprintf("request %d run=%s session=%v wants=%v limit=%d wait=%v at=%d reason=%q client=%v",
		r.Number, r.Run, r.Session, wantsText(r.Wants), r.Limit, r.Wait, r.At, r.Reason, clientOf(r.Client))
}

func (w *lines) answer(session, seq, request uint64, result *gate.Result) {
	if result == nil {
		w.add("answer session=%d seq=%d waits for %d", session, seq, request)
		return
	}
	w.add("answer session=%d seq=%d %s", session, seq, resultLine(*result))
}

// ledger leaves out a ledger that says nothing.
func (w *lines) ledger(session, acked uint64, done []gate.SeqRange) {
	if acked > 0 || len(done) > 0 {
		w.add("ledger session=%d acked=%d done=%v", session, acked, done)
	}
}

func (w *lines) ending(e gate.Ending) {
	w.add("%s", endingLine(e))
}

func endingLine(e gate.Ending) string {
	text := fmt.Sprintf("ending %v %q run=%s %v order=%d token=%d %v %v from=%d at=%d reason=%q client=%v",
		e.Name.Kind, e.Name.Text, e.Run, e.End, e.Order, e.Token, e.Mode, e.Scope, e.From, e.At, e.Reason, clientOf(e.Client))
	if e.By != nil {
		text += fmt.Sprintf(" by=%+v", *e.By)
	}
	return text
}

func clientOf(c *gate.Client) gate.Client {
	if c == nil {
		return gate.Client{}
	}
	return *c
}

func wantsText(wants []gate.Want) string {
	var texts []string
	for _, w := range wants {
		text := w.Name.Text
		if w.Name.Kind == gate.Reference {
			text += ":" + w.Mode.String() + ":" + w.Scope.String()
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ",")
}

// resultLine writes a result in full, empty lists like absent ones.
func resultLine(r gate.Result) string {
	var parts lines
	parts.add("code=%d run=%s session=%v reentrant=%t withdrawn=%t at=%d limit=%d request=%d position=%d waiting=%d",
		r.Code, r.Run, r.Session, r.Reentrant, r.Withdrawn, r.At, r.Limit, r.Request, r.Position, r.Waiting)
	parts.add("wait=%v waited=%v ttl=%v delay=%v count=%d cycle=%v missing=%v",
		r.Wait, r.Waited, r.TTL, r.LockDelay, r.Count, r.Cycle, r.Missing)
	for _, g := range r.Grants {
		parts.add("granted %v %q %v %v token=%d", g.Name.Kind, g.Name.Text, g.Mode, g.Scope, g.Token)
		if g.Previous != nil {
			parts.add("previous run=%s %v", g.Previous.Run, g.Previous.End)
		}
	}
	for _, c := range r.Conflicts {
		parts.add("conflict %q waiting=%d", c.Name.Text, c.Waiting)
		// The rules give an order to the holders of one key only.
		holders := slices.Clone(c.Holders)
		if c.Name.Kind == gate.Reference {
			slices.SortFunc(holders, byName)
		}
		for _, h := range holders {
			parts.add("by %s", holdLine(h))
		}
	}
	return strings.Join(parts, " ")
}
