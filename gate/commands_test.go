package gate_test

import (
	"fmt"
	"time"

	"lockd/gate"
)

// A source makes the choices of a random command: n(k) is one of 0 to k-1.
type source interface{ n(k int) int }

// generator makes commands over a universe so small that they get in each
// other's way all the time. What it makes depends on its source and on the
// model's state only.
type generator struct {
	source
	model *model
	// sent are the commands so far; any may be sent again.
	sent []*gate.Command
	// queuedAs are the numbers of the requests that acquires were queued as.
	queuedAs map[gate.Op]uint64
	// seqs are the highest seq used by session number.
	seqs  map[uint64]uint64
	nonce uint64
}

var (
	universeRuns = []string{"r1", "r2", "r3", "r4", "r5"}
	universeRefs = []string{"a", "a/b", "a/b/c", "a/d", "ab", "e"}
	universeKeys = []string{"k1", "k2", "k3"}
)

func universeNames() []gate.Name {
	var names []gate.Name
	for _, text := range universeKeys {
		names = append(names, gate.Name{Kind: gate.Key, Text: text})
	}
	for _, text := range universeRefs {
		names = append(names, gate.Name{Kind: gate.Reference, Text: text})
	}
	return names
}

func newGenerator(s source, m *model) *generator {
	return &generator{source: s, model: m, queuedAs: map[gate.Op]uint64{}, seqs: map[uint64]uint64{}}
}

func (g *generator) chance(percent int) bool { return g.n(100) < percent }

func (g *generator) run() string { return universeRuns[g.n(len(universeRuns))] }

func (g *generator) ref() gate.Name {
	return gate.Name{Kind: gate.Reference, Text: universeRefs[g.n(len(universeRefs))]}
}

func (g *generator) key() gate.Name {
	return gate.Name{Kind: gate.Key, Text: universeKeys[g.n(len(universeKeys))]}
}

func (g *generator) mode() gate.Mode {
	if g.chance(40) {
		return gate.Shared
	}
	return gate.Exclusive
}

func (g *generator) scope() gate.Scope {
	if g.chance(30) {
		return gate.Tree
	}
	return gate.Node
}

// next makes the next command, and remembers it.
func (g *generator) next() *gate.Command {
	cmd := g.make()
	g.sent = append(g.sent, cmd)
	return cmd
}

func (g *generator) make() *gate.Command {
	switch c := g.n(100); {
	case c < 42:
		return g.acquire()
	case c < 56:
		return g.release()
	case c < 68 && len(g.sent) > 0:
		return g.again()
	case c < 74:
		return g.expire()
	case c < 79 || len(g.model.sessions) < 2:
		return &gate.Command{Op: &gate.OpenSession{
			TTL: 10 * time.Second, LockDelay: time.Duration(g.n(2)*5) * time.Second,
			Client: gate.Client{Name: g.word("c")}, Nonce: g.fresh(),
		}}
	case c < 83:
		op := &gate.Downgrade{Run: g.run(), Name: g.ref(), Mode: g.mode(), Scope: g.scope()}
		op.KeepMode, op.KeepScope = g.n(4) == 0, g.n(4) == 0
		return g.in(op, 40)
	case c < 88:
		return g.downgrade()
	case c < 93:
		return g.breakHold()
	case c < 95:
		return &gate.Command{Op: &gate.ReleaseRun{Run: g.run()}}
	case c < 98:
		return &gate.Command{Session: g.session(), Op: &gate.CloseSession{}}
	default:
		return &gate.Command{Op: &gate.StartTerm{Term: g.model.counters.Term + 1, Leader: "n1", ClientURL: "http://n1"}}
	}
}

func (g *generator) fresh() uint64 {
	g.nonce++
	return g.nonce
}

// word is one of two.
func (g *generator) word(stem string) string { return fmt.Sprint(stem, g.n(2)) }

// session is mostly a live one, sometimes none that exists.
func (g *generator) session() gate.SessionID {
	if len(g.model.sessions) == 0 || g.chance(3) {
		return gate.SessionID{Number: uint64(1 + g.n(5)), Nonce: 99}
	}
	return g.model.sessions[g.n(len(g.model.sessions))].ID
}

// in puts an operation into a session, most of the time with a number; in
// loose percent of the cases into none.
func (g *generator) in(op gate.Op, loose int) *gate.Command {
	cmd := &gate.Command{Op: op}
	if g.chance(loose) {
		return cmd
	}
	cmd.Session = g.session()
	if g.chance(70) {
		number := cmd.Session.Number
		g.seqs[number]++
		cmd.Seq = g.seqs[number]
		if g.chance(10) {
			cmd.Seq = uint64(1 + g.n(int(cmd.Seq)))
		}
		g.seen(cmd)
	}
	return cmd
}

// seen makes the command say that some answers were seen.
func (g *generator) seen(cmd *gate.Command) {
	highest := int(g.seqs[cmd.Session.Number])
	switch g.n(8) {
	case 0:
		cmd.Acked = uint64(g.n(highest + 1))
	case 1:
		for range 1 + g.n(3) {
			cmd.Done = append(cmd.Done, uint64(1+g.n(highest+1)))
		}
	}
}

