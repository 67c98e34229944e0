package gate

// The state hash is the sum, modulo 2^64, of one well-mixed hash for each
// record, so that it can be kept up to date by every change and does not
// depend on the order of changes. It finds replicas that differ; it is not a
// defence against somebody who builds collisions.

// hasher is FNV-1a (Fowler, Noll, Vo) over the fields of a record.
type hasher uint64

const (
	fnvOffset hasher = 14695981039346656037
	fnvPrime  hasher = 1099511628211
)

func (h hasher) word(x uint64) hasher {
	for range 8 {
		h = (h ^ hasher(x&0xff)) * fnvPrime
		x >>= 8
	}
	return h
}

func (h hasher) flag(set bool) hasher {
	if set {
		return h.word(1)
	}
	return h.word(0)
}

func (h hasher) text(s string) hasher {
	for i := range len(s) {
		h = (h ^ hasher(s[i])) * fnvPrime
	}
	return h.word(uint64(len(s)))
}

func (h hasher) name(n Name) hasher { return h.word(uint64(n.Kind)).text(n.Text) }

func (h hasher) id(id SessionID) hasher { return h.word(id.Number).word(id.Nonce) }

func (h hasher) want(w Want) hasher {
	return h.name(w.Name).word(uint64(w.Mode)<<8 | uint64(w.Scope))
}

func (h hasher) client(c *Client) hasher {
	if c == nil {
		return h.word(0)
	}
	return h.text(c.Name).text(c.Host).word(uint64(c.PID))
}

// sum finishes a record's hash with the mixing steps of SplitMix64 (Steele,
// Lea and Flood, 2014), so that sums of hashes do not cancel out.
func (h hasher) sum() uint64 {
	x := uint64(h)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func hashRun(run string) uint64 { return fnvOffset.text(run).sum() }

func hashHold(h *Hold) uint64 {
	return fnvOffset.word(1).want(h.strength()).text(h.Run).id(h.Session).word(h.Token).word(uint64(h.At)).
		text(h.Reason).client(h.Client).word(uint64(h.Limit)).word(h.Request).word(uint64(h.Ended)).
		word(uint64(h.Delay)).sum()
}

func hashRequest(r *Request) uint64 {
	h := fnvOffset.word(2).word(r.Number).text(r.Run).id(r.Session)
	for _, w := range r.Wants {
		h = h.want(w)
	}
	h = h.word(uint64(r.Limit)).word(uint64(r.Wait)).word(uint64(r.At)).text(r.Reason).client(r.Client)
	for _, j := range r.Joins {
		h = h.word(j.Session).word(j.Seq)
	}
	return h.sum()
}

func hashSession(s *Session) uint64 {
	return fnvOffset.word(3).id(s.ID).word(uint64(s.TTL)).word(uint64(s.LockDelay)).client(s.Client).
		flag(s.Private).word(s.Lost).word(uint64(s.At)).word(s.Restart).sum()
}

func hashLedger(l *Ledger) uint64 {
	h := fnvOffset.word(4).word(l.Session).word(l.Acked).word(uint64(l.Answers))
	for _, r := range l.Done {
		h = h.word(r.From).word(r.To)
	}
	return h.sum()
}

func hashAnswer(a *SeqAnswer) uint64 {
	h := fnvOffset.word(5).word(a.Session).word(a.Seq).word(a.Digest).word(a.Request)
	if r := a.Result; r != nil {
		h = h.word(uint64(r.Code)).text(r.Run).id(r.Session).word(uint64(r.At))
		for _, g := range r.Grants {
			h = h.name(g.Name).word(g.Token)
		}
	}
	return h.sum()
}

func hashEnding(e *Ending) uint64 {
	return fnvOffset.word(6).name(e.Name).text(e.Run).word(uint64(e.End)).word(e.Order).sum()
}

func hashCounters(c *Counters) uint64 {
	return fnvOffset.word(7).word(c.Token).word(c.Number).word(c.Ending).word(c.Restart).word(c.Term).
		text(c.Leader).text(c.ClientURL).sum()
}

// digest tells apart two commands with the same seq (rule 12). It leaves out
// what may differ between copies of one command.
func digest(op Op) uint64 {
	h := fnvOffset
	switch op := op.(type) {
	case *Acquire:
		h = h.word(1).text(op.Run)
		for _, w := range op.Wants {
			h = h.want(w)
		}
		h = h.word(uint64(op.Limit)).word(uint64(op.Wait)).text(op.Reason).client(&op.Client)
	case *Release:
		h = h.word(2).text(op.Run)
		for _, g := range op.Gives {
			h = h.name(g.Name).word(g.Token)
		}
	case *Downgrade:
		h = h.word(3).text(op.Run).want(Want{op.Name, op.Mode, op.Scope}).word(op.Token).
			flag(op.KeepMode).flag(op.KeepScope)
	case *Break:
		h = h.word(4).name(op.Name).word(op.Token).text(op.Reason).text(op.Actor)
	case *ReleaseRun:
		h = h.word(5).text(op.Run)
	case *CloseSession:
		h = h.word(6)
	}
	return h.sum()
}
