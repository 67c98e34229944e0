package cluster

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"lockd/cluster/timekeeper"
	"lockd/fsm"
	"lockd/gate"

	"github.com/hashicorp/raft"
)

// office is one term of this node's leadership: what a leader keeps in memory,
// and what ends with its term.
type office struct {
	node *Node
	term uint64
	// over is closed when the term is lost.
	over  chan struct{}
	ready atomic.Bool
	room  *room
	prove *prover

	// mu guards the timekeeper, which is nil until the office is ready.
	mu     sync.Mutex
	keeper *timekeeper.Keeper
	// hurry wakes the timekeeper's loop; settled is raised after each expiry.
	hurry   chan struct{}
	settled signal

	work sync.WaitGroup
}

// takeOffice begins a term. The office serves nothing until it is ready.
func (n *Node) takeOffice(term uint64) *office {
	o := &office{
		node:  n,
		term:  term,
		over:  make(chan struct{}),
		room:  newRoom(),
		hurry: make(chan struct{}, 1),
	}
	o.prove = newProver(n.clock, term, n.config.Clock, o.over)
	n.clock.lead(term, o.proved)
	n.terms.add(term)
	n.office.Store(o)
	o.work.Go(func() { o.prove.run(n.raft.VerifyLeader) })
	o.work.Go(o.run)
	return o
}

// leave ends the term: everything that waits for this leader fails.
func (o *office) leave() {
	close(o.over)
	o.node.office.CompareAndSwap(o, nil)
	o.node.clock.lead(0, nil)
	o.node.led.raise()
	o.room.close()
	o.work.Wait()
}

func (o *office) isReady() bool { return o.ready.Load() }

func (o *office) ended() bool {
	select {
	case <-o.over:
		return true
	default:
		return false
	}
}

func (o *office) proved(until time.Time) {
	o.prove.advance(until)
	if o.isReady() {
		o.node.fresh.led(until)
	}
}

// run makes the office ready and then keeps its timers.
func (o *office) run() {
	for !o.start() {
		select {
		case <-o.over:
			return
		case <-time.After(o.node.config.Timing.RetryPause):
		}
	}
	o.keepTime()
}

// start has the term's first command applied. From then on the table holds
// everything that earlier terms committed, and every timer begins anew.
func (o *office) start() bool {
	n := o.node
	applied, err := n.commit(&gate.Command{Op: &gate.StartTerm{Term: o.term, Leader: n.config.Name, ClientURL: n.config.ClientURL}})
	if err != nil || applied.Term != o.term {
		n.logger.Warn("term not started", "term", o.term, "error", err)
		return false
	}
	o.startTimers()
	if o.ended() {
		return false
	}
	o.ready.Store(true)
	n.logger.Info("ready to lead", "term", o.term)
	n.led.raise()
	return true
}

// startTimers starts all timers of the table anew. What is applied meanwhile, and not
// in that version, waits in setTimers.
func (o *office) startTimers() {
	o.mu.Lock()
	defer o.mu.Unlock()
	view, _ := o.node.fsm.View()
	now := o.node.config.Clock()
	o.keeper = timekeeper.New(now, o.node.config.Timing.Stall)
	for timer := range view.Timers() {
		o.keeper.Set(timer, now)
	}
}

// applied takes what an entry of this term did. It runs on the goroutine that
// applies the log.
func (o *office) applied(a *fsm.Applied) {
	timers := false
	for i := range a.Outcomes {
		outcome := &a.Outcomes[i]
		timers = timers || len(outcome.Timers) > 0
		if outcome.Result.Code == gate.Queued {
			o.room.expect(outcome.Result.Request)
		}
		for j := range outcome.Answers {
			result := outcome.Answers[j].Result
			o.room.settle(outcome.Answers[j].Request, lateAnswer{result: &result, index: a.Index})
		}
	}
	if timers {
		o.setTimers(a)
	}
}

func (o *office) setTimers(a *fsm.Applied) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keeper == nil {
		return
	}
	now := o.node.config.Clock()
	for i := range a.Outcomes {
		for _, timer := range a.Outcomes[i].Timers {
			o.keeper.Set(timer, now)
		}
	}
	select {
	case o.hurry <- struct{}{}:
	default:
	}
}

// propose puts a batch into the log as one entry. It returns when raft has
// taken it, so that entries keep their order; the verdicts come later.
func (o *office) propose(batch []*proposal, over func()) {
	n := o.node
	entry := fsm.Batch{Time: gate.Wall(n.config.Clock().UnixMilli()), Commands: make([][]byte, len(batch))}
	size := binary.MaxVarintLen64 + 2
	for i, p := range batch {
		entry.Commands[i] = p.command
		size += len(p.command) + binary.MaxVarintLen32 + 1
	}
	future := n.raft.Apply(fsm.AppendBatch(make([]byte, 0, size), &entry), n.config.Timing.Answer)
	if !n.spawn(func() { o.conclude(batch, future, over) }) {
		over()
		refuse(batch, ErrOutcomeUnknown)
	}
}

// conclude waits for the entry and delivers the verdicts. Raft may have lost the term
// and won a later one before it took the entry: that term's outcomes need not be kept,
// and its requests do not wait in this room.
func (o *office) conclude(batch []*proposal, future raft.ApplyFuture, over func()) {
	applied, err := appliedBy(future)
	if err == nil && applied.Term != o.term {
		err = fmt.Errorf("%w: applied in term %d, proposed in %d", ErrOutcomeUnknown, applied.Term, o.term)
	}
	over()
	if err != nil {
		refuse(batch, err)
		return
	}
	if len(applied.Outcomes) != len(batch) {
		panic(fmt.Sprintf("cluster: entry %d has %d outcomes of %d commands", applied.Index, len(applied.Outcomes), len(batch)))
	}
	for i, p := range batch {
		p.finish(verdict{result: &applied.Outcomes[i].Result, index: applied.Index, room: o.room})
	}
}

// commit proposes one command of the leader's own and waits until it is applied.
func (n *Node) commit(cmd *gate.Command) (*fsm.Applied, error) {
	entry := fsm.Batch{Time: gate.Wall(n.config.Clock().UnixMilli()), Commands: [][]byte{fsm.AppendCommand(nil, cmd)}}
	return appliedBy(n.raft.Apply(fsm.AppendBatch(nil, &entry), n.config.Timing.Answer))
}

// appliedBy waits for an entry and returns what it did.
func appliedBy(future raft.ApplyFuture) (*fsm.Applied, error) {
	if err := future.Error(); err != nil {
		return nil, outcomeOf(err)
	}
	if err, failed := future.Response().(error); failed {
		return nil, outcomeOf(err)
	}
	return future.Response().(*fsm.Applied), nil
}

// confirm returns nil once it is proved that this node still led after confirm
// was called, and that the table holds everything that was committed then.
func (o *office) confirm(ctx context.Context) error {
	committed := o.node.raft.CommitIndex()
	if err := o.prove.wait(ctx); err != nil {
		return err
	}
	return o.node.fsm.WaitApplied(ctx, committed)
}
