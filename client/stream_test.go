package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockd/api"
	"lockd/client"
)

// wire counts a client's connections, and can cut one instead of handing on the
// next bytes that come: the request has arrived, and its answer is lost.
type wire struct {
	dialled, lost atomic.Int32
	writes        atomic.Int32
	armed         atomic.Bool

	mu    sync.Mutex
	conns []*wireConn
}

type wireConn struct {
	net.Conn
	wire *wire
	// frozen: what comes is not handed on any more.
	frozen atomic.Bool
}

// freeze has the connections of now bring nothing more, as those to a process that
// is stopped.
func (w *wire) freeze() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		c.frozen.Store(true)
	}
}

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	w.dialled.Add(1)
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	made := &wireConn{Conn: conn, wire: w}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, made)
	return made, err
}

func (c *wireConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for err == nil && c.frozen.Load() {
		n, err = c.Conn.Read(b)
	}
	if err == nil && c.wire.armed.CompareAndSwap(true, false) {
		c.wire.lost.Add(1)
		c.Conn.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *wireConn) Write(b []byte) (int, error) {
	c.wire.writes.Add(1)
	return c.Conn.Write(b)
}

// wired returns a client of the process's cluster over a wire of its own.
func wired(t *testing.T, change ...func(*client.Config)) (*client.Client, *wire) {
	t.Helper()
	w := &wire{}
	cfg := client.ConfigFromEnv()
	cfg.DialContext = w.dial
	for _, f := range change {
		f(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c, w
}

func TestAnyNumberOfRequestsShareOneConnection(t *testing.T) {
	ctx := within(t)
	c, w := wired(t)
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			for range 3 {
				g, err := c.Lock(ctx, fmt.Sprintf("shared/%d", i%100))
				if err != nil {
					t.Error(err)
					return
				}
				release(t, g)
			}
		})
	}
	all.Wait()
	if n := w.dialled.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestAWaitOverAStreamIsAskedForOnce(t *testing.T) {
	ctx := within(t)
	other, _ := wired(t)
	held := must[*client.Guard](t)(other.Lock(ctx, "asked/once"))
	c, w := wired(t)
	got := make(chan *client.Guard, 1)
	go func() { got <- must[*client.Guard](t)(c.Lock(ctx, "asked/once")) }()
	look := func() int { return len(must[*api.LockState](t)(other.LockGet(ctx, "asked/once")).Waiters) }
	for look() == 0 {
	}
	before := w.writes.Load()
	for begun := time.Now(); time.Since(begun) < time.Second; {
		look()
	}
	if n := w.writes.Load() - before; n > 2 {
		t.Errorf("%d messages while it waited", n)
	}
	release(t, held)
	release(t, <-got)
}

func TestALostAnswerIsGotAgainOverTheNextStream(t *testing.T) {
	ctx := within(t)
	c, w := wired(t)
	release(t, must[*client.Guard](t)(c.Lock(ctx, "lost/answer")))
	for range 10 {
		w.armed.Store(true)
		g := must[*client.Guard](t)(c.Lock(ctx, "lost/answer"))
		if held := must[*api.LockState](t)(c.LockGet(ctx, "lost/answer")); len(held.Holders) != 1 || held.Holders[0].Token != g.Token() {
			t.Errorf("token %d, held by %+v", g.Token(), held.Holders)
		}
		// A second release would find nothing held, and say that the lock was lost.
		w.armed.Store(true)
		release(t, g)
	}
	if lost, dialled := w.lost.Load(), w.dialled.Load(); lost != 20 || dialled != 21 {
		t.Errorf("%d answers lost over %d connections", lost, dialled)
	}
}

func TestACommandThatMayNotBeRepeatedIsUnknownWhenItsStreamBreaks(t *testing.T) {
	ctx := within(t)
	c, w := wired(t)
	must[*api.KeyState](t)(c.KeyGet(ctx, "unknown"))
	w.armed.Store(true)
	if _, err := c.KeyRelease(ctx, api.KeyRelease{Key: "unknown", RunID: "r"}); !errors.Is(err, client.ErrOutcomeUnknown) {
		t.Errorf("error %v", err)
	}
}

func TestAStreamThatFallsSilentIsGivenUpSoon(t *testing.T) {
	t.Parallel()
	ctx := within(t)
	c, w := wired(t)
	release(t, must[*client.Guard](t)(c.Lock(ctx, "silent")))
	w.freeze()
	began := time.Now()
	g := must[*client.Guard](t)(c.Lock(ctx, "silent"))
	// Requests that nothing answers are looked after within 3.5 s; a quiet stream, and
	// an attempt that asks the node to wait, have 10 s and more.
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("took %v", took)
	}
	release(t, g)
}

