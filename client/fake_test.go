package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockd/api"
)

// fake is a cluster of three nodes over net.Pipe with one slow and obvious lock
// table: exclusive locks, sessions without expiry, answers kept by seq. A script
// may change what happens to each request.
type fake struct {
	t       *testing.T
	servers []*http.Server
	pipes   []*pipes

	mu       sync.Mutex
	requests []*request
	// script is called under mu.
	script   func(r *request) reaction
	token    uint64
	sessions map[string]*fakeSession
	held     map[string]fakeHold
	// elsewhere, if set, is the session on which the next acquire is granted
	// instead of its own.
	elsewhere string
}

type fakeSession struct {
	lost    uint64
	acked   uint64
	done    []uint64
	answers map[uint64]fakeAnswer
}

type fakeHold struct {
	run, session string
	token        uint64
}

type fakeAnswer struct {
	status int
	body   any
}

// request is what arrived, in the order of arrival.
type request struct {
	node   int
	at     time.Time
	method string
	path   string
	header http.Header
	raw    string
	body   struct {
		Key, Ref, Session string
		RunID             string `json:"run_id"`
		Token             uint64
		Wait, Poll        api.Duration
		Refs              []struct {
			Ref   string
			Token uint64
		}
		api.Once
	}
}

func (r *request) is(path string) bool { return r.path == path }

// reaction is what a script makes of a request; the zero value answers it well.
type reaction struct {
	// hang keeps the request until its connection ends or the channel is closed.
	hang <-chan struct{}
	// cutBefore and cutAfter end the connection without an answer.
	cutBefore, cutAfter bool
	// problem is answered instead.
	problem api.Code
	header  map[string]string
}

func newFake(t *testing.T) *fake {
	f := &fake{t: t, sessions: make(map[string]*fakeSession), held: make(map[string]fakeHold)}
	for n := range 3 {
		p := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: f.handler(n)}
		f.servers, f.pipes = append(f.servers, server), append(f.pipes, p)
		go server.Serve(p)
	}
	return f
}

func (f *fake) close() {
	for _, s := range f.servers {
		s.Close()
	}
}

func nodeURL(n int) string { return "http://n" + strconv.Itoa(n+1) }

// client returns a client of the cluster, which the caller closes with stop.
func (f *fake) client(clk clock, change ...func(*Config)) *Client {
	f.t.Helper()
	cfg := DefaultConfig()
	cfg.Addrs = []string{nodeURL(0), nodeURL(1), nodeURL(2)}
	cfg.Name = "test"
	cfg.Logger = slog.New(slog.DiscardHandler)
	cfg.DialContext = f.dial
	for _, c := range change {
		c(&cfg)
	}
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		f.t.Fatal(err)
	}
	return newClient(cfg, newHTTPTransport(&cfg, nil, &bearer{}), clk)
}

// prefer makes the client begin at a node.
func (c *Client) preferNode(n int) *Client {
	c.nodes.prefer = n
	return c
}

func (f *fake) stop(c *Client) {
	f.t.Helper()
	if err := c.Close(context.Background()); err != nil {
		f.t.Error(err)
	}
	f.close()
}

func (f *fake) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	n := int(addr[1] - '1')
	near, far := net.Pipe()
	select {
	case f.pipes[n].accept <- far:
		return near, nil
	case <-f.pipes[n].closed:
		return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pipes is a listener of net.Pipe connections.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (f *fake) react(script func(r *request) reaction) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.script = script
}

// seen returns the requests so far to a path, or all for "".
func (f *fake) seen(path string) []*request {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found []*request
	for _, r := range f.requests {
		if path == "" || r.is(path) {
			found = append(found, r)
		}
	}
	return found
}

func (f *fake) holder(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.held[name].run
}

// take holds a name for somebody else.
func (f *fake) take(name, run string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.token++
	f.held[name] = fakeHold{run: run, token: f.token}
}

// free ends a hold, as a break does when session is counted.
func (f *fake) free(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.sessions[f.held[name].session]; s != nil {
		s.lost++
	}
	delete(f.held, name)
}

func (f *fake) handler(n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		raw, err := io.ReadAll(hr.Body)
		if err != nil {
			return
		}
		r := &request{node: n, at: time.Now(), method: hr.Method, path: hr.URL.Path, header: hr.Header, raw: string(raw)}
		if len(raw) > 0 {
			if err := json.Unmarshal(raw, &r.body); err != nil {
				f.t.Errorf("%s: %v", raw, err)
			}
		}
		f.mu.Lock()
		f.requests = append(f.requests, r)
		var re reaction
		if f.script != nil {
			re = f.script(r)
		}
		f.mu.Unlock()
		f.serve(w, hr, r, re)
	})
}

func (f *fake) serve(w http.ResponseWriter, hr *http.Request, r *request, re reaction) {
	if re.hang != nil {
		select {
		case <-re.hang:
		case <-hr.Context().Done():
		}
	}
	if re.cutBefore {
		panic(http.ErrAbortHandler)
	}
	for name, value := range re.header {
		w.Header().Set(name, value)
	}
	if re.problem != "" {
		reply(w, re.problem.Status(), api.NewProblem(re.problem, "as scripted"))
		return
	}
	a := f.apply(hr.Context(), r)
	if re.cutAfter {
		panic(http.ErrAbortHandler)
	}
	reply(w, a.status, a.body)
}

func reply(w http.ResponseWriter, status int, body any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func refusal(code api.Code) fakeAnswer { return fakeAnswer{code.Status(), api.NewProblem(code, "no")} }

// bubbleClock is synctest's clock, which a test can make jump.
type bubbleClock struct {
	start time.Time
	jump  atomic.Int64
}

func newBubbleClock() *bubbleClock { return &bubbleClock{start: time.Now()} }

func (c *bubbleClock) Now() time.Duration {
	return time.Since(c.start) + time.Duration(c.jump.Load())
}

func mustLock(t *testing.T, c *Client, ref string, opts ...Option) *Guard {
	t.Helper()
	g, err := c.Lock(t.Context(), ref, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func mustRelease(t *testing.T, g *Guard) {
	t.Helper()
	if err := g.Release(context.Background()); err != nil {
		t.Fatal(err)
	}
}
