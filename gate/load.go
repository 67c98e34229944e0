package gate

import "iter"

// The records of a version, for storing it. A Loader given all of them makes
// an equal table.

// AllSessions yields the live sessions by number.
func (v *View) AllSessions() iter.Seq[*Session] { return all(v.state.sessions) }

// AllLedgers yields the exactly-once state by session.
func (v *View) AllLedgers() iter.Seq[*Ledger] { return all(v.state.ledgers) }

// AllAnswers yields the kept answers by session and seq.
func (v *View) AllAnswers() iter.Seq[*SeqAnswer] { return all(v.state.answers) }

// AllRequests yields the waiting requests by number.
func (v *View) AllRequests() iter.Seq[*Request] { return all(v.state.byNumber) }

// AllHolds yields the holds, those of no run last.
func (v *View) AllHolds() iter.Seq[*Hold] {
	return func(yield func(*Hold) bool) {
		more := true
		v.state.runHolds.Scan(func(x runHold) bool {
			more = yield(x.hold)
			return more
		})
		if more {
			v.state.delays.Scan(yield)
		}
	}
}

func all[T any](tree *tree[T]) iter.Seq[T] {
	return func(yield func(T) bool) { tree.Scan(yield) }
}

// Loader builds a table from its records, in any order.
type Loader struct {
	table    *Table
	requests []*Request
	endings  []*Ending
}

// NewLoader starts an empty table with the given counters.
func NewLoader(c Counters) *Loader {
	l := &Loader{table: New()}
	l.table.counters = c
	return l
}

// Session adds a live session. The Loader keeps what it is given, here and below.
func (l *Loader) Session(x *Session) { l.table.putSession(x) }

// Ledger adds a session's exactly-once state.
func (l *Loader) Ledger(x *Ledger) { l.table.putLedger(x) }

// Answer adds a kept answer.
func (l *Loader) Answer(x *SeqAnswer) { l.table.putAnswer(x) }

// Hold adds a hold.
func (l *Loader) Hold(x *Hold) { l.table.putHold(x) }

// Request adds a waiting request.
func (l *Loader) Request(x *Request) { l.requests = append(l.requests, x) }

// Ending adds a remembered ending.
func (l *Loader) Ending(x *Ending) { l.endings = append(l.endings, x) }

// Table returns the table once all records are in, or an error that says which
// invariant they break. The Loader must not be used afterwards.
func (l *Loader) Table() (*Table, error) {
	for _, r := range l.requests {
		l.table.putRequest(r)
	}
	l.table.loadEndings(l.endings)
	if err := l.table.Check(); err != nil {
		return nil, err
	}
	return l.table, nil
}
