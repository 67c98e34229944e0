package cluster

import (
	"sync/atomic"

	"lockd/gate"
)

// proposal is one encoded command on its way into the log.
type proposal struct {
	command []byte
	// forwarded says that another node sent it here; it goes no further.
	forwarded bool
	// done gets the verdict on the nth command of those that share it, once. It
	// must not block, and must hand a queued request's place in the room on to
	// somebody who claims or passes it.
	done  func(nth int, v verdict)
	nth   int
	state atomic.Int32
}

// The states of a proposal. Only from proposalQueued is it certain, when its
// caller gives up, that the command never left this node.
const (
	proposalQueued int32 = iota
	proposalTaken
	proposalFinished
	proposalAbandoned
)

// verdict is what became of a proposal: a result, or an error that is one of
// errNotApplied, ErrOutcomeUnknown, ErrOverloaded and ErrShuttingDown.
type verdict struct {
	result *gate.Result
	index  uint64
	// room is where the late answer of a queued request is to be claimed.
	room *room
	err  error
}

// queued reports whether the request waits in the room.
func (v *verdict) queued() bool { return v.err == nil && v.result.Code == gate.Queued }

// take claims the proposal for a batch; false if its caller has given up.
func (p *proposal) take() bool { return p.state.CompareAndSwap(proposalQueued, proposalTaken) }

// finish delivers the verdict, unless the caller has given up.
func (p *proposal) finish(v verdict) {
	if p.state.CompareAndSwap(proposalTaken, proposalFinished) || p.state.CompareAndSwap(proposalQueued, proposalFinished) {
		p.done(p.nth, v)
	} else if v.queued() {
		v.room.pass(v.result.Request)
	}
}

// abandon gives up the wait. If it returns false the verdict is on its way to
// done. Otherwise unsent says whether the command certainly never left.
func (p *proposal) abandon() (abandoned, unsent bool) {
	if p.state.CompareAndSwap(proposalQueued, proposalAbandoned) {
		return true, true
	}
	return p.state.CompareAndSwap(proposalTaken, proposalAbandoned), false
}

// refuse finishes all the proposals with one error.
func refuse(batch []*proposal, err error) {
	for _, p := range batch {
		p.finish(verdict{err: err})
	}
}
