package gate

import "slices"

// answer is what a book keeps of one command: the hold if one was taken or given
// back, else the whole result. A busy table makes an answer of each command and
// forgets it with the next one. Answers are immutable once they are in a book.
type answer struct {
	// seq is zero where there is no answer.
	seq, digest uint64
	// hash is the answer's part of the state hash.
	hash uint64
	// request is the request that the command waits for; zero when it has its
	// result.
	request uint64

	// hold, with previous as in its Grant, is nil if whole is the result.
	hold     *hold
	previous *Ending
	whole    *Result
	// code is Acquired or Released if there is a hold.
	code      Code
	reentrant bool
}

// set fills in what a new command came to; only is the hold that it took or gave
// back, or nil if that is not all. r's grants may be in memory of the outcome.
func (a *answer) set(r *Result, only *hold) {
	switch {
	case r.Code == Queued:
		a.request = r.Request
	case only != nil:
		a.code, a.reentrant, a.hold, a.previous = r.Code, r.Reentrant, only, r.Grants[0].Previous
	default:
		whole := *r
		whole.Grants = slices.Clone(r.Grants)
		a.whole = &whole
	}
}

// result returns what the command came to, which must not wait any more.
func (a *answer) result() Result {
	h := a.hold
	if h == nil {
		return *a.whole
	}
	r := Result{
		Code: a.code, Reentrant: a.reentrant, Run: h.run(),
		Grants: []Grant{{Name: h.name(), Mode: h.mode(), Scope: h.scope(), Token: h.token, Previous: a.previous}},
	}
	if a.code == Acquired {
		r.Limit, r.Session, r.At = uint32(h.limit), h.sessionID(), max(0, h.at)
	}
	return r
}

// seqAnswer returns the answer as it is stored.
func (a *answer) seqAnswer(session uint64) *SeqAnswer {
	stored := &SeqAnswer{Session: session, Seq: a.seq, Digest: a.digest, Request: a.request}
	if a.request == 0 {
		result := a.result()
		stored.Result = &result
	}
	return stored
}

// hashAnswer leaves the names and the run to the digest.
func (s *state) hashAnswer(session uint64, a *answer) uint64 {
	h := hashStart.word(5).word(session).word(a.seq).word(a.digest).word(a.request)
	switch {
	case a.whole != nil:
		r := a.whole
		h = h.word(uint64(r.Code)).word(r.Session.Number).word(uint64(r.At))
		for i := range r.Grants {
			h = h.word(r.Grants[i].Token)
		}
	case a.hold != nil:
		number, at := uint64(0), Wall(0)
		if a.code == Acquired {
			number, at = s.idOf(a.hold).Number, max(0, a.hold.at)
		}
		h = h.word(uint64(a.code)).word(number).word(uint64(at)).word(a.hold.token)
	}
	return h.sum()
}
