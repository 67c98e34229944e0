package peer

import (
	"bufio"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for; nothing waits that long unless broken.
const patience = 10 * time.Second

type handlerFunc func(ctx context.Context, kind byte, payload []byte, reply func([]byte, bool))

func (f handlerFunc) Serve(ctx context.Context, kind byte, payload []byte, reply func([]byte, bool)) {
	f(ctx, kind, payload, reply)
}

// echo answers each request with its own payload.
var echo = handlerFunc(func(_ context.Context, _ byte, payload []byte, reply func([]byte, bool)) {
	reply(payload, true)
})

// listen opens a peer port on loopback, closed when the test ends.
func listen(t testing.TB, change func(*Config)) *Peer {
	t.Helper()
	config := DefaultConfig()
	config.Addr, config.ClusterID, config.Name = "127.0.0.1:0", "blue", "n1"
	if change != nil {
		change(&config)
	}
	p, err := Listen(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// serve opens a peer port whose link is served by the handler.
func serve(t testing.TB, handler Handler, change func(*Config)) *Peer {
	t.Helper()
	p := listen(t, change)
	p.Serve(handler)
	return p
}

// hasty makes a node find dead links fast.
func hasty(c *Config) {
	c.PingEvery, c.PingTimeout = 40*time.Millisecond, 400*time.Millisecond
}

// An ending is the last thing a request's answer function was told.
type ending struct {
	payloads []string
	err      error
}

// collect returns an answer function that gathers what it is told; the channel
// gets it when the request has ended, and again if anything follows.
func collect() (func([]byte, bool, error), <-chan ending) {
	ended := make(chan ending, 16)
	var e ending
	return func(payload []byte, last bool, err error) {
		if err == nil {
			e.payloads = append(e.payloads, string(payload))
		}
		e.err = err
		if last || len(ended) > 0 {
			ended <- e
		}
	}, ended
}

// receive takes one value, or fails the test.
func receive[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
		panic("unreachable")
	}
}

// send sends or fails the test.
func send(t testing.TB, p *Peer, addr string, payload string, answer func([]byte, bool, error)) (cancel func()) {
	t.Helper()
	cancel, err := p.Send(addr, 1, []byte(payload), answer)
	if err != nil {
		t.Fatal(err)
	}
	return cancel
}

// ask sends a request and returns its final answer.
func ask(t testing.TB, p *Peer, addr, payload string) string {
	t.Helper()
	answer, ended := collect()
	send(t, p, addr, payload, answer)
	e := receive(t, ended, "an answer")
	if e.err != nil {
		t.Fatal(e.err)
	}
	return e.payloads[len(e.payloads)-1]
}

// A proxy forwards TCP connections to a target until it is frozen: then it
// keeps them open and forwards nothing, like a cut cable.
type proxy struct {
	listener net.Listener
	frozen   chan struct{}
	mu       sync.Mutex
	conns    []net.Conn
	copying  sync.WaitGroup
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	x := &proxy{listener: listener, frozen: make(chan struct{})}
	x.copying.Go(func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", target)
			if err != nil {
				_ = in.Close()
				continue
			}
			x.mu.Lock()
			x.conns = append(x.conns, in, out)
			x.mu.Unlock()
			x.copying.Go(func() { x.copy(out, in) })
			x.copying.Go(func() { x.copy(in, out) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		x.cut()
		x.copying.Wait()
	})
	return x
}

func (x *proxy) addr() string { return x.listener.Addr().String() }
func (x *proxy) freeze()      { close(x.frozen) }

// cut closes all connections.
func (x *proxy) cut() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, c := range x.conns {
		_ = c.Close()
	}
}

func (x *proxy) copy(to, from net.Conn) {
	b := make([]byte, 4096)
	for {
		n, err := from.Read(b)
		select {
		case <-x.frozen:
			return
		default:
		}
		if _, werr := to.Write(b[:n]); err != nil || werr != nil {
			_ = to.Close()
			return
		}
	}
}

// A stranger is the other end of a connection, played by the test.
type stranger struct {
	net.Conn
	*bufio.Reader
}

func (s stranger) Read(b []byte) (int, error) { return s.Reader.Read(b) }

// acceptLinks plays an accepting node: each connection is welcomed and then
// given to the test.
func acceptLinks(t testing.TB) (addr string, accepted <-chan stranger) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	strangers := make(chan stranger, 16)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			if _, err := readHello(conn); err != nil {
				_ = conn.Close()
				continue
			}
			a := reply{version: protocolVersion, status: statusWelcome, cluster: "blue", name: "stranger"}
			_, _ = conn.Write(a.append(nil))
			strangers <- stranger{conn, bufio.NewReader(conn)}
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		accepting.Wait()
		close(strangers)
		for s := range strangers {
			_ = s.Close()
		}
	})
	return listener.Addr().String(), strangers
}

// dialAs plays a dialling node and returns the connection and the reply.
func dialAs(t testing.TB, addr string, h hello) (stranger, *reply) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(h.append(nil)); err != nil {
		t.Fatal(err)
	}
	a, err := readReply(conn)
	if err != nil {
		t.Fatal(err)
	}
	return stranger{conn, bufio.NewReader(conn)}, a
}

var linkHello = hello{version: protocolVersion, purpose: purposeLink, cluster: "blue", name: "stranger"}

// expectEnd fails the test unless the other side closes the connection.
func expectEnd(t testing.TB, conn io.Reader) {
	t.Helper()
	if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
		t.Fatal("the connection was left open")
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// handlerNever fails the test when it is asked to serve anything.
func handlerNever(t testing.TB) Handler {
	return handlerFunc(func(context.Context, byte, []byte, func([]byte, bool)) { t.Error("a request was served") })
}
