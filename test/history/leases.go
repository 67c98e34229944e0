package history

import (
	"fmt"
	"time"
)

// A lease is what the history says about one session.
type lease struct {
	ttl time.Duration
	// run is whom a private session belongs to.
	run string
	// renewed is when the last acknowledged keepalive, or the opening, was sent.
	renewed int64
	proof   Op
	// closing is when somebody first asked for its end, or for that of the hold
	// that it is private to; Never if nobody did.
	closing int64
	// goneBy is when the first answer was there that knows of its end.
	goneBy int64
	// ends are the closings.
	ends []Op
}

// deadline is the earliest time of an expiry.
func (l *lease) deadline() int64 { return l.renewed + int64(l.ttl) }

// leases gathers every session that was opened.
func leases(ops []Op) map[string]*lease {
	all := make(map[string]*lease)
	private := make(map[string]*lease)
	for _, op := range ops {
		if op.Kind == Open && op.Outcome == OK {
			l := &lease{ttl: op.TTL, run: op.Run, renewed: op.Start, proof: op, closing: Never, goneBy: Never}
			all[op.Session] = l
			if op.Run != "" {
				private[op.Run] = l
			}
		}
	}
	for _, op := range ops {
		if l := private[op.Run]; l != nil && (op.Kind == Release || op.Kind == Break) && op.mayHaveChanged() {
			l.closing = min(l.closing, op.Start)
		}
		l := all[op.Session]
		if l == nil {
			continue
		}
		switch {
		case op.Kind == Keepalive && op.Outcome == OK && op.Start > l.renewed:
			l.renewed, l.proof = op.Start, op
		case op.Kind == Close && op.mayHaveChanged():
			l.closing = min(l.closing, op.Start)
			l.ends = append(l.ends, op)
		}
		if op.Outcome == Gone || op.Kind == Close && op.Outcome == OK {
			l.goneBy = min(l.goneBy, op.End)
		}
	}
	return all
}

// Leases checks that no session ended earlier than its TTL after the sending of
// the last acknowledged keepalive, unless it was closed, and that none came back.
func Leases(ops []Op) []Violation {
	var wrong []Violation
	all := leases(ops)
	for _, op := range ops {
		l := all[op.Session]
		if op.Outcome != Gone || l == nil || l.closing < op.End {
			continue
		}
		if l.renewed > op.End {
			wrong = append(wrong, Violation{Returned, op.Session, []Op{op, l.proof}})
		} else if early := l.deadline() - op.End; early > 0 {
			wrong = append(wrong, Violation{Early, fmt.Sprintf("%s, %v early", op.Session, time.Duration(early)), []Op{l.proof, op}})
		}
	}
	return wrong
}
