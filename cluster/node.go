package cluster

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"lockd/cluster/timekeeper"
	"lockd/fsm"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// Node is one member of the cluster. All methods may be called from any
// goroutine.
type Node struct {
	config Config
	id     raft.ServerID
	addrs  map[raft.ServerID]string
	logger hclog.Logger
	began  time.Time

	raft      *raft.Raft
	fsm       *fsm.FSM
	stores    *guarded
	transport *transport
	clock     *ackClock
	fresh     *freshness
	events    EventLog

	// office is the term that this node leads, ready or not; nil if none.
	office atomic.Pointer[office]
	// terms has the terms that this node has led.
	terms termSet
	// leader is who began the latest term that is applied here.
	leader atomic.Pointer[leader]
	// led is raised whenever there may be another leader to turn to, begun when
	// a term has begun here.
	led, begun signal

	sinkMu   sync.Mutex
	sink     *sink
	batcher  *batcher
	forwards forwards
	waiters  waiters
	resends  resends
	renewals renewals
	tries    tries
	// serving has one token for each goroutine that serves another node.
	serving chan struct{}

	// stop ends the loops. calls counts what callers have under way.
	stop  chan struct{}
	loops sync.WaitGroup
	calls tally
	tasks tally
}

// Start opens the stores, founds or rejoins the cluster, and returns while the
// node still catches up. The errors wrap ErrConfig, ErrDirectoryInUse,
// ErrForeignDirectory, ErrIncompleteDirectory or ErrDamaged, or come from the disk.
//
// The node is the LinkHandler for the Link's other ends; the caller makes the
// link serve it.
func Start(config Config) (*Node, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	raw := config.Stores
	if raw == nil {
		opened, err := openStores(&config)
		if err != nil {
			return nil, err
		}
		raw = opened
	}
	n, err := start(config, raw)
	// After ErrStore a write may hang, and Close with it.
	if err != nil && raw.Close != nil && !errors.Is(err, ErrStore) {
		err = errors.Join(err, raw.Close())
	}
	return n, err
}

func start(config Config, raw *Stores) (*Node, error) {
	n := newNode(config)
	failed := make(chan error, 1)
	dog := &watchdog{limit: config.Timing.StuckWrite, logger: n.logger, fatal: func(err error) {
		failed <- err
		config.OnFatal(err)
	}}
	sealed := raw.sealed()
	var err error
	if n.stores, err = sealed.guarded(dog); err != nil {
		return nil, err
	}
	if err := bootstrap(&n.config, sealed, config.Transport); err != nil {
		return nil, err
	}
	if err := n.startRaft(failed); err != nil {
		return nil, err
	}
	n.batcher = newBatcher(n.config.Clock, n.route, &n.led, n.stop)
	for _, loop := range []func(){
		n.watchLeadership, n.watchTerms, n.batcher.run, n.waiters.renew, n.resends.run, n.takeSnapshots,
	} {
		n.loops.Go(loop)
	}
	return n, nil
}

func newNode(config Config) *Node {
	n := &Node{
		config:  config,
		id:      raft.ServerID(config.Name),
		addrs:   make(map[raft.ServerID]string),
		logger:  config.Logger.Named("cluster"),
		began:   config.Clock(),
		serving: make(chan struct{}, MaxServed),
		stop:    make(chan struct{}),
	}
	for _, m := range config.Members {
		n.addrs[raft.ServerID(m.Name)] = m.PeerAddr
	}
	n.waiters = waiters{node: n, all: make(map[*waiter]struct{}), due: timekeeper.NewSchedule[*waiter](), hurry: make(chan struct{}, 1)}
	n.resends = resends{node: n, filled: make(chan struct{}, 1)}
	n.renewals = renewals{node: n}
	pace := &pacer{clock: config.Clock, stop: n.stop}
	n.fsm = fsm.New(fsm.Config{
		Logger: config.Logger.Named("fsm"), OnApply: n.applied, Keeps: n.terms.has, OnRestore: n.restored, Pace: pace.pause,
	})
	return n
}

// startRaft starts raft, which writes the term before anything else. A write that
// fails or hangs holds up its goroutine for good, so that raft has its own here.
func (n *Node) startRaft(failed <-chan error) error {
	n.clock = &ackClock{self: n.id, voters: n.voters}
	n.fresh = &freshness{term: n.raftTerm, applied: n.fsm.Applied}
	n.transport = newTransport(n.config.Transport, n.stores.parallel, n.clock, n.fresh, n.config.Clock)
	var r *raft.Raft
	var err error
	started := make(chan struct{})
	n.stores.log.opening.Store(true)
	go func() {
		defer close(started)
		r, err = raft.NewRaft(n.config.raftConfig(), parallelFSM{n.fsm, n.stores.parallel}, n.stores.Log, n.stores.Stable, n.stores.Snapshots, n.transport)
	}()
	select {
	case <-started:
	case err := <-failed:
		return fmt.Errorf("start raft: %w", err)
	}
	n.stores.log.opening.Store(false)
	if err != nil {
		n.transport.close()
		return fmt.Errorf("start raft: %w", err)
	}
	n.raft = r
	n.transport.open()
	return nil
}

func (n *Node) voters() []raft.ServerID {
	var ids []raft.ServerID
	for _, server := range n.raft.GetConfiguration().Configuration().Servers {
		if server.Suffrage == raft.Voter {
			ids = append(ids, server.ID)
		}
	}
	return ids
}

func (n *Node) raftTerm() uint64 { return n.raft.CurrentTerm() }

// Events is the log of the changes that this node applies.
func (n *Node) Events() *EventLog { return &n.events }

// uptime is the time since the node began.
func (n *Node) uptime() time.Duration { return n.config.Clock().Sub(n.began) }

// enter counts a call of the API; ErrShuttingDown once Shutdown has begun.
func (n *Node) enter() (leave func(), err error) {
	if !n.calls.add() {
		return nil, ErrShuttingDown
	}
	return n.calls.done, nil
}

// spawn runs a piece of work that ends by itself; false if the node is too far
// down for it.
func (n *Node) spawn(work func()) bool {
	if !n.tasks.add() {
		return false
	}
	go func() {
		defer n.tasks.done()
		work()
	}()
	return true
}
