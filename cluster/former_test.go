package cluster

import (
	"bytes"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
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

// one is a batch of one command, as the batcher sends it.
func one(cmd *gate.Command) (batch []*proposal, came chan verdict) {
	came = make(chan verdict, 1)
	p := &proposal{command: fsm.AppendCommand(nil, cmd), done: func(_ int, v verdict) { came <- v }}
	p.take()
	return []*proposal{p}, came
}

// Leadership that is lost and won again within a moment is one change to the node. What
// was on its way to raft for the first term then gets into the log in the second, for
// which the state machine keeps no outcomes yet.
func TestCommandThatGetsIntoALaterTermIsNotAnsweredFromReusedMemory(t *testing.T) {
	inCluster(t, func(t *testing.T, c *testCluster) {
		leader := c.leader()
		former := leader.office.Load()
		former.work.Add(1) // the office is not left, and the later term not noticed
		defer former.work.Done()
		next := c.followers(leader)[0]
		for _, way := range [][2]*Node{{leader, next}, {next, leader}} {
			if err := way[0].TransferLeadership(within(t, 5*time.Second), way[1].config.Name); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		batch, came := one(acquire("run-1", "k"))
		former.propose(batch, func() {})
		if v := <-came; v.err == nil && v.result.Code != gate.Acquired {
			t.Errorf("answered %+v", v.result)
		} else if v.err != nil && !errors.Is(v.err, ErrOutcomeUnknown) {
			t.Errorf("the command was applied, and the error is %v", v.err)
		}
	})
}

// Such a command may begin a session while the later term's office fetches its timers.
func TestSessionThatBeginsWhileAnOfficeStartsEnds(t *testing.T) {
	config := alone(t, t.TempDir())
	started := make(chan *Node, 1)
	begin := sync.OnceFunc(func() {
		n := <-started
		private := acquire("run-1", "k")
		private.Op.(*gate.Acquire).TTL = 100 * time.Millisecond
		batch, _ := one(private)
		go (&office{node: n}).propose(batch, func() {}) // which reads the clock, too
		for held := false; !held; runtime.Gosched() {
			view, _ := n.fsm.View()
			held = len(view.Lock(key("k")).Holders) > 0
		}
	})
	config.Clock = func() time.Time {
		if bytes.Contains(debug.Stack(), []byte("(*office).startTimers(")) {
			begin()
		}
		return time.Now()
	}
	n, stop := startAlone(t, config)
	defer stop()
	started <- n
	second := waitFor(gate.SessionID{}, "run-2", "k", time.Minute)
	second.Op.(*gate.Acquire).TTL = time.Minute
	if reply := late(t, do(t, n, second, gate.Queued), 5*time.Second); reply.Result.Code != gate.Acquired {
		t.Errorf("%+v", reply.Result)
	}
}
