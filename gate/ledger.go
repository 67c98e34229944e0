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
	// session is the session's record; id, clientHash and private are what it says, so
	// that few commands look at it.
	session    *Session
	id         SessionID
	clientHash uint64
	acked      uint64
	// newest is the answer that was added last, if it is still there.
	newest answer
	// more is nil if the client never had two commands under way at a time.
	more *backlog
	// finished counts the answers that wait for no request.
	finished uint32
	private  bool
}

// backlog is what a book has of commands that end out of order.
type backlog struct {
	done []SeqRange
	// others are the answers beside the newest, by seq.
	others tree[none, *answer]
}

// ledger is the book without its answers. It says nothing of a session of which
// only commands that wait are known.
func (b *book) ledger() (l Ledger, some bool) {
	return Ledger{b.id.Number, b.acked, b.done(), b.finished}, b.acked > 0 || len(b.done()) > 0 || b.finished > 0
}

func (b *book) done() []SeqRange {
	if b.more == nil {
		return nil
	}
	return b.more.done
}

// backlog returns an open book's, a new one if there was none.
func (b *book) backlog() *backlog {
	if b.more == nil {
		b.more = new(backlog)
		b.more.others.epoch = b.epoch
	}
	return b.more
}

// open returns a copy of a book that may be changed in an epoch.
func (b *book) open(e *epoch) *book {
	next := *b
	next.epoch = e
	if b.more != nil {
		more := *b.more
		more.others.epoch = e
		next.more = &more
	}
	return &next
}

// bookOf returns a session's book to be read only, or nil.
func (s *state) bookOf(number uint64) *book {
	if r := s.recent; r != nil && r.book != nil && r.book.id.Number == number {
		return r.book
	}
	b, _ := s.books.Get(number, none{})
	return b
}

// openBook returns a session's book as one that may be changed until the next
// version is taken, or nil.
func (s *state) openBook(number uint64) *book {
	known := &s.recent.books[number%recentRecords]
	if b := *known; b != nil && b.epoch == s.books.epoch && b.id.Number == number {
		s.recent.book = b
		return b
	}
	at := s.books.change(number, none{})
	if at == nil {
		return nil
	}
	if b := *at; b.epoch != s.books.epoch {
		*at = b.open(s.books.epoch)
	}
	*known, s.recent.book = *at, *at
	return *at
}

// bookFor opens the book of a session, a new one if it has none.
func (s *state) bookFor(x *Session) *book {
	if b := s.openBook(x.ID.Number); b != nil {
		return b
	}
	b := &book{epoch: s.books.epoch, session: x, id: x.ID, clientHash: x.clientHash, private: x.Private}
	s.books.Set(x.ID.Number, none{}, b)
	s.recent.books[x.ID.Number%recentRecords], s.recent.book = b, b
	return b
}

// applyOnce carries out a command unless its session has seen it before
// (rule 12).
func (t *Table) applyOnce(cmd *Command, r *Result) {
	if cmd.Session.IsZero() {
		t.do(cmd, r)
		return
	}
	var b *book
	numbered := cmd.Seq != 0 || cmd.Acked != 0 || len(cmd.Done) > 0
	if numbered {
		b = t.openBook(cmd.Session.Number)
	}
	x := t.session(cmd.Session)
	switch {
	case x == nil:
		r.Code, r.Session = SessionNotFound, cmd.Session
		return
	case !numbered:
		t.do(cmd, r)
		return
	case b == nil:
		b = t.bookFor(x)
	}
	switch {
	case !t.acknowledge(b, cmd):
		r.Code, r.Session = Overloaded, cmd.Session
	case cmd.Seq == 0:
		t.do(cmd, r)
	case b.seen(cmd.Seq):
		r.Code, r.Session = StaleRequest, cmd.Session
	default:
		t.applySeq(b, cmd, r)
	}
}

// applySeq carries out a command unless the book has an answer to its seq.
func (t *Table) applySeq(b *book, cmd *Command, r *Result) {
	sum := digest(cmd.Op)
	if old := b.answer(cmd.Seq); old != nil {
		*r = t.repeat(old, sum)
		return
	}
	if b.finished >= MaxAnswers {
		r.Code, r.Session = Overloaded, cmd.Session
		return
	}
	t.only = nil
	t.do(cmd, r)
	t.keep(cmd.Session.Number, &answer{seq: cmd.Seq, digest: sum}, r)
}

// repeat answers a command that was applied before.
func (t *Table) repeat(old *answer, sum uint64) Result {
	switch {
	case old.digest != sum:
		return Result{Code: SeqReused}
	case old.request != 0:
		return t.queuedResult(t.numbered(old.request))
	}
	return old.result()
}

// keep stores a command's answer, or that it waits for one. A command that was
// not carried out, or that ended its own session, leaves nothing.
func (t *Table) keep(number uint64, a *answer, r *Result) {
	if r.Code == Overloaded || r.Code == SessionNotFound {
		return
	}
	if b := t.openBook(number); b != nil {
		a.set(r, t.only)
		t.putAnswer(b, a)
	}
}

