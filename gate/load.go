package gate

import (
	"errors"
	"fmt"
	"iter"
	"strings"
)

// The records of a version, for storing it. A Loader given all of them makes
// an equal table.

// AllSessions yields the live sessions by number.
func (v *View) AllSessions() iter.Seq[*Session] { return all(v.state.sessions) }

// AllLedgers yields the exactly-once state by session.
func (v *View) AllLedgers() iter.Seq[*Ledger] {
	return func(yield func(*Ledger) bool) {
		v.state.books.Scan(func(b *book) bool {
			l, some := b.ledger()
			return !some || yield(&l)
		})
	}
}

// AllAnswers yields the kept answers by session and seq.
func (v *View) AllAnswers() iter.Seq[*SeqAnswer] {
	return func(yield func(*SeqAnswer) bool) {
		more := true
		v.state.books.Scan(func(b *book) bool {
			more = b.all(func(a *answer) bool { return yield(a.seqAnswer(b.id.Number)) })
			return more
		})
	}
}

// AllRequests yields the waiting requests by number.
func (v *View) AllRequests() iter.Seq[*Request] { return all(v.state.byNumber) }

// AllHolds yields the holds in the order in which a Loader is fastest: by kind,
// mode, scope and name. Each is in the memory of the one before.
func (v *View) AllHolds() iter.Seq[*Hold] {
	return func(yield func(*Hold) bool) {
		var full Hold
		for h := range v.state.eachStored() {
			if full = h.full(); !yield(&full) {
				return
			}
		}
	}
}

// eachStored yields the holds by kind, mode, scope and name.
func (s *state) eachStored() iter.Seq[*hold] {
	return func(yield func(*hold) bool) {
		more := true
		for _, k := range kinds {
			for tree := range s.holds[k].each() {
				tree.Scan(func(h *hold) bool {
					more = yield(h)
					return more
				})
				if !more {
					return
				}
			}
		}
	}
}

// each yields the trees.
func (c cover[T]) each() iter.Seq[*tree[spot, T]] {
	return func(yield func(*tree[spot, T]) bool) {
		for _, scopes := range c.trees {
			for _, tree := range scopes {
				if !yield(tree) {
					return
				}
			}
		}
	}
}

func all[T any](tree *tree[none, T]) iter.Seq[T] {
	return func(yield func(T) bool) { tree.Scan(yield) }
}

// Loader builds a table from its records, in any order. It is fastest if each kind
// of them comes in the order of a View.
type Loader struct {
	table *Table
	holds []entry[*hold]
	// early are holds that came before their sessions.
	early    []Hold
	ledgers  []*Ledger
	answers  []*SeqAnswer
	requests []*Request
	endings  []ending
	err      error
}

// NewLoader starts an empty table with the given counters.
func NewLoader(c Counters) *Loader {
	l := &Loader{table: New()}
	l.table.counters = c
	return l
}

// Session adds a live session. The Loader keeps what it is given, here and below,
// but for holds and endings.
func (l *Loader) Session(x *Session) { l.table.putSession(x) }

// Ledger adds a session's exactly-once state.
func (l *Loader) Ledger(x *Ledger) { l.ledgers = append(l.ledgers, x) }

// Answer adds a kept answer.
func (l *Loader) Answer(x *SeqAnswer) { l.answers = append(l.answers, x) }

// Hold adds a hold. The Loader keeps nothing of x but the client.
func (l *Loader) Hold(x *Hold) {
	if x.Session.IsZero() || l.table.session(x.Session) != nil {
		l.hold(x)
		return
	}
	early := *x
	early.Name.Text, early.Run, early.Reason = strings.Clone(x.Name.Text), strings.Clone(x.Run), strings.Clone(x.Reason)
	l.early = append(l.early, early)
}

// hold adds a hold whose session, if it has one, was added.
func (l *Loader) hold(x *Hold) {
	var session *Session
	if !x.Session.IsZero() {
		session = l.table.session(x.Session)
	}
	switch {
	case session == nil && !x.Session.IsZero():
		l.fail(fmt.Errorf("gate: %v: session %v of token %d is gone", x.Name, x.Session, x.Token))
	case !fits(x.Name, x.Run, x.Limit):
		l.fail(fmt.Errorf("gate: token %d: its name, run or limit is too long", x.Token))
	default:
		l.holds = append(l.holds, entry[*hold]{hashRun(x.Run), stored(x, session)})
	}
}

// fail notes what is wrong; the first error counts.
func (l *Loader) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// Request adds a waiting request.
func (l *Loader) Request(x *Request) { l.requests = append(l.requests, x) }

// Ending adds a remembered ending.
func (l *Loader) Ending(x *Ending) {
	if !fits(x.Name, x.Run, 0) {
		l.fail(fmt.Errorf("gate: ending %d: its name or run is too long", x.Order))
		return
	}
	l.endings = append(l.endings, storedEnding(x))
}

// Table returns the table once all records are in, or an error that says which
// invariant they break. The Loader must not be used afterwards.
func (l *Loader) Table() (*Table, error) {
	for i := range l.early {
		l.hold(&l.early[i])
	}
	if l.err != nil {
		return nil, l.err
	}
	if !l.table.loadHolds(l.holds) {
		return nil, errors.New("gate: two holds at one place")
	}
	for _, r := range l.requests {
		l.table.putRequest(r)
	}
	if !l.table.loadEndings(l.endings) {
		return nil, errors.New("gate: too many endings")
	}
	if err := l.loadBooks(); err != nil {
		return nil, err
	}
	if err := l.table.checkRecords(); err != nil {
		return nil, err
	}
	return l.table, nil
}

// loadBooks makes the books of the sessions and verifies that the ledgers count
// the answers.
func (l *Loader) loadBooks() error {
	for _, x := range l.ledgers {
		session := l.table.sessionByNumber(x.Session)
		if session == nil {
			return fmt.Errorf("gate: a ledger outlived session %d", x.Session)
		}
		l.table.putLedger(l.table.bookFor(session), x)
	}
	for _, x := range l.answers {
		session := l.table.sessionByNumber(x.Session)
		if session == nil {
			return fmt.Errorf("gate: an answer outlived session %d", x.Session)
		}
		if x.Seq == 0 {
			return fmt.Errorf("gate: session %d: an answer without a seq", x.Session)
		}
		a := &answer{seq: x.Seq, digest: x.Digest, request: x.Request, whole: x.Result}
		l.table.putAnswer(l.table.bookFor(session), a)
	}
	counted := 0
	for _, x := range l.ledgers {
		if finished := l.table.bookOf(x.Session).finished; finished != x.Answers {
			return fmt.Errorf("gate: session %d: %d answers, %d counted", x.Session, finished, x.Answers)
		}
		counted += int(x.Answers)
	}
	finished := 0
	l.table.books.Scan(func(b *book) bool {
		finished += int(b.finished)
		return true
	})
	if finished != counted {
		return fmt.Errorf("gate: %d answers, ledgers count %d", finished, counted)
	}
	return nil
}
