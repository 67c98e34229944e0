package gate

import (
	"cmp"
	"slices"
)

// book is a session's exactly-once state: what its Ledger says, and its answers.
// It is changed in place in its own epoch of the tree of books, like a node. A
// session that never sent a seq has none.
type book struct {
	epoch *epoch
	// session is the session's number.
	session uint64
	acked   uint64
	done    []SeqRange
	// finished counts the answers that wait for no request.
	finished uint32
	// answers are by seq.
	answers tree[none, *answer]
}

// answer is what a book keeps of one command.
type answer struct {
	seq, digest uint64
	// request is the request that the command waits for; zero when it has its
	// result.
	request uint64
	result  *Result
	// hash is the answer's part of the state hash.
	hash uint64
}

// kept is an answer together with what belongs to it if it is of one name.
type kept struct {
	answer
	result Result
	grant  [1]Grant
}

// ledger is the book without its answers. It says nothing of a session of which
// only commands that wait are known.
func (b *book) ledger() (l Ledger, some bool) {
	return Ledger{b.session, b.acked, b.done, b.finished}, b.acked > 0 || len(b.done) > 0 || b.finished > 0
}

// bookOf returns a session's book to be read only, or nil.
func (s *state) bookOf(number uint64) *book {
	if r := s.recent; r != nil && r.book != nil && r.book.session == number {
		return r.book
	}
	b, _ := s.books.Get(number, none{})
	if s.recent != nil {
		s.recent.book = b
	}
	return b
}

// openBook returns b, the session's book or nil, as one that may be changed
// until the next version is taken.
func (s *state) openBook(b *book, number uint64) *book {
	if b != nil && b.epoch == s.books.epoch {
		return b
	}
	next := &book{session: number}
	if b != nil {
		*next = *b
	}
	next.epoch, next.answers.epoch = s.books.epoch, s.books.epoch
	s.books.Set(number, none{}, next)
	s.recent.book = next
	return next
}

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
	if cmd.Seq == 0 && cmd.Acked == 0 && len(cmd.Done) == 0 {
		return t.do(cmd)
	}
	b, noted := t.acknowledge(t.bookOf(number), cmd)
	switch {
	case !noted:
		return Result{Code: Overloaded, Session: cmd.Session}
	case cmd.Seq == 0:
		return t.do(cmd)
	case b.seen(cmd.Seq):
		return Result{Code: StaleRequest, Session: cmd.Session}
	}
	sum := digest(cmd.Op)
	if old := b.answer(cmd.Seq); old != nil {
		return t.repeat(old, sum)
	}
	if b != nil && b.finished >= MaxAnswers {
		return Result{Code: Overloaded, Session: cmd.Session}
	}
	k := new(kept)
	k.seq, k.digest = cmd.Seq, sum
	t.room = k.grant[:0]
	k.result = t.do(cmd)
	t.room = nil
	t.keep(number, k)
	return k.result
}

// repeat answers a command that was applied before.
func (t *Table) repeat(old *answer, sum uint64) Result {
	switch {
	case old.digest != sum:
		return Result{Code: SeqReused}
	case old.result != nil:
		return *old.result
	}
	return t.queuedResult(t.numbered(old.request))
}

// keep stores a command's answer, or that it waits for one. A command that was
// not carried out, or that ended its own session, leaves nothing.
func (t *Table) keep(number uint64, k *kept) {
	if k.result.Code == Overloaded || k.result.Code == SessionNotFound || t.sessionByNumber(number) == nil {
		return
	}
	if k.result.Code == Queued {
		t.putAnswer(number, &answer{seq: k.seq, digest: k.digest, request: k.result.Request})
		return
	}
	k.answer.result = &k.result
	t.putAnswer(number, &k.answer)
}

// settleSeq stores the answer of a command whose request has ended.
func (t *Table) settleSeq(j Join, request uint64, result *Result) {
	old := t.bookOf(j.Session).answer(j.Seq)
	if old == nil || old.request != request {
		return
	}
	t.putAnswer(j.Session, &answer{seq: j.Seq, digest: old.digest, result: result})
}

// grants returns room for n grants of a result.
func (t *Table) grants(n int) []Grant {
	if room := t.room; room != nil && n == 1 {
		t.room = nil
		return room
	}
	return make([]Grant, 0, n)
}

// putAnswer adds an answer to its session's book, in place of one with its seq.
func (s *state) putAnswer(number uint64, a *answer) {
	a.hash = hashAnswer(number, a)
	b := s.openBook(s.bookOf(number), number)
	if old, replaced := b.answers.Set(a.seq, none{}, a); replaced {
		s.uncountAnswer(b, old)
	}
	if a.result != nil {
		b.finished++
	}
	s.answers++
	s.hash += a.hash
}

// dropAnswer takes the answer to a seq out of an open book if there is one.
func (s *state) dropAnswer(b *book, seq uint64) {
	if old, found := b.answers.Delete(seq, none{}); found {
		s.uncountAnswer(b, old)
	}
}

func (s *state) uncountAnswer(b *book, a *answer) {
	if a.result != nil {
		b.finished--
	}
	s.answers--
	s.hash -= a.hash
}

// answer returns what a book, which may be nil, keeps of a command, or nil.
func (b *book) answer(seq uint64) *answer {
	if b == nil {
		return nil
	}
	a, _ := b.answers.Get(seq, none{})
	return a
}

// seen reports whether the client has said that it saw the seq's answer.
func (b *book) seen(seq uint64) bool {
	if b == nil || seq <= b.acked {
		return b != nil
	}
	_, found := slices.BinarySearchFunc(b.done, seq, func(r SeqRange, seq uint64) int {
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

// acknowledge notes in a session's book, which may be nil, the answers that the
// client has seen and drops them, and returns the book as it is then. It returns
// false, with nothing changed, when the seqs done leave too many gaps.
func (t *Table) acknowledge(b *book, cmd *Command) (now *book, noted bool) {
	var before book
	if b != nil {
		before = *b
	}
	if cmd.Acked <= before.acked && len(cmd.Done) == 0 {
		return b, true
	}
	acked, done := max(cmd.Acked, before.acked), mergeDone(before.done, cmd.Done)
	for len(done) > 0 && done[0].From <= acked+1 {
		acked = max(acked, done[0].To)
		done = done[1:]
	}
	if len(done) > MaxDoneRanges {
		return b, false
	}
	b = t.openBook(b, cmd.Session.Number)
	t.hash += hashSeen(b.session, acked, done) - hashSeen(b.session, b.acked, b.done)
	b.acked, b.done = acked, done
	for {
		first, found := b.answers.First()
		if !found || first.seq > acked {
			break
		}
		t.dropAnswer(b, first.seq)
	}
	for _, seq := range cmd.Done {
		t.dropAnswer(b, seq)
	}
	return b, true
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

// dropBook forgets a session's exactly-once state.
func (s *state) dropBook(number uint64) {
	b, found := s.books.Delete(number, none{})
	if !found {
		return
	}
	s.recent.book = nil
	s.hash -= hashSeen(b.session, b.acked, b.done)
	s.answers -= b.answers.Len()
	b.answers.Scan(func(a *answer) bool {
		s.hash -= a.hash
		return true
	})
}

// putLedger adds a session's ledger to its book. The count of answers is theirs.
func (s *state) putLedger(l *Ledger) {
	b := s.openBook(s.bookOf(l.Session), l.Session)
	s.hash += hashSeen(l.Session, l.Acked, l.Done) - hashSeen(b.session, b.acked, b.done)
	b.acked, b.done = l.Acked, l.Done
}
