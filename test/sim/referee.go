package sim

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"lockd/fsm"
	"lockd/gate"
)

// Failure is a promise that was broken.
type Failure struct {
	// Check is which one, in a word or two.
	Check string
	// Detail says who broke it and how.
	Detail string
	// At is when, in virtual time.
	At time.Duration
}

func (f *Failure) Error() string {
	return fmt.Sprintf("%s, %.6f s into the world: %s", f.Check, f.At.Seconds(), f.Detail)
}

// fail ends the simulation. Only the first failure counts.
func (w *world) fail(check, format string, args ...any) {
	if w.wrong == nil {
		w.wrong = &Failure{Check: check, Detail: fmt.Sprintf(format, args...), At: w.now}
		if w.tracing() {
			w.say("FAILURE %v", w.wrong)
		}
	}
}

// referee sees everything. It keeps, from the log as it was first applied, a
// plain list of who holds and who waits, and holds against it what every node
// does and what every client believes.
type referee struct {
	w *world
	// log is what is applied somewhere; places has, for each entry, what it did.
	log    []*entry
	places []place
	// answered is the index of the newest answer that a client got.
	answered uint64

	token    uint64
	term     uint64
	holds    []holding
	requests []asking
	sessions map[uint64]*tenure
	// past are the sessions that were expired.
	past    map[uint64]*tenure
	granted map[uint64]string
	once    map[onceKey]*onceState
	joins   map[uint64][]onceKey
	// revoked are tokens whose holder could not know that it lost them: by a break
	// or a move. replaced leads from a token to the one that came in its place.
	revoked  map[uint64]bool
	replaced map[uint64]uint64
	beliefs  []*belief
	clocks   map[gate.Timer]*clock
}

// place is what all nodes must agree on at an index.
type place struct {
	digest uint64
	hash   uint64
}

func newReferee(w *world) *referee {
	return &referee{
		w: w, sessions: make(map[uint64]*tenure), past: make(map[uint64]*tenure), granted: make(map[uint64]string),
		once: make(map[onceKey]*onceState), joins: make(map[uint64][]onceKey), revoked: make(map[uint64]bool), replaced: make(map[uint64]uint64),
		clocks: make(map[gate.Timer]*clock),
	}
}

// committed takes note that a leader has committed up to its commit index.
func (r *referee) committed(n *node) {
	if n.w.tracing() {
		n.w.say("%s commits up to %d", n.name, n.commit)
	}
}

// applied looks at what an entry did on a node: the first node's outcome is
// held against the rules, the others' against the first's.
func (r *referee) applied(n *node, e *entry, done *fsm.Applied) {
	defer r.started(n, done)
	at := e.index - 1
	shares := n.fsm == nil
	if shares && at < uint64(len(r.log)) {
		if r.log[at] != e {
			r.w.fail("log", "%s applies another entry %d than was applied before", n.name, e.index)
		}
		return
	}
	digest := digestOf(done)
	switch {
	case at > uint64(len(r.log)):
		r.w.fail("log", "%s applies entry %d, after %d", n.name, e.index, len(r.log))
	case at == uint64(len(r.log)):
		r.log = append(r.log, e)
		r.places = append(r.places, place{digest: digest})
		r.w.mix(digest)
		for i := range done.Outcomes {
			r.command(e, e.batch[i], &done.Outcomes[i])
		}
		r.order()
		r.w.stats.Entries++
		r.w.stats.Commands += len(done.Outcomes)
		if shares {
			r.w.line.keep(n, e.index)
		}
	case r.log[at] != e:
		r.w.fail("log", "%s applies another entry %d than was applied before", n.name, e.index)
	case r.places[at].digest != digest:
		r.w.fail("replicas differ", "entry %d does something else on %s than on the first node", e.index, n.name)
	}
	if whole := r.w.config.Whole; whole > 0 && e.index%whole == 0 {
		r.whole(n, e.index)
	}
}

// again holds what an entry did on a node, once more, against what it did first.
func (r *referee) again(n *node, done *fsm.Applied) {
	if r.places[done.Index-1].digest != digestOf(done) {
		r.w.fail("replicas differ", "entry %d does something else on %s, once more", done.Index, n.name)
	}
}

// restored looks at a table that came from a snapshot.
func (r *referee) restored(n *node, index uint64) {
	r.compareHash(n, index)
	if n.w.tracing() {
		n.w.say("%s has restored its table as of %d", n.name, index)
	}
}

// whole checks all invariants of a node's table, and that it survives being
// written out and read back.
func (r *referee) whole(n *node, index uint64) {
	r.compareHash(n, index)
	fixed, err := n.table().Snapshot()
	var file sink
	if err == nil {
		err = fixed.Persist(&file)
	}
	copied := fsm.New(fsm.Config{})
	if err == nil {
		err = copied.Restore(io.NopCloser(bytes.NewReader(file.Bytes())))
	}
	if err != nil {
		r.w.fail("table", "%s at %d: %v", n.name, index, err)
		return
	}
	r.w.stats.Checks++
	before := n.view()
	after, _ := copied.View()
	if before.Hash() != after.Hash() {
		r.w.fail("snapshot", "%s at %d: hash %x, after a restore %x", n.name, index, before.Hash(), after.Hash())
	}
}

// compareHash holds a table's hash against that of the others at the index.
func (r *referee) compareHash(n *node, index uint64) {
	if index == 0 {
		return
	}
	hash := n.view().Hash()
	p := &r.places[index-1]
	if p.hash == 0 {
		p.hash = hash
	}
	if p.hash != hash {
		r.w.fail("replicas differ", "at %d %s has hash %x, another node %x", index, n.name, hash, p.hash)
	}
}

// digestOf mixes everything that an entry did.
func digestOf(done *fsm.Applied) uint64 {
	h := done.Index
	mix := func(x uint64) {
		h = (h ^ x) * 0xff51afd7ed558ccd
		h ^= h >> 32
	}
	text := func(s string) {
		for i := range len(s) {
			h = (h ^ uint64(s[i])) * 0x100000001b3
		}
		mix(uint64(len(s)))
	}
	for i := range done.Outcomes {
		o := &done.Outcomes[i]
		mixResult(mix, &o.Result)
		for j := range o.Answers {
			mix(o.Answers[j].Request)
			mixResult(mix, &o.Answers[j].Result)
		}
		for j := range o.Events {
			e := &o.Events[j]
			mix(uint64(e.Kind) | uint64(e.Mode)<<8 | uint64(e.Scope)<<16)
			mix(e.Token)
			mix(e.Request)
			mix(e.Session.Number)
			mix(uint64(e.At))
			text(e.Name.Text)
			text(e.Run)
		}
		for _, t := range o.Timers {
			mix(uint64(t.Kind))
			mix(t.ID)
			mix(uint64(t.After))
		}
	}
	return h
}

func mixResult(mix func(uint64), x *gate.Result) {
	mix(uint64(x.Code) | uint64(x.Limit)<<8 | uint64(x.Count)<<40)
	mix(x.Session.Number)
	mix(x.Session.Nonce)
	mix(x.Request | uint64(x.Position)<<32)
	mix(uint64(x.At))
	mix(uint64(x.Waited))
	for i := range x.Grants {
		mix(x.Grants[i].Token)
	}
	for i := range x.Conflicts {
		mix(uint64(len(x.Conflicts[i].Holders))<<32 | uint64(x.Conflicts[i].Waiting))
		for j := range x.Conflicts[i].Holders {
			mix(x.Conflicts[i].Holders[j].Token)
		}
	}
	mix(uint64(len(x.Cycle))<<32 | uint64(len(x.Missing)))
}
