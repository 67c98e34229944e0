package zookeeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"lockd/bench/system"
)

// hosts has a client begin at the server that it prefers and go on in order.
type hosts struct {
	mu      sync.Mutex
	servers []string
	next    int
	// tried counts the servers that were handed out since the last connection.
	tried int
}

func (h *hosts) Init([]string) error { return nil }

func (h *hosts) Len() int { return len(h.servers) }

// Next says also whether all servers have been tried: the library pauses then.
func (h *hosts) Next() (server string, retryStart bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	server = h.servers[h.next]
	h.next = (h.next + 1) % len(h.servers)
	h.tried++
	if h.tried > len(h.servers) {
		h.tried = 1
		return server, true
	}
	return server, false
}

func (h *hosts) Connected() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tried = 0
}

// wire is the client's network, which can be cut for good.
type wire struct {
	mu   sync.Mutex
	conn net.Conn
	cut  bool
}

func (w *wire) dial(network, address string, timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout(network, address, timeout)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut {
		return nil, errors.Join(net.ErrClosed, conn.Close())
	}
	w.conn = conn
	return conn, nil
}

func (w *wire) sever() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut = true; w.conn != nil {
		_ = w.conn.Close() // it may have ended by itself
	}
}

// silent is a logger that says nothing.
type silent struct{}

func (silent) Printf(string, ...any) {}

// dial connects a client and returns when its session is open.
func (e *ensemble) dial(ctx context.Context, caller system.Caller) (*client, error) {
	order := &hosts{next: caller.Node % nodes}
	for i := range nodes {
		order.servers = append(order.servers, e.address(i))
	}
	net := new(wire)
	conn, events, err := zk.Connect(order.servers, cmp.Or(caller.TTL, defaultTTL),
		zk.WithHostProvider(order), zk.WithDialer(net.dial), zk.WithLogger(silent{}))
	if err != nil {
		return nil, err
	}
	u := &client{conn: conn, net: net, name: caller.Name, known: make(map[string]bool)}
	opening := time.After(openTime)
	for {
		select {
		case event := <-events:
			if event.State == zk.StateHasSession {
				return u, nil
			}
		case <-ctx.Done():
			u.Abandon()
			return nil, ctx.Err()
		case <-opening:
			u.Abandon()
			return nil, fmt.Errorf("no session after %v", openTime)
		}
	}
}