func (g *generator) acquire() *gate.Command {
	a := &gate.Acquire{Run: g.run(), Reason: g.word("why"), Client: gate.Client{Name: g.word("c")}}
	if g.chance(40) {
		a.Client = gate.Client{}
	}
	if g.chance(30) {
		a.Wants = []gate.Want{{Name: g.key()}}
		if g.chance(60) {
			a.Limit = uint32(1 + g.n(3))
		}
	} else {
		for range 1 + g.n(3) {
			a.Wants = append(a.Wants, gate.Want{Name: g.ref(), Mode: g.mode(), Scope: g.scope()})
		}
		a.Wants = gate.MergeWants(a.Wants)
	}
	if g.chance(20) {
		// As a run's waiting request, to join it.
		if r, waits := g.model.waiting(a.Run); waits {
			a.Wants, a.Limit = r.Wants, r.Limit
		}
	}
	if g.chance(20) {
		a.TTL, a.Nonce = 10*time.Second, g.fresh()
		if g.chance(70) {
			a.Wait = 20 * time.Second
		}
		return &gate.Command{Op: a}
	}
	cmd := g.in(a, 15)
	if !cmd.Session.IsZero() && g.chance(75) {
		a.Wait = time.Duration(20+g.n(2)) * time.Second
	}
	return cmd
}

func (g *generator) release() *gate.Command {
	op := &gate.Release{Run: g.run()}
	if held, _ := g.model.run(op.Run); len(held) > 0 && g.chance(70) {
		for range 1 + g.n(2) {
			op.Gives = append(op.Gives, g.give(held[g.n(len(held))]))
		}
	} else if r, waits := g.model.waiting(op.Run); waits && g.chance(50) {
		op.Gives = []gate.Give{{Name: r.Wants[g.n(len(r.Wants))].Name}}
	} else {
		op.Gives = []gate.Give{{Name: g.ref()}}
	}
	return g.in(op, 40)
}

func (g *generator) give(h *gate.Hold) gate.Give {
	give := gate.Give{Name: h.Name}
	switch g.n(5) {
	case 0, 1:
		give.Token = h.Token
	case 2:
		give.Token = h.Token + 1
	}
	return give
}

// hold is any hold, delays included.
func (g *generator) hold() (gate.Hold, bool) {
	if len(g.model.holds) == 0 {
		return gate.Hold{}, false
	}
	return g.model.holds[g.n(len(g.model.holds))], true
}

func (g *generator) downgrade() *gate.Command {
	h, ok := g.hold()
	if !ok || h.Name.Kind == gate.Key {
		h.Name = g.ref()
	}
	if h.Run == "" {
		h.Run = g.run()
	}
	op := &gate.Downgrade{Run: h.Run, Name: h.Name, Mode: gate.Shared, Scope: h.Scope}
	if g.chance(30) {
		op.Token = h.Token
	}
	if g.chance(30) {
		op.Mode, op.Scope = h.Mode, gate.Node
	}
	return g.in(op, 40)
}

func (g *generator) breakHold() *gate.Command {
	h, ok := g.hold()
	if !ok {
		h.Name, h.Token = g.key(), 1
	}
	if g.chance(20) {
		h.Token++
	}
	return g.in(&gate.Break{
		Name: h.Name, Token: h.Token, Reason: "stuck", Actor: "op", Client: gate.Client{Name: g.word("c")},
	}, 70)
}

// expire ends one or two things, mostly things that exist, mostly in the
// present term.
func (g *generator) expire() *gate.Command {
	op := &gate.Expire{Term: g.model.counters.Term, Seen: g.model.counters.Restart}
	if op.Seen > 0 && g.chance(10) {
		op.Seen--
	}
	if g.chance(10) {
		op.Term--
	}
	for range 1 + g.n(2) {
		switch g.n(4) {
		case 0:
			op.Sessions = append(op.Sessions, g.session().Number)
		case 1, 2:
			if n := len(g.model.requests); n > 0 {
				op.Requests = append(op.Requests, g.model.requests[g.n(n)].Number)
			}
		case 3:
			if h, ok := g.hold(); ok {
				op.Delays = append(op.Delays, h.Token)
			}
		}
	}
	return &gate.Command{Op: op}
}

// again sends an earlier command once more: late, or saying more about seen
// answers, or as a node does that lost its leader.
func (g *generator) again() *gate.Command {
	recent := g.n(min(len(g.sent), 40))
	again := *g.sent[len(g.sent)-1-recent]
	if a, ok := again.Op.(*gate.Acquire); ok {
		if request := g.queuedAs[a]; request != 0 && g.chance(60) {
			resumed := *a
			resumed.Resume = request
			again.Op = &resumed
			g.queuedAs[&resumed] = request
		}
	}
	if again.Seq != 0 && g.chance(20) {
		again.Acked, again.Done = 0, nil
		g.seen(&again)
	}
	return &again
}