// settleSeq stores the answer of a command whose request has ended.
func (t *Table) settleSeq(j Join, request uint64, result *Result) {
	old := t.bookOf(j.Session).answer(j.Seq)
	if old == nil || old.request != request {
		return
	}
	t.putAnswer(t.openBook(j.Session), &answer{seq: j.Seq, digest: old.digest, whole: result})
}

// grants returns room for n grants of a result.
func (t *Table) grants(n int) []Grant {
	if room := t.room; room != nil && n == 1 {
		t.room = nil
		return room
	}
	return make([]Grant, 0, n)
}

// putAnswer adds a copy of an answer to an open book, in place of one with its seq.
func (s *state) putAnswer(b *book, a *answer) {
	s.dropAnswer(b, a.seq)
	if b.newest.seq != 0 {
		older := b.newest
		b.backlog().others.Set(older.seq, none{}, &older)
	}
	b.newest = *a
	b.newest.hash = s.hashAnswer(b.id.Number, a)
	if a.request == 0 {
		b.finished++
	}
	s.answers++
	s.hash += b.newest.hash
}

// dropAnswer takes the answer to a seq out of an open book if there is one.
func (s *state) dropAnswer(b *book, seq uint64) {
	switch {
	case seq == 0:
	case b.newest.seq == seq:
		s.forgetAnswer(b, &b.newest)
		b.newest = answer{}
	case b.more != nil:
		if a, found := b.more.others.Delete(seq, none{}); found {
			s.forgetAnswer(b, a)
		}
	}
}

// forgetAnswer takes an answer that leaves its book out of what counts answers.
func (s *state) forgetAnswer(b *book, a *answer) {
	if a.request == 0 {
		b.finished--
	}
	s.answers--
	s.hash -= a.hash
}

// answer returns what a book, which may be nil, keeps of a command, or nil.
func (b *book) answer(seq uint64) *answer {
	switch {
	case b == nil:
		return nil
	case b.newest.seq == seq:
		return &b.newest
	case b.more == nil:
		return nil
	}
	a, _ := b.more.others.Get(seq, none{})
	return a
}

// all yields the answers by seq.
func (b *book) all(yield func(*answer) bool) bool {
	newest, more := b.newest.seq != 0, true
	if b.more != nil {
		b.more.others.Scan(func(a *answer) bool {
			if newest && b.newest.seq < a.seq {
				more = yield(&b.newest)
				newest = false
			}
			more = more && yield(a)
			return more
		})
	}
	return more && (!newest || yield(&b.newest))
}

// seen reports whether the client has said that it saw the seq's answer.
func (b *book) seen(seq uint64) bool {
	if seq <= b.acked {
		return true
	}
	_, found := slices.BinarySearchFunc(b.done(), seq, func(r SeqRange, seq uint64) int {
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

// acknowledge notes in an open book the answers that the client has seen and
// drops them. It returns false, with nothing changed, when the seqs done leave
// too many gaps.
func (t *Table) acknowledge(b *book, cmd *Command) bool {
	if cmd.Acked <= b.acked && len(cmd.Done) == 0 {
		return true
	}
	acked, done := max(cmd.Acked, b.acked), mergeDone(b.done(), cmd.Done)
	for len(done) > 0 && done[0].From <= acked+1 {
		acked = max(acked, done[0].To)
		done = done[1:]
	}
	if len(done) > MaxDoneRanges {
		return false
	}
	t.hash += hashSeen(b.id.Number, acked, done) - hashSeen(b.id.Number, b.acked, b.done())
	b.see(acked, done)
	if b.newest.seq <= acked && b.newest.seq != 0 {
		t.dropAnswer(b, b.newest.seq)
	}
	for b.more != nil {
		first, found := b.more.others.First()
		if !found || first.seq > acked {
			break
		}
		t.dropAnswer(b, first.seq)
	}
	for _, seq := range cmd.Done {
		t.dropAnswer(b, seq)
	}
	return true
}

// see notes in an open book what the client has seen.
func (b *book) see(acked uint64, done []SeqRange) {
	b.acked = acked
	if b.more != nil || len(done) > 0 {
		b.backlog().done = done
	}
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
	s.recent.books[number%recentRecords], s.recent.book = nil, nil
	s.hash -= hashSeen(b.id.Number, b.acked, b.done())
	b.all(func(a *answer) bool {
		s.hash -= a.hash
		s.answers--
		return true
	})
}

// putLedger fills in the book of a session. The count of answers is theirs.
func (s *state) putLedger(b *book, l *Ledger) {
	s.hash += hashSeen(l.Session, l.Acked, l.Done) - hashSeen(l.Session, b.acked, b.done())
	b.see(l.Acked, l.Done)
}
