package virtual

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockd/cluster"
	"lockd/transport/httpapi"

	"github.com/hashicorp/go-hclog"
)

// world is one bubble: three nodes, their clients, and everything between them.
type world struct {
	t       *testing.T
	seed    uint64
	begun   time.Time
	scale   int
	timing  cluster.Timing
	members []cluster.Member
	// tune changes a node's configuration.
	tune    func(config *cluster.Config)
	network *network
	disks   map[string]*disk
	log     io.Writer
	http    *http.Client
	book    *book
	watch   *watch

	// rng is the faults' own; only their goroutine draws from it.
	rng *rand.Rand
	// over is closed when the run ends, early if a promise was broken.
	over   chan struct{}
	finish sync.Once
	work   sync.WaitGroup
	// zombies counts processes that crashed and whose goroutines still end.
	zombies sync.WaitGroup

	mu      sync.Mutex
	nodes   map[string]*process
	lines   []string
	broken  int
	runs    int
	tallies tallies
	// calm is since when nothing is broken; zero while something is.
	calm time.Time
}

// tallies count what happened.
type tallies struct {
	operations, grants, partitions, faults, restarts, elections, expiries, reads atomic.Int64
	slowest                                                                      atomic.Int64
}

// process is one incarnation of a node.
type process struct {
	name   string
	node   *cluster.Node
	port   *port
	server *http.Server
	api    *httpapi.Server
	ended  sync.WaitGroup
	// fatal is set when the node said that it cannot go on.
	fatal atomic.Bool
}

func newWorld(t *testing.T, seed uint64, scale int, log io.Writer) *world {
	w := &world{
		t: t, seed: seed, scale: scale, begun: time.Now(), log: log,
		tune:    func(*cluster.Config) {},
		timing:  cluster.DefaultTiming().Scale(float64(scale)),
		network: newNetwork(seed, scale),
		disks:   make(map[string]*disk),
		rng:     rand.New(rand.NewPCG(seed, 2)),
		over:    make(chan struct{}),
		nodes:   make(map[string]*process),
	}
	w.book = &book{world: w, sessions: make(map[string]*lease)}
	w.watch = newWatch(w)
	w.http = &http.Client{Transport: &http.Transport{
		DialContext: w.network.dial, MaxIdleConnsPerHost: 64, DisableCompression: true, IdleConnTimeout: time.Minute,
	}}
	for i := range 3 {
		name := fmt.Sprintf("n%d", i+1)
		w.members = append(w.members, cluster.Member{Name: name, PeerAddr: name})
		w.disks[name] = newDisk(rand.New(rand.NewPCG(seed, uint64(10+i))))
	}
	return w
}

// raise starts all nodes and waits until they serve.
func (w *world) raise() {
	for _, m := range w.members {
		w.start(m.Name)
	}
	w.recover("the start")
}

// election is the longest that one election without a split vote takes.
func (w *world) election() time.Duration { return 2 * (w.timing.Heartbeat + w.timing.Election) }

// start starts the node with what its disk has kept.
func (w *world) start(name string) {
	p := &process{name: name, port: w.network.plug(name)}
	_, stores := w.disks[name].open()
	n, err := cluster.Start(w.config(p, stores))
	if err != nil {
		w.violated("%s does not start: %v", name, err)
		p.port.unplug()
		return
	}
	p.node = n
	p.port.serve(n)
	config := httpapi.DefaultConfig()
	config.Node, config.NodeName = n, name
	p.api, err = httpapi.New(config)
	if err != nil {
		w.t.Fatal(err)
	}
	p.server = p.api.HTTPServer()
	p.ended.Go(func() { _ = p.server.Serve(p.port.doors) })
	w.mu.Lock()
	w.nodes[name] = p
	w.mu.Unlock()
	w.trace("start %s", name)
}

func (w *world) config(p *process, stores *cluster.Stores) cluster.Config {
	config := cluster.DefaultConfig()
	config.Name, config.Members, config.ClientURL = p.name, w.members, "http://"+p.name+":80"
	config.Transport, config.Link, config.Stores = p.port.raft, p.port, stores
	// Clocks of machines differ, by hours if nobody looks.
	offset := time.Duration(w.seed%7)*time.Hour - time.Duration(len(p.name)*int(p.name[1]-'0'))*time.Hour
	config.Clock = func() time.Time { return time.Now().Add(offset) }
	config.Reader = cluster.Reader(httpapi.Answer(config.Clock))
	config.Timing = w.timing
	config.SnapshotEntries, config.TrailingLogs = snapshotEntries, trailingLogs
	w.tune(&config)
	config.OnFatal = func(err error) { w.fatal(p, err) }
	config.Logger = hclog.NewNullLogger()
	if w.log != nil {
		config.Logger = hclog.New(&hclog.LoggerOptions{Name: p.name, Output: w.log, Level: hclog.Debug, TimeFormat: "15:04:05.000"})
	}
	return config
}

