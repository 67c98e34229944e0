package gate_test

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"

	"lockd/gate"
)

// model is the lock table written a second time, straight from the rules of
// the contract: lists, scans, and everything worked out anew after each
// command. It is what gate.Table is compared with, so it keeps no index, caches
// nothing and shares no code with the table beyond the types.
type model struct {
	counters gate.Counters
	holds    []gate.Hold    // in token order
	requests []gate.Request // in number order
	sessions []gate.Session // in number order
	books    map[uint64]*book
	endings  map[gate.Name][]gate.Ending // in log order

	// Of the command being applied:
	now gate.Wall
	out gate.Outcome
}

// book is what one session remembers for rule 12.
type book struct {
	acked uint64
	done  map[uint64]bool
	kept  map[uint64]*kept
}

// kept is one numbered command and what became of it: a result, or a request
// that it still waits for.
type kept struct {
	op      gate.Op
	request uint64
	result  *gate.Result
}

func newModel() *model {
	return &model{books: map[uint64]*book{}, endings: map[gate.Name][]gate.Ending{}}
}

// Apply does what gate.Table's Apply promises.
func (m *model) Apply(cmd *gate.Command, now gate.Wall) gate.Outcome {
	m.now, m.out = now, gate.Outcome{}
	result := m.once(cmd)
	m.settle()
	m.out.Result = result
	return m.out
}

// once applies a command unless it was applied before (rule 12).
func (m *model) once(cmd *gate.Command) gate.Result {
	if cmd.Session.IsZero() {
		return m.perform(cmd)
	}
	if m.session(cmd.Session) == nil {
		return gate.Result{Code: gate.SessionNotFound, Session: cmd.Session}
	}
	if !numbered(cmd.Op) {
		return m.perform(cmd)
	}
	b := m.book(cmd.Session.Number)
	if !b.see(cmd.Acked, cmd.Done) {
		return gate.Result{Code: gate.Overloaded, Session: cmd.Session}
	}
	if cmd.Seq == 0 {
		return m.perform(cmd)
	}
	if b.seen(cmd.Seq) {
		return gate.Result{Code: gate.StaleRequest, Session: cmd.Session}
	}
	if k := b.kept[cmd.Seq]; k != nil {
		return m.repeat(k, cmd)
	}
	if b.finished() >= gate.MaxAnswers {
		return gate.Result{Code: gate.Overloaded, Session: cmd.Session}
	}
	result := m.perform(cmd)
	switch result.Code {
	case gate.Overloaded, gate.SessionNotFound:
	case gate.Queued:
		b.kept[cmd.Seq] = &kept{op: body(cmd.Op), request: result.Request}
	default:
		b.kept[cmd.Seq] = &kept{op: body(cmd.Op), result: &result}
	}
	return result
}

// repeat answers a seq that was used before.
func (m *model) repeat(k *kept, cmd *gate.Command) gate.Result {
	if !reflect.DeepEqual(k.op, body(cmd.Op)) {
		return gate.Result{Code: gate.SeqReused}
	}
	if k.result != nil {
		return *k.result
	}
	return m.queued(k.request)
}

// keptOf is what the command's session remembers of it; nil if nothing.
func (m *model) keptOf(cmd *gate.Command) *kept {
	if b := m.books[cmd.Session.Number]; b != nil && cmd.Seq != 0 {
		return b.kept[cmd.Seq]
	}
	return nil
}

// numbered says whether the operation belongs to its session's seq space.
func numbered(op gate.Op) bool {
	switch op.(type) {
	case *gate.Acquire, *gate.Release, *gate.Downgrade, *gate.Break:
		return true
	}
	return false
}

// body is what must be equal in two commands with the same seq. Resume is not
// the client's.
func body(op gate.Op) gate.Op {
	if a, ok := op.(*gate.Acquire); ok {
		plain := *a
		plain.Resume = 0
		return &plain
	}
	return op
}

func (m *model) book(session uint64) *book {
	if m.books[session] == nil {
		m.books[session] = &book{done: map[uint64]bool{}, kept: map[uint64]*kept{}}
	}
	return m.books[session]
}

// see records which answers the client has seen, and forgets those. With too
// many gaps between it changes nothing and returns false.
func (b *book) see(acked uint64, done []uint64) bool {
	next := &book{acked: max(b.acked, acked), done: maps.Clone(b.done)}
	for _, seq := range done {
		next.done[seq] = true
	}
	for next.done[next.acked+1] {
		next.acked++
	}
	maps.DeleteFunc(next.done, func(seq uint64, _ bool) bool { return seq <= next.acked })
	if len(next.ledger()) > gate.MaxDoneRanges {
		return false
	}
	b.acked, b.done = next.acked, next.done
	maps.DeleteFunc(b.kept, func(seq uint64, _ *kept) bool { return b.seen(seq) })
	return true
}

func (b *book) seen(seq uint64) bool { return seq <= b.acked || b.done[seq] }

func (b *book) finished() int {
	n := 0
	for _, k := range b.kept {
		if k.result != nil {
			n++
		}
	}
	return n
}

