package cluster

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// transport is the raft transport with two ears: it tells the ack clock which
// voter answered what was sent when, and the freshness of this node's table
// what the leader said is committed. It offers neither pipelining (a follower
// may wedge in it) nor a way for heartbeats past raft's main loop (a node that
// hangs there must not seem healthy).
type transport struct {
	raft.Transport
	prevote raft.WithPreVote
	log     *parallelLog
	clock   *ackClock
	fresh   *freshness
	now     func() time.Time

	consumer chan raft.RPC
	stop     chan struct{}
	pump     sync.WaitGroup
}

func newTransport(inner raft.Transport, log *parallelLog, clock *ackClock, fresh *freshness, now func() time.Time) *transport {
	return &transport{
		Transport: inner,
		prevote:   inner.(raft.WithPreVote),
		log:       log,
		clock:     clock,
		fresh:     fresh,
		now:       now,
		consumer:  make(chan raft.RPC),
		stop:      make(chan struct{}),
	}
}

// open begins to hand on what the other nodes ask. Raft must be there to take it.
func (t *transport) open() { t.pump.Go(t.listen) }

// close ends the goroutine that listens; the inner transport stays open.
func (t *transport) close() {
	close(t.stop)
	t.pump.Wait()
}

// Consumer returns what the other nodes ask of this one.
func (t *transport) Consumer() <-chan raft.RPC { return t.consumer }

func (t *transport) listen() {
	for {
		select {
		case rpc := <-t.Transport.Consumer():
			if entries, ok := rpc.Command.(*raft.AppendEntriesRequest); ok {
				t.fresh.heard(entries.Term, entries.LeaderCommitIndex, t.now())
			}
			select {
			case t.consumer <- rpc:
			case <-t.stop:
				return
			}
		case <-t.stop:
			return
		}
	}
}

// AppendEntries notes the time before it sends: an answer proves nothing about
// a later one, nor anything if this node itself has gone on to a later term. What is
// not on this node's disk is not said to be committed.
func (t *transport) AppendEntries(id raft.ServerID, addr raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	t.log.lead(args.Term)
	request := *args
	request.LeaderCommitIndex = min(request.LeaderCommitIndex, t.log.durable.Load())
	sent := t.now()
	if err := t.Transport.AppendEntries(id, addr, &request, resp); err != nil {
		return err
	}
	if resp.Success && resp.Term == args.Term && t.log.leads(args.Term) {
		t.clock.record(args.Term, id, sent)
		if args.PrevLogEntry > 0 {
			t.clock.recordLog(args.Term, id, sent)
		}
	}
	return nil
}

// RequestPreVote implements raft.WithPreVote.
func (t *transport) RequestPreVote(id raft.ServerID, addr raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return t.prevote.RequestPreVote(id, addr, args, resp)
}

// AppendEntriesPipeline says that there is none, so that every append passes
// through AppendEntries.
func (t *transport) AppendEntriesPipeline(raft.ServerID, raft.ServerAddress) (raft.AppendPipeline, error) {
	return nil, raft.ErrPipelineReplicationNotSupported
}

// SetHeartbeatHandler does nothing: heartbeats take the way of all messages.
func (t *transport) SetHeartbeatHandler(func(raft.RPC)) {}
