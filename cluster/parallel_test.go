package cluster

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

// heldLog is a log store whose appends can be held up, or made to fail.
type heldLog struct {
	raft.LogStore
	mu     sync.Mutex
	held   chan struct{}
	broken error
}

func (l *heldLog) StoreLogs(entries []*raft.Log) error {
	l.mu.Lock()
	held := l.held
	l.mu.Unlock()
	if held != nil {
		<-held
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	return l.LogStore.StoreLogs(entries)
}

// hold holds up appends until the returned function is called.
func (l *heldLog) hold() (release func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held := make(chan struct{})
	l.held = held
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(held)
		l.held = nil
	})
}

// inHeldCluster runs the test in a cluster whose nodes' logs can be held up.
func inHeldCluster(t *testing.T, test func(t *testing.T, c *testCluster, logs map[string]*heldLog)) {
	logs := make(map[string]*heldLog)
	inTunedCluster(t, func(config *Config) { holdUp(config, logs) }, func(t *testing.T, c *testCluster) { test(t, c, logs) })
}

func holdUp(config *Config, logs map[string]*heldLog) {
	log := &heldLog{LogStore: config.Stores.Log}
	logs[config.Name] = log
	stores := *config.Stores
	stores.Log = log
	config.Stores = &stores
	config.Timing.StuckWrite = time.Minute
}

func TestNothingIsSeenOfWhatIsNotOnTheLeadersDisk(t *testing.T) {
	inHeldCluster(t, func(t *testing.T, c *testCluster, logs map[string]*heldLog) {
		leader := c.leader()
		do(t, leader, acquire("run-1", "k"), gate.Acquired)
		time.Sleep(time.Second)
		others := c.followers(leader)
		before := others[0].fsm.Applied()
		release := logs[leader.config.Name].hold()
		defer release()

		answered := make(chan struct{})
		var err error
		go func() {
			defer close(answered)
			_, err = leader.Do(within(t, 10*time.Second), acquire("run-2", "other"))
		}()
		time.Sleep(time.Second)
		for _, n := range others {
			if last := n.raft.LastIndex(); last <= before {
				t.Errorf("%s was not sent the command: its log ends at %d", n.id, last)
			}
			if applied := n.fsm.Applied(); applied > before {
				t.Errorf("%s applied entry %d, which is not on the leader's disk", n.id, applied)
			}
		}
		select {
		case <-answered:
			t.Errorf("the command was answered (error: %v)", err)
		default:
		}
		if got := leader.fsm.Applied(); got > before {
			t.Errorf("the leader applied entry %d", got)
		}

		release()
		if <-answered; err != nil {
			t.Errorf("afterwards: %v", err)
		}
		time.Sleep(time.Second)
		for _, n := range others {
			if got := n.fsm.Applied(); got <= before {
				t.Errorf("%s applied nothing afterwards", n.id)
			}
		}
	})
}

// The next leader may ask it to store another term before it is.
func TestNodeWhoseDiskFailedCanBeShutDown(t *testing.T) {
	var fatal atomic.Int64
	logs := make(map[string]*heldLog)
	inTunedCluster(t, func(config *Config) {
		holdUp(config, logs)
		config.OnFatal = func(error) { fatal.Add(1) }
	}, func(t *testing.T, c *testCluster) {
		old := c.leader()
		log := logs[old.config.Name]
		log.mu.Lock()
		log.broken = errors.New("input/output error")
		log.mu.Unlock()
		c.network.isolate(old.config.Name)
		go func() { _, _ = old.Do(within(t, time.Second), acquire("run-1", "k")) }()
		c.newLeader(old)
		c.network.heal()
		time.Sleep(time.Minute)
		if fatal.Load() != 1 || old.IsLeader() {
			t.Errorf("%d failures, leads: %t", fatal.Load(), old.IsLeader())
		}
		delete(c.nodes, old.config.Name)
		if err := old.Shutdown(within(t, 10*time.Second)); err != nil {
			t.Errorf("it does not end: %v", err)
		}
	})
}

// A leader whose disk lags behind may not take part in the next term by a log
// that a crash would take from it.
func TestFormerLeaderIsSilentUntilItsLogIsOnDisk(t *testing.T) {
	inHeldCluster(t, func(t *testing.T, c *testCluster, logs map[string]*heldLog) {
		old := c.leader()
		do(t, old, acquire("run-1", "k"), gate.Acquired)
		term := old.raft.CurrentTerm()
		release := logs[old.config.Name].hold()
		defer release()
		go func() { _, _ = old.Do(within(t, time.Second), acquire("run-2", "other")) }()
		time.Sleep(50 * time.Millisecond)
		c.network.isolate(old.config.Name)
		time.Sleep(2 * time.Second)
		next := c.newLeader(old)
		do(t, next, acquire("run-3", "third"), gate.Acquired)

		c.network.heal()
		time.Sleep(2 * time.Second)
		if now := old.raft.CurrentTerm(); now != term {
			t.Errorf("it took part in term %d with entries of term %d in memory only", now, term)
		}
		release()
		time.Sleep(2 * time.Second)
		if got := holder(t, old, "third"); got != "run-3" {
			t.Errorf("afterwards it has %q", got)
		}
	})
}

