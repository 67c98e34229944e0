package gate

// fnv is FNV-1a (Fowler, Noll, Vo) over the fields of a command.
type fnv uint64

const (
	fnvOffset fnv = 14695981039346656037
	fnvPrime  fnv = 1099511628211
	// fnvPrime8 is its eighth power, modulo 2^64.
	fnvPrime8 fnv = 2232315406967589409
)

// word takes eight bytes, the low one first. A zero byte only multiplies.
func (h fnv) word(x uint64) fnv {
	if x < 1<<8 {
		return (h ^ fnv(x)) * fnvPrime8
	}
	return h.bytes(x)
}

func (h fnv) bytes(x uint64) fnv {
	for range 8 {
		h = (h ^ fnv(x&0xff)) * fnvPrime
		x >>= 8
	}
	return h
}

func (h fnv) text(s string) fnv {
	for i := range len(s) {
		h = (h ^ fnv(s[i])) * fnvPrime
	}
	return h.word(uint64(len(s)))
}

func (h fnv) flag(set bool) fnv {
	if set {
		return h.word(1)
	}
	return h.word(0)
}

func (h fnv) name(n Name) fnv { return h.word(uint64(n.Kind)).text(n.Text) }

func (h fnv) want(w Want) fnv { return h.name(w.Name).word(uint64(w.Mode)<<8 | uint64(w.Scope)) }

func (h fnv) client(c Client) fnv { return h.text(c.Name).text(c.Host).word(uint64(c.PID)) }

// digest tells apart two commands with the same seq (rule 12). It leaves out
// what may differ between copies of one command. Digests are in snapshots: for a
// command without new fields they stay as they are for ever.
func digest(op Op) uint64 {
	h := fnvOffset
	switch op := op.(type) {
	case *Acquire:
		h = h.word(1).text(op.Run)
		for _, w := range op.Wants {
			h = h.want(w)
		}
		h = h.word(uint64(op.Limit)).word(uint64(op.Wait)).text(op.Reason).client(op.Client)
	case *Release:
		h = h.word(2).text(op.Run)
		for _, g := range op.Gives {
			h = h.name(g.Name).word(g.Token)
		}
	case *Downgrade:
		h = h.word(3).text(op.Run).want(Want{op.Name, op.Mode, op.Scope}).word(op.Token).
			flag(op.KeepMode).flag(op.KeepScope)
	case *Break:
		h = h.word(4).name(op.Name).word(op.Token).text(op.Reason) // who breaks looks different through another node
		if (op.Client != Client{}) {
			h = h.client(op.Client)
		}
	case *ReleaseRun:
		h = h.word(5).text(op.Run)
	case *CloseSession:
		h = h.word(6)
	}
	return mixed(uint64(h))
}
