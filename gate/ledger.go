package gate

import (
	"cmp"
	"math"
	"slices"
)

// applyOnce carries out a command unless its session has seen it before
// (rule 12).
func (t *Table) applyOnce(cmd *Command) Result {
	if cmd.Session.IsZero() {
		return t.do(cmd)
	}
	if t.session(cmd.Session) == nil {
		return Result{Code: SessionNotFound, Session: cmd.Session}
	}
	number := cmd.Session.Number
	if !t.acknowledge(number, cmd.Acked, cmd.Done) {
		return Result{Code: Overloaded, Session: cmd.Session}
	}
	if cmd.Seq == 0 {
		return t.do(cmd)
	}
	l := t.ledger(number)
	if l.seen(cmd.Seq) {
		return Result{Code: StaleRequest, Session: cmd.Session}
	}
	sum := digest(cmd.Op)
	if kept := t.answer(number, cmd.Seq); kept != nil {
		return t.repeat(kept, sum)
	}
	if l.Answers >= MaxAnswers {
		return Result{Code: Overloaded, Session: cmd.Session}
	}
	result := t.do(cmd)
	t.keep(&SeqAnswer{Session: number, Seq: cmd.Seq, Digest: sum}, result)
	return result
}

// repeat answers a command that was applied before.
func (t *Table) repeat(kept *SeqAnswer, sum uint64) Result {
	switch {
	case kept.Digest != sum:
		return Result{Code: SeqReused}
	case kept.Result != nil:
		return *kept.Result
	}
	return t.queuedResult(t.numbered(kept.Request))
}

// keep stores a command's answer, or that it waits for one. A command that was
// not carried out, or that ended its own session, leaves nothing.
func (t *Table) keep(a *SeqAnswer, result Result) {
	if result.Code == Overloaded || result.Code == SessionNotFound || t.sessionByNumber(a.Session) == nil {
		return
	}
	if result.Code == Queued {
		a.Request = result.Request
		t.putAnswer(a)
		return
	}
	a.Result = &result
	t.putAnswer(a)
	t.countAnswers(a.Session, 1)
}

// settleSeq stores the answer of a command whose request has ended.
func (t *Table) settleSeq(j Join, request uint64, result *Result) {
	kept := t.answer(j.Session, j.Seq)
	if kept == nil || kept.Request != request {
		return
	}
	t.putAnswer(&SeqAnswer{Session: j.Session, Seq: j.Seq, Digest: kept.Digest, Result: result})
	t.countAnswers(j.Session, 1)
}

// ledger returns a session's exactly-once state, which is empty at first.
func (s *state) ledger(number uint64) *Ledger {
	p := s.probe.forLedger()
	p.Session = number
	if l, found := s.ledgers.Get(p); found {
		return l
	}
	return &Ledger{Session: number}
}

// answer returns what the session keeps of a command, or nil.
func (s *state) answer(session, seq uint64) *SeqAnswer {
	p := s.probe.forAnswer()
	p.Session, p.Seq = session, seq
	a, _ := s.answers.Get(p)
	return a
}

func (t *Table) countAnswers(number uint64, by int) {
	next := *t.ledger(number)
	next.Answers = uint32(int(next.Answers) + by)
	t.putLedger(&next)
}

// seen reports whether the client has said that it saw the seq's answer.
func (l *Ledger) seen(seq uint64) bool {
	if seq <= l.Acked {
		return true
	}
	_, found := slices.BinarySearchFunc(l.Done, seq, func(r SeqRange, seq uint64) int {
		switch {
		case r.To < seq:
			return -1
		case r.From > seq:
			return 1
		}
		return 0
	})
	return found
}

// acknowledge notes the answers that the client has seen and drops them. It
// returns false, with nothing changed, when the seqs done leave too many gaps.
func (t *Table) acknowledge(number, acked uint64, done []uint64) bool {
	l := t.ledger(number)
	if acked <= l.Acked && len(done) == 0 {
		return true
	}
	next := *l
	next.Acked = max(acked, l.Acked)
	next.Done = mergeDone(l.Done, done)
	for len(next.Done) > 0 && next.Done[0].From <= next.Acked+1 {
		next.Acked = max(next.Acked, next.Done[0].To)
		next.Done = next.Done[1:]
	}
	if len(next.Done) > MaxDoneRanges {
		return false
	}
	drop := func(a *SeqAnswer) {
		t.dropAnswer(a)
		if a.Result != nil {
			next.Answers--
		}
	}
	for _, a := range t.answersOf(number, next.Acked) {
		drop(a)
	}
	for _, seq := range done {
		if a := t.answer(number, seq); a != nil {
			drop(a)
		}
	}
	t.putLedger(&next)
	return true
}

// answersOf returns the answers that a session keeps up to a seq.
func (s *state) answersOf(number, upTo uint64) (list []*SeqAnswer) {
	p := s.probe.forAnswer()
	p.Session, p.Seq = number, 0
	s.answers.Ascend(p, func(a *SeqAnswer) bool {
		if a.Session != number || a.Seq > upTo {
			return false
		}
		list = append(list, a)
		return true
	})
	return list
}

// mergeDone returns the ranges with more seqs, in order and with gaps between.
func mergeDone(ranges []SeqRange, more []uint64) []SeqRange {
	if len(more) == 0 {
		return ranges
	}
	all := append(make([]SeqRange, 0, len(ranges)+len(more)), ranges...)
	for _, seq := range more {
		all = append(all, SeqRange{seq, seq})
	}
	slices.SortFunc(all, func(a, b SeqRange) int { return cmp.Compare(a.From, b.From) })
	merged := all[:1]
	for _, r := range all[1:] {
		last := &merged[len(merged)-1]
		if r.From <= last.To+1 {
			last.To = max(last.To, r.To)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// forgetAnswers drops a session's exactly-once state.
func (t *Table) forgetAnswers(number uint64) {
	if l, found := t.ledgers.Get(&Ledger{Session: number}); found {
		t.dropLedger(l)
	}
	for _, a := range t.answersOf(number, math.MaxUint64) {
		t.dropAnswer(a)
	}
}