func TestALossIsToldLongBeforeTheNextKeepalive(t *testing.T) {
	ctx, other := within(t), connect(t)
	c, _ := wired(t)
	lock := func(ref string, opts ...client.Option) *client.Guard {
		return must[*client.Guard](t)(c.Lock(ctx, ref, append(opts, client.TTL(time.Hour))...))
	}
	kept, broken, moved := lock("told/kept"), lock("told/broken"), lock("told/moved", client.WithRun("told-run"))
	must[*api.BrokenAnswer](t)(other.LockBreak(ctx, api.LockBreak{Ref: "told/broken", Token: broken.Token(), Reason: "a test"}))
	if err := ended(t, broken); !errors.Is(err, client.ErrTaken) {
		t.Errorf("broken: %v", err)
	}
	there := must[*client.Guard](t)(other.Lock(ctx, "told/moved", client.WithRun("told-run")))
	if err := ended(t, moved); !errors.Is(err, client.ErrTaken) {
		t.Errorf("moved: %v", err)
	}
	if err := kept.Err(); err != nil {
		t.Errorf("what was left alone: %v", err)
	}
	state := must[*api.LockState](t)(other.LockGet(ctx, "told/kept"))
	must[*api.ReleasedCount](t)(other.SessionClose(ctx, state.Holders[0].Session))
	if err := ended(t, kept); !errors.Is(err, client.ErrSessionEnded) {
		t.Errorf("closed: %v", err)
	}
	for _, g := range []*client.Guard{kept, broken, moved} {
		_ = g.Release(ctx)
	}
	release(t, there)
}

// behind returns the URL of something that stands before the cluster.
func behind(t *testing.T, change func(next http.Handler) http.HandlerFunc) string {
	t.Helper()
	node, err := url.Parse(os.Getenv("LOCKD_ADDR"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(change(httputil.NewSingleHostReverseProxy(node)))
	t.Cleanup(server.Close)
	return server.URL
}

func TestWithoutStreamsRequestsGoByHTTP(t *testing.T) {
	for name, change := range map[string]func(http.Handler) http.HandlerFunc{
		"a proxy that strips upgrades": func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("Upgrade")
				next.ServeHTTP(w, r)
			}
		},
		"a server that has no streams": func(next http.Handler) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v1/stream" {
					http.NotFound(w, r)
					return
				}
				next.ServeHTTP(w, r)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t)
			c := connect(t, behind(t, change))
			g := must[*client.Guard](t)(c.Lock(ctx, "plain/lock"))
			if _, err := c.TryLock(ctx, "plain/lock"); !errors.Is(err, client.ErrOccupied) {
				t.Errorf("error %v", err)
			}
			release(t, g)
		})
	}
}

func TestAStreamGoesThroughAProxyThatPassesUpgradesOn(t *testing.T) {
	var streams, others atomic.Int32
	addr := behind(t, func(next http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/v1/stream" {
				streams.Add(1)
			} else {
				others.Add(1)
			}
			next.ServeHTTP(w, r)
		}
	})
	c := connect(t, addr)
	release(t, must[*client.Guard](t)(c.Lock(within(t), "proxied/lock")))
	if streams.Load() != 1 || others.Load() != 0 {
		t.Errorf("%d streams, %d other requests", streams.Load(), others.Load())
	}
	plain, w := wired(t, func(cfg *client.Config) { cfg.Addrs, cfg.PlainHTTP = []string{addr}, true })
	release(t, must[*client.Guard](t)(plain.Lock(within(t), "proxied/lock")))
	if streams.Load() != 1 || others.Load() == 0 || w.dialled.Load() == 0 {
		t.Errorf("%d streams, %d other requests", streams.Load(), others.Load())
	}
}

func TestARequestThatIsTooLongHarmsNoOtherOfItsStream(t *testing.T) {
	ctx := within(t)
	c, w := wired(t)
	g := must[*client.Guard](t)(c.Lock(ctx, "long/held"))
	huge := strings.Repeat("x", 2*api.MaxStreamBytes)
	for name, ask := range map[string]func() error{
		"lock": func() error { _, err := c.TryLock(ctx, "long/other", client.Reason(huge)); return err },
		"get":  func() error { _, err := c.KeyGet(ctx, huge); return err },
	} {
		if err := ask(); !errors.Is(err, client.ErrTooLarge) {
			t.Errorf("%s: error %v, want ErrTooLarge", name, err)
		}
	}
	release(t, g)
	if n := w.dialled.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

// More than the 1024 answers that the cluster keeps for a session.
func TestAnyNumberOfLocksAreTakenAtOnce(t *testing.T) {
	ctx := within(t)
	c, _ := wired(t)
	const locks = 3000
	guards := make([]*client.Guard, locks)
	var all sync.WaitGroup
	for i := range locks {
		all.Go(func() {
			g, err := c.Lock(ctx, fmt.Sprintf("many/%d", i))
			if err != nil {
				t.Errorf("%d: %v", i, err)
				return
			}
			guards[i] = g
		})
	}
	all.Wait()
	for _, g := range guards {
		if g != nil {
			all.Go(func() { release(t, g) })
		}
	}
	all.Wait()
}
