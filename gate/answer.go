package gate

// answer is what a book keeps of one command: what a Result has if names were
// taken or given back, else the whole of it. A busy table makes an answer of each
// command and forgets it with the next one. Answers are immutable.
type answer struct {
	seq, digest uint64
	// hash is the answer's part of the state hash.
	hash uint64
	// request is the request that the command waits for; zero when it has its
	// result.
	request uint64

	// whole is nil if the fields that follow are the result.
	whole     *Result
	code      Code
	reentrant bool
	limit     uint32
	run       string
	session   SessionID
	at        Wall
	grants    []Grant
	// grant is room for the only one of grants.
	grant [1]Grant
}

// set fills in what a new command came to.
func (a *answer) set(r *Result) {
	switch r.Code {
	case Queued:
		a.request = r.Request
	case Acquired, Released:
		a.code, a.reentrant, a.limit, a.run, a.session, a.at, a.grants =
			r.Code, r.Reentrant, r.Limit, r.Run, r.Session, r.At, r.Grants
	default:
		whole := *r
		a.whole = &whole
	}
}

// result returns what the command came to, which must not wait any more.
func (a *answer) result() Result {
	if a.whole != nil {
		return *a.whole
	}
	return Result{
		Code: a.code, Reentrant: a.reentrant, Limit: a.limit, Run: a.run, Session: a.session, At: a.at, Grants: a.grants,
	}
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
func hashAnswer(session uint64, a *answer) uint64 {
	h := hashStart.word(5).word(session).word(a.seq).word(a.digest).word(a.request)
	code, number, at, grants := a.code, a.session.Number, a.at, a.grants
	if r := a.whole; r != nil {
		code, number, at, grants = r.Code, r.Session.Number, r.At, r.Grants
	}
	h = h.word(uint64(code)).word(number).word(uint64(at))
	for i := range grants {
		h = h.word(grants[i].Token)
	}
	return h.sum()
}
