package client

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Client talks to one cluster. All methods may be called from any goroutine.
type Client struct {
	config    Config
	transport transport
	nodes     *nodes
	clock     clock
	// runs makes run ids: a prefix of this client's own, and a count.
	prefix string
	runs   atomic.Uint64

	// ctx ends with Close; its cause is ErrClosed.
	ctx    context.Context
	cancel context.CancelCauseFunc

	mu     sync.Mutex
	closed bool
	// leases has the place of the session with each TTL in use.
	leases map[time.Duration]*place
	// live are the sessions whose goroutines run.
	live map[*session]struct{}
	wg   sync.WaitGroup
}

// A place holds the present session of one TTL.
type place struct {
	// opening is held by whoever looks at or replaces session.
	opening chan struct{}
	session *session
}

// New returns a client of the cluster that cfg names. It connects to nothing
// yet: the first lock opens the session. The caller must Close it. Errors wrap
// ErrConfig.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	tlsConfig, err := cfg.tls()
	if err != nil {
		return nil, err
	}
	token, err := cfg.loadBearer()
	if err != nil {
		return nil, err
	}
	plain := newHTTPTransport(&cfg, tlsConfig, token)
	if cfg.PlainHTTP {
		return newClient(cfg, plain, newClock()), nil
	}
	over := newStreamTransport(plain)
	c := newClient(cfg, over, newClock())
	over.lost = c.lost
	return c, nil
}

// defaultClient is made by the first call of Default.
var defaultClient = sync.OnceValues(func() (*Client, error) { return New(ConfigFromEnv()) })

// Default returns the process's own client, made once from the environment as
// ConfigFromEnv reads it. Every call returns the same client or the same error.
// Close it when the process ends, if at all.
func Default() (*Client, error) { return defaultClient() }

func newClient(cfg Config, t transport, clk clock) *Client {
	urls := make([]string, len(cfg.Addrs))
	for i, addr := range cfg.Addrs {
		urls[i] = canonicalURL(addr)
	}
	c := &Client{
		config: cfg, transport: t, nodes: newNodes(urls), clock: clk,
		prefix: printable(cfg.Name, maxRunPrefix) + "-" + strings.ToLower(rand.Text()[:12]),
		leases: make(map[time.Duration]*place), live: make(map[*session]struct{}),
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	return c
}

// newRun returns a run id that nobody else has.
func (c *Client) newRun() string {
	return c.prefix + "-" + strconv.FormatUint(c.runs.Add(1), 10)
}

// spawn runs f in a goroutine that Close waits for; false after Close.
func (c *Client) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.wg.Go(f)
	return true
}

// Close gives everything back: it ends the contexts of all guards (cause
// ErrClosed), closes the session and ends all goroutines. Release guards before,
// else others may get their locks while their owners are still stopping. When ctx
// or the TTL is over before the cluster has answered, the error says so, and the
// session ends with its TTL. Later calls return nil.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	var live []*session
	for s := range c.live {
		live = append(live, s)
	}
	c.mu.Unlock()

	for _, s := range live {
		s.end(ErrClosed)
	}
	c.cancel(ErrClosed)
	var failed error
	for _, s := range live {
		if err := s.close(ctx); err != nil && failed == nil {
			failed = fmt.Errorf("client: session %s is left to expire: %w", s.id, err)
		}
	}
	c.wg.Wait()
	c.transport.close()
	return failed
}
