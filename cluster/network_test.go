package cluster

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

const (
	latency  = 200 * time.Microsecond
	rpcLimit = 300 * time.Millisecond
	noticed  = time.Second
)

var errCut = errors.New("network: cut")

// network joins nodes in memory. Each direction between two nodes can be cut:
// then nothing arrives, and the sender learns it by waiting.
type network struct {
	mu       sync.Mutex
	cuts     map[[2]string]bool
	handlers map[string]LinkHandler
	inmem    map[string]*raft.InmemTransport
	calls    map[*memCall]bool
	// deadAfter is how long a connection that carries nothing goes unnoticed.
	deadAfter time.Duration
	// dropAnswers lets forwarded commands arrive and loses the answers.
	dropAnswers bool
	// dropTimeoutNow loses the message with which a leader hands over.
	dropTimeoutNow bool
}

func newNetwork() *network {
	return &network{
		cuts:     make(map[[2]string]bool),
		handlers: make(map[string]LinkHandler),
		inmem:    make(map[string]*raft.InmemTransport),
		calls:    make(map[*memCall]bool),

		deadAfter: noticed,
	}
}

// join makes a transport and a link for the node and connects it with all others.
func (w *network) join(name string) (raft.Transport, Link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, own := raft.NewInmemTransportWithTimeout(raft.ServerAddress(name), rpcLimit)
	for other, trans := range w.inmem {
		if other != name {
			trans.Connect(raft.ServerAddress(name), own)
			own.Connect(raft.ServerAddress(other), trans)
		}
	}
	w.inmem[name] = own
	return &memTransport{InmemTransport: own, network: w, self: name}, &memLink{network: w, self: name}
}

func (w *network) serve(name string, handler LinkHandler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handlers[name] = handler
}

// cut cuts the direction from one node to another.
func (w *network) cut(from, to string) {
	w.mu.Lock()
	w.cuts[[2]string{from, to}] = true
	var dead []*memCall
	for call := range w.calls {
		if w.isCutBetween(call.from, call.to) {
			dead = append(dead, call)
		}
	}
	w.mu.Unlock()
	for _, call := range dead {
		time.AfterFunc(w.deadAfter, call.lose)
	}
}

func (w *network) heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.cuts)
}

// loseAnswersFor loses the answers to commands that are forwarded from now on
// until d has passed.
func (w *network) loseAnswersFor(d time.Duration) {
	set := func(drop bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.dropAnswers = drop
	}
	set(true)
	time.AfterFunc(d, func() { set(false) })
}

// isolate cuts the node off in both directions.
func (w *network) isolate(name string) {
	w.mu.Lock()
	var others []string
	for other := range w.inmem {
		if other != name {
			others = append(others, other)
		}
	}
	w.mu.Unlock()
	for _, other := range others {
		w.cut(name, other)
		w.cut(other, name)
	}
}

func (w *network) isCut(from, to string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cuts[[2]string{from, to}]
}

func (w *network) isCutBetween(a, b string) bool {
	return w.cuts[[2]string{a, b}] || w.cuts[[2]string{b, a}]
}

// memTransport is raft's own transport over the network.
type memTransport struct {
	*raft.InmemTransport
	network *network
	self    string
}

func (t *memTransport) carry(to raft.ServerAddress, rpc func() error) error {
	time.Sleep(latency)
	if t.network.isCut(t.self, string(to)) {
		time.Sleep(rpcLimit)
		return errCut
	}
	if err := rpc(); err != nil {
		return err
	}
	time.Sleep(latency)
	if t.network.isCut(string(to), t.self) {
		time.Sleep(rpcLimit)
		return errCut
	}
	return nil
}

func (t *memTransport) AppendEntries(id raft.ServerID, to raft.ServerAddress, args *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	sent := *args
	return t.carry(to, func() error { return t.InmemTransport.AppendEntries(id, to, &sent, resp) })
}

func (t *memTransport) RequestVote(id raft.ServerID, to raft.ServerAddress, args *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) error {
	return t.carry(to, func() error { return t.InmemTransport.RequestVote(id, to, args, resp) })
}

func (t *memTransport) RequestPreVote(id raft.ServerID, to raft.ServerAddress, args *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) error {
	return t.carry(to, func() error { return t.InmemTransport.RequestPreVote(id, to, args, resp) })
}

func (t *memTransport) InstallSnapshot(id raft.ServerID, to raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, from io.Reader) error {
	return t.carry(to, func() error { return t.InmemTransport.InstallSnapshot(id, to, args, resp, from) })
}

func (t *memTransport) TimeoutNow(id raft.ServerID, to raft.ServerAddress, args *raft.TimeoutNowRequest, resp *raft.TimeoutNowResponse) error {
	t.network.mu.Lock()
	drop := t.network.dropTimeoutNow
	t.network.mu.Unlock()
	if drop {
		time.Sleep(rpcLimit)
		return errCut
	}
	return t.carry(to, func() error { return t.InmemTransport.TimeoutNow(id, to, args, resp) })
}

// memLink is one node's link over the network.
type memLink struct {
	network *network
	self    string
}

// memCall is one request and its answers, which a goroutine delivers in order.
type memCall struct {
	network  *network
	from, to string
	answer   func([]byte, bool, error)
	end      context.CancelFunc
	// mute loses all answers.
	mute bool

	mu     sync.Mutex
	frames []memFrame
	more   chan struct{}
	over   chan struct{}
	once   sync.Once
}

type memFrame struct {
	payload []byte
	last    bool
	err     error
}

func (l *memLink) Send(addr string, kind byte, payload []byte, answer func([]byte, bool, error)) (func(), error) {
	w := l.network
	w.mu.Lock()
	handler := w.handlers[addr]
	if handler == nil || w.isCutBetween(l.self, addr) {
		w.mu.Unlock()
		return nil, errCut
	}
	ctx, cancel := context.WithCancel(context.Background())
	call := &memCall{
		network: w, from: l.self, to: addr, answer: answer, end: cancel, mute: w.dropAnswers && kind == kindPropose,
		more: make(chan struct{}, 1), over: make(chan struct{}),
	}
	w.calls[call] = true
	w.mu.Unlock()
	go call.deliver()
	sent := slices.Clone(payload)
	go func() {
		time.Sleep(latency)
		handler.Serve(ctx, kind, sent, call.reply)
	}()
	if call.mute {
		time.AfterFunc(w.deadAfter, call.lose)
	}
	return call.cancel, nil
}

func (c *memCall) push(f memFrame) {
	c.mu.Lock()
	c.frames = append(c.frames, f)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *memCall) reply(payload []byte, last bool) {
	c.network.mu.Lock()
	cut := c.network.isCutBetween(c.from, c.to)
	c.network.mu.Unlock()
	if !cut && !c.mute {
		c.push(memFrame{payload: payload, last: last})
	}
}

func (c *memCall) lose() { c.push(memFrame{last: true, err: errCut}) }

func (c *memCall) cancel() {
	c.once.Do(func() {
		close(c.over)
		c.end()
		c.network.mu.Lock()
		delete(c.network.calls, c)
		c.network.mu.Unlock()
	})
}

func (c *memCall) deliver() {
	defer c.cancel()
	for {
		select {
		case <-c.more:
		case <-c.over:
			return
		}
		time.Sleep(latency)
		c.mu.Lock()
		frames := c.frames
		c.frames = nil
		c.mu.Unlock()
		for _, f := range frames {
			select {
			case <-c.over:
				return
			default:
			}
			c.answer(f.payload, f.last, f.err)
			if f.last {
				return
			}
		}
	}
}
