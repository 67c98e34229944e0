package sim

import (
	"bytes"

	"lockd/fsm"
	"lockd/gate"
)

// onceKey names a numbered command.
type onceKey struct{ session, seq uint64 }

// onceState is what became of it when it was first applied.
type onceState struct {
	// request is what it waits for; zero once it has its answer.
	request uint64
	answer  []byte
}

// exactlyOnce looks whether a copy of a numbered command changes nothing and is
// answered as the first one was (rule 12). It reports whether this is a copy.
func (r *referee) exactlyOnce(p *proposal, o *gate.Outcome) bool {
	r.settles(o)
	if p.cmd.Seq == 0 || p.cmd.Session.IsZero() {
		return false
	}
	key := onceKey{p.cmd.Session.Number, p.cmd.Seq}
	first := r.once[key]
	refused := false
	switch o.Result.Code {
	case gate.SessionNotFound, gate.Overloaded, gate.StaleRequest, gate.SeqReused:
		refused = true
	}
	switch {
	case len(o.Events)+len(o.Answers) > 0 && (refused || first != nil):
		r.w.fail("exactly once", "a copy of seq %d in session %d takes effect: %s", key.seq, key.session, resultText(&o.Result))
	case refused:
		return true
	case first == nil:
		first = &onceState{}
		r.once[key] = first
		if o.Result.Code == gate.Queued {
			first.request = o.Result.Request
			r.joins[first.request] = append(r.joins[first.request], key)
		} else {
			first.answer = fsm.AppendResult(make([]byte, 0, 96), &o.Result)
		}
		return false
	case first.request != 0 && (o.Result.Code != gate.Queued || o.Result.Request != first.request):
		r.w.fail("exactly once", "seq %d in session %d waits for request %d, a copy is told: %s",
			key.seq, key.session, first.request, resultText(&o.Result))
	case first.request == 0 && !bytes.Equal(first.answer, fsm.AppendResult(make([]byte, 0, 96), &o.Result)):
		r.w.fail("exactly once", "a copy of seq %d in session %d has another answer than the first: %s",
			key.seq, key.session, resultText(&o.Result))
	}
	return true
}

// settles notes the answers of commands that waited.
func (r *referee) settles(o *gate.Outcome) {
	for i := range o.Answers {
		a := &o.Answers[i]
		for _, key := range r.joins[a.Request] {
			if a.Result.Code == gate.SessionNotFound {
				delete(r.once, key)
				continue
			}
			*r.once[key] = onceState{answer: fsm.AppendResult(make([]byte, 0, 96), &a.Result)}
		}
		delete(r.joins, a.Request)
	}
}