// inParallel runs the test with a log in which this node leads term 2, after one
// entry of term 1.
func inParallel(t *testing.T, test func(t *testing.T, l *parallelLog, below *heldLog)) {
	synctest.Test(t, func(t *testing.T) {
		below := &heldLog{LogStore: raft.NewInmemStore()}
		l, err := newParallelLog(below)
		must(t, err)
		must(t, l.begin(1))
		must(t, l.StoreLogs(commands(1, 1, 1)))
		must(t, l.begin(2))
		l.lead(2)
		test(t, l, below)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func commands(term, from, to uint64) (entries []*raft.Log) {
	for i := from; i <= to; i++ {
		entries = append(entries, &raft.Log{Index: i, Term: term, Type: raft.LogCommand})
	}
	return entries
}

// waits reports whether the call is still under way when nothing else happens.
// The call is left to end by itself.
func waits(call func()) bool {
	over := make(chan struct{})
	go func() {
		defer close(over)
		call()
	}()
	synctest.Wait()
	select {
	case <-over:
		return false
	default:
		return true
	}
}

func TestLeadersCommandsAreInItsLogBeforeTheyAreOnDisk(t *testing.T) {
	inParallel(t, func(t *testing.T, l *parallelLog, below *heldLog) {
		release := below.hold()
		must(t, l.StoreLogs(commands(2, 2, 4)))
		must(t, l.StoreLogs(commands(2, 5, 5)))
		if last, _ := l.LastIndex(); last != 5 {
			t.Errorf("the log ends at %d", last)
		}
		for i := uint64(1); i <= 5; i++ {
			var entry raft.Log
			if err := l.GetLog(i, &entry); err != nil || entry.Index != i {
				t.Errorf("entry %d: %d, %v", i, entry.Index, err)
			}
		}
		if err := l.GetLog(6, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
			t.Errorf("entry 6: %v", err)
		}
		if durable := l.durable.Load(); durable != 1 {
			t.Errorf("entry %d seems to be on disk", durable)
		}
		if !waits(func() { _ = l.await(5) }) {
			t.Error("entry 5 was not waited for")
		}
		release()
		synctest.Wait()
		if last, _ := below.LastIndex(); last != 5 || l.durable.Load() != 5 {
			t.Errorf("on disk: %d, said: %d", last, l.durable.Load())
		}
	})
}

func TestWhatMustBeOnDiskFirstIs(t *testing.T) {
	change := []*raft.Log{{Index: 3, Term: 2, Type: raft.LogConfiguration}}
	for name, act := range map[string]func(l *parallelLog){
		"change of the members": func(l *parallelLog) { _ = l.StoreLogs(change) },
		"next term":             func(l *parallelLog) { _ = l.begin(3) },
		"entry of another leader": func(l *parallelLog) {
			_ = l.StoreLogs(commands(3, 3, 3))
		},
		"truncation": func(l *parallelLog) { _ = l.DeleteRange(2, 2) },
		"end":        func(l *parallelLog) { _ = l.drain() },
	} {
		t.Run(name, func(t *testing.T) {
			inParallel(t, func(t *testing.T, l *parallelLog, below *heldLog) {
				release := below.hold()
				must(t, l.StoreLogs(commands(2, 2, 2)))
				if !waits(func() { act(l) }) {
					t.Error("it did not wait for what came before")
				}
				release()
			})
		})
	}
}

func TestFollowerWritesBeforeItAnswers(t *testing.T) {
	for name, prepare := range map[string]func(l *parallelLog) uint64{
		"who never led":        func(l *parallelLog) uint64 { must(t, l.begin(3)); return 3 },
		"who led another term": func(l *parallelLog) uint64 { return 1 },
		// What the goroutine of a former term says is too late.
		"who led before": func(l *parallelLog) uint64 { must(t, l.begin(3)); l.lead(2); return 2 },
	} {
		t.Run(name, func(t *testing.T) {
			inParallel(t, func(t *testing.T, l *parallelLog, below *heldLog) {
				term := prepare(l)
				release := below.hold()
				if !waits(func() { _ = l.StoreLogs(commands(term, 2, 2)) }) {
					t.Error("it did not wait for its disk")
				}
				release()
			})
		})
	}
}

func TestNothingFollowsAFailedWrite(t *testing.T) {
	inParallel(t, func(t *testing.T, l *parallelLog, below *heldLog) {
		failure := errors.New("input/output error")
		release := below.hold()
		must(t, l.StoreLogs(commands(2, 2, 2)))
		below.mu.Lock()
		below.broken = failure
		below.mu.Unlock()
		release()
		synctest.Wait()
		below.mu.Lock()
		below.broken = nil
		below.mu.Unlock()
		for what, err := range map[string]error{
			"an entry":        l.StoreLogs(commands(2, 3, 3)),
			"another's entry": l.StoreLogs(commands(3, 3, 3)),
			"a term":          l.begin(3),
			"the end":         l.drain(),
			"to be applied":   l.await(2),
		} {
			if !errors.Is(err, failure) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if last, _ := below.LastIndex(); last != 1 || l.durable.Load() != 1 {
			t.Errorf("on disk: %d, said: %d", last, l.durable.Load())
		}
	})
}
