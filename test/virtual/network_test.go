package virtual

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

var (
	errSilence = errors.New("network: no answer")
	errRefused = errors.New("network: connection refused")
)

// network joins the nodes. Each direction between two of them can be cut, and
// messages can be late or lost.
type network struct {
	mu    sync.Mutex
	rng   *rand.Rand
	ports map[string]*port
	cuts  map[[2]string]bool
	// loss is the probability that a message is lost; least and most bound how
	// long each is under way.
	loss        float64
	least, most time.Duration
	scale       time.Duration
	// late is how long raft's answers from one node to another are under way.
	late  map[[2]string]time.Duration
	conns map[[2]string]*conn
	// healed is closed when the network is next made whole.
	healed chan struct{}
}

// port is where one incarnation of a node meets the network. It dies with it.
type port struct {
	network  *network
	name     string
	dead     chan struct{}
	raft     *wire
	doors    *doors
	mu       sync.Mutex
	handler  linkHandler
	deadOnce sync.Once
	// inbox has the latest messages of raft.
	inbox    [8]any
	received int
}

func newNetwork(seed uint64, scale int) *network {
	w := &network{
		rng:    rand.New(rand.NewPCG(seed, 1)),
		ports:  make(map[string]*port),
		cuts:   make(map[[2]string]bool),
		conns:  make(map[[2]string]*conn),
		scale:  time.Duration(scale),
		healed: make(chan struct{}),
	}
	w.heal()
	return w
}

// plug connects a new incarnation of the node.
func (w *network) plug(name string) *port {
	p := &port{network: w, name: name, dead: make(chan struct{}), doors: newDoors()}
	p.raft = newWire(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ports[name] = p
	return p
}

// unplug ends the incarnation's part in the network, at once and for good.
func (p *port) unplug() {
	p.deadOnce.Do(func() {
		close(p.dead)
		p.doors.close()
		w := p.network
		w.mu.Lock()
		var broken []*conn
		for _, c := range w.conns {
			if c.from == p || c.to == p {
				broken = append(broken, c)
			}
		}
		w.mu.Unlock()
		for _, c := range broken {
			c.die()
		}
	})
}

func (p *port) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// port returns the node's present incarnation; nil if it is down.
func (w *network) port(name string) *port {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.ports[name]; p != nil && !p.isDead() {
		return p
	}
	return nil
}

// cut cuts the direction from one node to another.
func (w *network) cut(from, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cuts[[2]string{from, to}] = true
	for _, c := range w.conns {
		if pair := [2]string{c.from.name, c.to.name}; pair == [2]string{from, to} || pair == [2]string{to, from} {
			time.AfterFunc(w.scale*silenceNoticed, func() {
				if w.isCut(from, to) {
					c.die()
				}
			})
		}
	}
}

func (w *network) whenHealed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.healed
}

func (w *network) mend(from, to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.cuts, [2]string{from, to})
}

// heal makes the network whole and quick, for what is under way too.
func (w *network) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.healed)
	w.healed = make(chan struct{})
	clear(w.cuts)
	w.late = nil
	w.loss, w.least, w.most = 0, usualLeast, usualMost
}

// worsen makes messages late or lose them.
func (w *network) worsen(loss float64, least, most time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loss, w.least, w.most = loss, least, most
}

// delay makes raft's answers from one node to another late.
func (w *network) delay(from, to string, by time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.late == nil {
		w.late = make(map[[2]string]time.Duration)
	}
	w.late[[2]string{from, to}] = by
}

func (w *network) lateness(from, to string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.late[[2]string{from, to}]
}

func (w *network) isCut(from, to string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cuts[[2]string{from, to}]
}

// fate is what happens to one message: how long it is under way, and whether it
// gets lost on it.
func (w *network) fate() (delay time.Duration, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delay = w.least + time.Duration(w.rng.Int64N(int64(w.most-w.least)))
	return delay, w.loss > 0 && w.rng.Float64() < w.loss
}