// fatal is told that the node cannot go on: its process ends at once.
func (w *world) fatal(p *process, err error) {
	p.fatal.Store(true)
	w.trace("%s gives up: %v", p.name, err)
	if !errors.Is(err, cluster.ErrStore) || !w.disks[p.name].wasBroken() {
		w.violated("%s gave up without reason: %v", p.name, err)
	}
	p.port.unplug()
	p.port.defuse()
	w.zombies.Go(func() {
		if w.process(p.name) == p {
			w.crash(p.name)
		}
	})
}

// process returns the node's process; nil if it is down.
func (w *world) process(name string) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nodes[name]
}

// take removes the node's process; nil if it is down.
func (w *world) take(name string) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.nodes[name]
	delete(w.nodes, name)
	return p
}

// crash ends the process as a power cut would: nothing more comes out of it, and
// what its disk had not synced is lost. What is left of it in the bubble ends by
// itself, unseen.
func (w *world) crash(name string) {
	p := w.take(name)
	if p == nil {
		return
	}
	p.port.unplug()
	p.port.defuse()
	w.disks[name].crash()
	w.trace("crash %s", name)
	w.zombies.Go(func() { w.bury(p) })
}

func (w *world) bury(p *process) {
	_ = p.server.Close()
	p.api.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), burial)
	defer cancel()
	if err := p.node.Shutdown(ctx); err != nil {
		w.t.Errorf("seed %d: what is left of %s does not end: %v", w.seed, p.name, err)
	}
	p.ended.Wait()
}

// stop ends the process in order, as SIGTERM does.
func (w *world) stop(name string) {
	p := w.take(name)
	if p == nil {
		return
	}
	w.trace("stop %s", name)
	p.api.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), burial)
	defer cancel()
	if err := p.node.Shutdown(ctx); err != nil {
		w.violated("%s does not stop: %v", name, err)
	}
	left, end := context.WithTimeout(context.Background(), time.Second)
	defer end()
	if p.server.Shutdown(left) != nil {
		_ = p.server.Close()
	}
	p.ended.Wait()
	p.port.unplug()
	w.disks[name].crash()
}

// leader returns the name of the node that leads and is ready; "" if none.
func (w *world) leader() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, latest := "", uint64(0)
	for _, p := range w.nodes {
		if p.node.IsLeader() {
			if _, _, term, known := p.node.Leader(); known && term > latest {
				name, latest = p.name, term
			}
		}
	}
	return name
}

// setCalm says whether anything is broken.
func (w *world) setCalm(calm bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calm = time.Time{}
	if calm {
		w.calm = time.Now()
	}
}

// calmSince is since when nothing is broken; zero while something is.
func (w *world) calmSince() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calm
}

// now is the virtual time since the beginning.
func (w *world) now() time.Duration { return time.Since(w.begun) }

// trace notes a line for the report of a broken promise.
func (w *world) trace(format string, args ...any) {
	line := fmt.Sprintf("%13.6f ", w.now().Seconds()) + fmt.Sprintf(format, args...)
	w.mu.Lock()
	w.lines = append(w.lines, line)
	if len(w.lines) > 2*traceLines {
		w.lines = append([]string(nil), w.lines[traceLines:]...)
	}
	w.mu.Unlock()
	if w.log != nil {
		fmt.Fprintln(w.log, line)
	}
}

// violated reports a broken promise and ends the run.
func (w *world) violated(format string, args ...any) {
	w.trace("VIOLATED: "+format, args...)
	w.mu.Lock()
	w.broken++
	first := w.broken == 1
	from := max(0, len(w.lines)-traceLines)
	lines := append([]string(nil), w.lines[from:]...)
	w.mu.Unlock()
	if first {
		text := ""
		for _, line := range lines {
			text += line + "\n"
		}
		w.t.Errorf("seed %d, scale %d: %s\n%s", w.seed, w.scale, fmt.Sprintf(format, args...), text)
	}
	w.end()
}

func (w *world) end() { w.finish.Do(func() { close(w.over) }) }

func (w *world) isOver() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}

// sleep waits; false if the run ended meanwhile.
func (w *world) sleep(d time.Duration) bool {
	select {
	case <-w.over:
		return false
	case <-time.After(d):
		return true
	}
}

// run makes a name that nobody else has.
func (w *world) run(who string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs++
	return fmt.Sprintf("%s-%d", who, w.runs)
}
