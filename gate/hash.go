package gate

// The state hash is the sum, modulo 2^64, of one well-mixed hash for each
// record, so that it can be kept up to date by every change and does not
// depend on the order of changes. It finds replicas that differ; it is not a
// defence against somebody who builds collisions.

// hasher takes the fields of a record eight bytes at a time. State hashes are
// compared between nodes of one version only and are in no file, so that it may
// change from version to version.
type hasher uint64

const (
	hashStart hasher = 0x9e3779b97f4a7c15
	hashPrime hasher = 0xd6e8feb86659fd93
)

// word is a bijection of x for each h, and of h for each x.
func (h hasher) word(x uint64) hasher {
	h = (h ^ hasher(x)) * hashPrime
	return h ^ h>>32
}

func (h hasher) flag(set bool) hasher {
	if set {
		return h.word(1)
	}
	return h.word(0)
}

func (h hasher) text(s string) hasher {
	h = h.word(uint64(len(s)))
	for ; len(s) >= 8; s = s[8:] {
		h = h.word(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
	}
	if len(s) == 0 {
		return h
	}
	var rest uint64
	for i := range len(s) {
		rest |= uint64(s[i]) << (8 * i)
	}
	return h.word(rest)
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

func (h hasher) sum() uint64 { return mixed(uint64(h)) }

// mixed finishes a hash with the mixing steps of SplitMix64 (Steele, Lea and
// Flood, 2014), so that sums of hashes do not cancel out.
func mixed(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func hashRun(run string) uint64 { return hashStart.text(run).sum() }

func hashName(n Name) uint64 { return hashStart.name(n).sum() }

func hashClient(c *Client) uint64 { return hashStart.client(c).sum() }

// hashHold takes the id of the hold's session, which says whose the client is.
func hashHold(h *hold, id SessionID) uint64 {
	sizes := uint64(h.nameBytes)<<48 | uint64(h.runBytes)<<32 | uint64(h.limit)<<16 | uint64(h.kind)<<8 | uint64(h.strong)
	sum := hashStart.word(1).word(sizes).text(h.texts).id(id).word(h.token).word(uint64(h.at))
	if h.rare != nil {
		sum = sum.flag(h.rare.own).client(h.rare.client).word(h.rare.request).word(uint64(h.rare.ended)).word(uint64(h.rare.delay))
	}
	return sum.sum()
}

func hashRequest(r *Request) uint64 {
	h := hashStart.word(2).word(r.Number).text(r.Run).id(r.Session)
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
	return hashStart.word(3).id(s.ID).word(uint64(s.TTL)).word(uint64(s.LockDelay)).client(s.Client).
		flag(s.Private).word(s.Lost).word(uint64(s.At)).word(s.Restart).sum()
}

// hashSeen is of what a client has said that it saw.
func hashSeen(session, acked uint64, done []SeqRange) uint64 {
	if acked == 0 && len(done) == 0 {
		return 0
	}
	h := hashStart.word(4).word(session).word(acked)
	for _, r := range done {
		h = h.word(r.From).word(r.To)
	}
	return h.sum()
}

// hashEnding takes the hashes of the ending's name and client.
func hashEnding(e *ending, name, client uint64) uint64 {
	x := e.hold
	h := hashStart.word(6).word(name).text(x.texts[x.nameBytes:]).word(uint64(x.runBytes)<<16 | uint64(x.strong)<<8 | uint64(e.end)).
		word(e.order).word(x.token).word(uint64(x.at)).word(uint64(e.at)).word(client)
	if by := e.by; by != nil {
		h = h.text(by.Reason).text(by.Actor).client(&by.Client)
	}
	return h.sum()
}

func hashCounters(c *Counters) uint64 {
	return hashStart.word(7).word(c.Token).word(c.Number).word(c.Ending).word(c.Restart).word(c.Term).
		text(c.Leader).text(c.ClientURL).sum()
}