func (m *model) perform(cmd *gate.Command) gate.Result {
	switch op := cmd.Op.(type) {
	case *gate.Acquire:
		return m.acquire(cmd.Session, cmd.Seq, op)
	case *gate.Release:
		return m.release(op)
	case *gate.Downgrade:
		return m.downgrade(op)
	case *gate.Break:
		return m.breakHold(op)
	case *gate.OpenSession:
		s := m.open(gate.Session{TTL: op.TTL, LockDelay: op.LockDelay, Client: &op.Client}, op.Nonce)
		return gate.Result{Code: gate.SessionOpened, Session: s.ID, At: s.At, TTL: s.TTL, LockDelay: s.LockDelay}
	case *gate.CloseSession:
		s := m.session(cmd.Session)
		if s == nil {
			return gate.Result{Code: gate.SessionNotFound}
		}
		return gate.Result{Code: gate.SessionClosed, Session: cmd.Session, Count: m.endSession(*s, gate.EndClosed)}
	case *gate.ReleaseRun:
		return m.releaseRun(op.Run)
	case *gate.StartTerm:
		m.counters.Term, m.counters.Leader, m.counters.ClientURL = op.Term, op.Leader, op.ClientURL
		m.event(gate.Event{Kind: gate.EventLeader, Term: op.Term, Leader: op.Leader, ClientURL: op.ClientURL})
		return gate.Result{Code: gate.TermStarted}
	case *gate.Expire:
		return m.expire(op)
	}
	panic("model: unknown operation")
}

// settle grants, lowest number first, as long as any waiting request is
// grantable, and ends private sessions that have nothing left.
func (m *model) settle() {
	for {
		m.closeEmptyPrivate()
		i := slices.IndexFunc(m.requests, func(r gate.Request) bool {
			return m.grantable(r.Run, r.Wants, r.Limit, r.Number)
		})
		if i < 0 {
			return
		}
		r := m.requests[i]
		m.requests = slices.Delete(m.requests, i, i+1)
		result := m.grant(r)
		result.Waited = m.since(r.At)
		m.answer(r, result)
	}
}

func (m *model) closeEmptyPrivate() {
	for _, s := range slices.Clone(m.sessions) {
		if s.Private && !m.used(s.ID) {
			m.endSession(s, gate.EndClosed)
		}
	}
}

func (m *model) used(id gate.SessionID) bool {
	return slices.ContainsFunc(m.holds, func(h gate.Hold) bool { return h.Session == id }) ||
		slices.ContainsFunc(m.requests, func(r gate.Request) bool { return r.Session == id })
}

// answer hands out the late result of a request that ended, and fixes it for
// the commands that waited for it. Where the request's session ended, commands
// of other sessions, which live on, are told that the request was withdrawn.
func (m *model) answer(r gate.Request, result gate.Result) {
	m.timer(gate.RequestWait, r.Number, 0)
	m.out.Answers = append(m.out.Answers, gate.Answer{Request: r.Number, Result: result})
	if result.Code == gate.SessionNotFound {
		result = m.over(r)
		result.Withdrawn = true
	}
	for _, b := range m.books {
		for _, k := range b.kept {
			if k.request == r.Number && k.result == nil {
				k.request, k.result = 0, &result
			}
		}
	}
}

func (m *model) event(e gate.Event) {
	e.At = m.now
	m.out.Events = append(m.out.Events, e)
}

func (m *model) timer(kind gate.TimerKind, id uint64, after time.Duration) {
	m.out.Timers = append(m.out.Timers, gate.Timer{Kind: kind, ID: id, After: after})
}

func (m *model) since(at gate.Wall) time.Duration {
	return time.Duration(m.now-at) * time.Millisecond
}

func (m *model) session(id gate.SessionID) *gate.Session {
	for i := range m.sessions {
		if m.sessions[i].ID == id {
			return &m.sessions[i]
		}
	}
	return nil
}

func (m *model) open(s gate.Session, nonce uint64) gate.Session {
	m.counters.Number++
	s.ID, s.At = gate.SessionID{Number: m.counters.Number, Nonce: nonce}, m.now
	m.sessions = append(m.sessions, s)
	m.timer(gate.SessionTTL, s.ID.Number, s.TTL)
	m.event(gate.Event{Kind: gate.EventSessionOpened, Session: s.ID})
	return s
}

// held returns the run's hold on the name.
func (m *model) held(run string, name gate.Name) (gate.Hold, bool) {
	for _, h := range m.holds {
		if h.Run == run && h.Name == name && run != "" {
			return h, true
		}
	}
	return gate.Hold{}, false
}

// waiting returns the run's request.
func (m *model) waiting(run string) (gate.Request, bool) {
	for _, r := range m.requests {
		if r.Run == run {
			return r, true
		}
	}
	return gate.Request{}, false
}

func (m *model) removeHold(h gate.Hold) {
	m.holds = slices.DeleteFunc(m.holds, func(x gate.Hold) bool { return x.Token == h.Token })
}

// putHold adds a hold, or replaces the one with its token.
func (m *model) putHold(h gate.Hold) {
	m.removeHold(h)
	m.holds = append(m.holds, h)
	slices.SortFunc(m.holds, func(a, b gate.Hold) int { return cmp.Compare(a.Token, b.Token) })
}
