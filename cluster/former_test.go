package cluster

import (
	"errors"
	"testing"
	"time"

	"lockd/fsm"
	"lockd/gate"

	"github.com/hashicorp/raft"
)

// Raft may send one more heartbeat for a leader that has just voted for the next one,
// and the office ends a moment after the term. Together with a member that has not
// heard of the next leader, such a node seems to be a quorum.
func TestWhoVotedForAnotherLeaderProvesNothing(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		old := c.leader()
		term := old.raft.CurrentTerm()
		next, away := c.followers(old)[0], c.followers(old)[1]
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		time.Sleep(time.Second)
		c.network.isolate(away.config.Name)
		if err := old.TransferLeadership(within(t, 5*time.Second), next.config.Name); err != nil {
			t.Fatal(err)
		}
		for !next.IsLeader() {
			time.Sleep(10 * time.Millisecond)
		}
		late := old.takeOffice(term)
		defer late.leave()
		late.ready.Store(true)

		do(t, next, release("run-1", "k"), gate.Released)
		do(t, next, acquire("run-2", "k"), gate.Acquired)
		c.network.heal()
		c.network.cut(next.config.Name, away.config.Name)
		c.network.cut(away.config.Name, next.config.Name)
		go func() {
			name := []byte(old.config.Name)
			var answer raft.AppendEntriesResponse
			err := old.transport.AppendEntries(away.id, raft.ServerAddress(away.id), &raft.AppendEntriesRequest{
				RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: name, Addr: name}, Term: term,
			}, &answer)
			if err != nil || !answer.Success {
				t.Errorf("the heartbeat was refused: %+v, %v", answer, err)
			}
		}()
		if holder, _, err := late.read(within(t, 100*time.Millisecond), []byte("k")); err == nil && string(holder) != "run-2" {
			t.Errorf("the former leader says that %s holds the lock", holder)
		}
	})
}

// Leadership that is lost and won again within a moment is one change to the node. What
// was on its way to raft for the first term then gets into the log in the second, for
// which the state machine keeps no outcomes yet.
func TestCommandThatGetsIntoALaterTermIsNotAnsweredFromReusedMemory(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		o := leader.office.Load()
		o.work.Add(1) // leave does not return, so the next term is not noticed
		defer o.work.Done()
		next := c.followers(leader)[0]
		if err := leader.TransferLeadership(within(t, 5*time.Second), next.config.Name); err != nil {
			t.Fatal(err)
		}
		for !next.IsLeader() {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		if err := next.TransferLeadership(within(t, 5*time.Second), leader.config.Name); err != nil {
			t.Fatal(err)
		}
		for leader.raft.State() != raft.Leader {
			time.Sleep(10 * time.Millisecond)
		}
		verdicts := make(chan verdict, 1)
		command := fsm.AppendCommand(nil, acquire("run-1", "k"))
		p := &proposal{command: command, done: func(_ int, v verdict) { verdicts <- v }}
		p.take()
		o.propose([]*proposal{p}, func() {})
		if v := <-verdicts; v.err == nil && v.result.Code != gate.Acquired {
			t.Errorf("answered %+v", v.result)
		} else if v.err != nil && !errors.Is(v.err, ErrOutcomeUnknown) {
			t.Errorf("the command was applied, and the error is %v", v.err)
		}
	})
}
