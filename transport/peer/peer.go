package peer

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// A Peer is a node's peer port. Its methods may be called by any goroutine.
type Peer struct {
	config    Config
	listener  net.Listener
	advertise address
	lifetime  context.Context // ends with Close; bounds dials
	end       context.CancelFunc
	conns     *connSet // links, and connections in their handshake
	stream    *stream
	transport *raft.NetworkTransport
	accepting sync.WaitGroup

	mu         sync.Mutex
	closed     bool
	handler    Handler
	links      map[string]*link
	greeting   int       // accepted connections in their handshake
	complained time.Time // when a connection turned away was last warned of
	unsaid     int       // how many have been turned away since
}

// address is a net.Addr that may name a host.
type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// Listen opens the peer port and starts accepting raft connections. Links are
// refused, with ErrNotServing, until Serve is called. An error wraps ErrConfig
// if the configuration cannot work, else it is the listener's. The caller
// closes what is returned.
func Listen(config Config) (*Peer, error) {
	config = config.withDefaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	listen := net.ListenConfig{KeepAliveConfig: keepAlive()}
	listener, err := listen.Listen(context.Background(), "tcp", config.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for peers: %w", err)
	}
	advertise, err := advertised(config.Advertise, listener.Addr())
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	p := &Peer{
		config:    config,
		listener:  listener,
		advertise: advertise,
		conns:     newConnSet(),
		links:     make(map[string]*link),
	}
	p.lifetime, p.end = context.WithCancel(context.Background())
	p.stream = newStream(p)
	p.transport = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:          p.stream,
		MaxPool:         maxRaftPool,
		MaxRPCsInFlight: 1,
		Timeout:         config.RPCTimeout,
		Logger:          config.Logger.Named("raft-net"),
	})
	p.transport.TimeoutScale = snapshotBytesPerTimeout
	p.accepting.Add(1)
	go p.accept()
	return p, nil
}

// advertised returns the address to tell others, which must name a host.
func advertised(configured string, listening net.Addr) (address, error) {
	if configured != "" {
		return address(configured), nil
	}
	if tcp, ok := listening.(*net.TCPAddr); !ok || tcp.IP.IsUnspecified() {
		return "", fmt.Errorf("%w: Advertise is empty and %v names no host", ErrConfig, listening)
	}
	return address(listening.String()), nil
}

// Addr is the address under which other nodes reach this one.
func (p *Peer) Addr() string { return p.advertise.String() }

// RaftTransport returns the transport to hand to raft, always the same. It does
// not pipeline. Closing it, which raft does on shutdown, ends raft's
// connections and leaves the links alone; Close closes it as well.
func (p *Peer) RaftTransport() raft.Transport { return p.transport }

// Serve makes the handler serve the links of other nodes from now on, and
// returns at once. It is called once; a second call, or nil, panics.
func (p *Peer) Serve(handler Handler) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if handler == nil || p.handler != nil {
		panic("peer: Serve needs a handler, once")
	}
	p.handler = handler
}

// served returns the handler, nil before Serve.
func (p *Peer) served() Handler {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.handler
}

// serves says whether connections of the purpose are welcome now.
func (p *Peer) serves(what purpose) bool {
	switch what {
	case purposeLink:
		return p.served() != nil
	case purposeRaft:
		return !p.stream.served.isClosed()
	}
	return false
}

// Close stops listening, ends every connection, and returns when all goroutines
// of the package have ended: no answer function and no Serve runs after it. It
// must not be called from either. Outstanding requests end with
// ErrConnectionLost. Later calls do nothing; the error is the listener's.
func (p *Peer) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	p.mu.Unlock()

	p.end()
	err := p.listener.Close()
	p.conns.close()
	_ = p.transport.Close() // closes the stream; never fails
	p.accepting.Wait()
	p.conns.wait()
	p.stream.wait()
	return err
}
