package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"lockd/api"
	"lockd/cluster"
)

// connection is one open stream. One goroutine reads its requests and hands them
// on, another writes the answers, as many in one message as have come while the
// last was on its way. Commands have no goroutine of their own.
type connection struct {
	s             *Server
	conn          *websocket.Conn
	agent, remote string
	// ctx ends with the stream, and with it every wait of its requests.
	ctx    context.Context
	cancel context.CancelFunc
	// asked is the request that is being decoded, with work, and entries are ready
	// for the next ones; the reader's.
	asked   request
	work    work
	entries []entry
	// tasks are the queries and keepalives under way.
	tasks sync.WaitGroup

	mu sync.Mutex
	// queue is what is to be written, of which ends are ends of waits; spare is the
	// slice that it was before.
	queue, spare []outgoing
	ends         int
	// unanswered counts the requests without an answer on its way out, waits those
	// that are queued for a lock.
	unanswered, waits int
	// cancellable are the acquires that wait or may have to, by their id.
	cancellable map[uint64]*entry
	// ending is set when the writer is to end, with a reason to be told if it has
	// a code.
	ending *farewell
	filled chan struct{}

	// followed are the sessions whose losses are told; the writer's.
	followed map[uint64]struct{}
	// told is the term of the leader that the client knows; the writer's.
	told uint64
}

// farewell is why a stream ends.
type farewell struct {
	code   websocket.StatusCode
	reason string
}

// entry is one request of a stream.
type entry struct {
	id       uint64
	endpoint *endpoint
	begun    time.Time
	op       operation

	// The connection's mutex guards these.
	final, cancelled, waits bool
	reply                   *cluster.Reply
}

func newConnection(s *Server, conn *websocket.Conn, r *http.Request) *connection {
	c := &connection{
		s: s, conn: conn, agent: r.UserAgent(), remote: r.RemoteAddr,
		cancellable: make(map[uint64]*entry), followed: make(map[uint64]struct{}), filled: make(chan struct{}, 1),
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// run serves the stream until it ends, and waits for its goroutines. What is
// queued stays queued; answers that were not written are lost, as those of a cut
// HTTP connection are.
func (c *connection) run() {
	defer c.conn.CloseNow()
	defer context.AfterFunc(c.s.cut, func() { c.conn.CloseNow() })()
	defer context.AfterFunc(c.s.draining, func() {
		c.end(websocket.StatusGoingAway, "the node is shutting down; go on at another node with the same seqs")
	})()
	var writing sync.WaitGroup
	writing.Go(c.write)
	c.read()
	c.end(0, "")
	writing.Wait()
	c.cancel()
	c.tasks.Wait()
	c.settleWaits()
	c.s.followers.leave(c)
}

// read takes messages until the connection breaks or one is refused.
func (c *connection) read() {
	c.conn.SetReadLimit(api.MaxStreamBytes)
	var message bytes.Buffer
	for {
		kind, reader, err := c.conn.Reader(context.Background())
		if err != nil {
			return
		}
		if kind != websocket.MessageText {
			c.end(websocket.StatusUnsupportedData, "send text messages: an array of requests in JSON")
			return
		}
		message.Reset()
		if _, err := message.ReadFrom(reader); err != nil {
			return
		}
		if err := c.accept(message.Bytes()); err != nil {
			c.end(websocket.StatusInvalidFramePayloadData, clipped(err.Error()))
			return
		}
		if message.Cap() > maxPooledBytes {
			message = bytes.Buffer{}
		}
	}
}

// clipped fits a reason into a close frame, which is UTF-8.
func clipped(reason string) string {
	return strings.ToValidUTF8(reason[:min(len(reason), maxReasonBytes)], "")
}

// end has the writer end the stream; the first reason counts.
func (c *connection) end(code websocket.StatusCode, reason string) {
	c.mu.Lock()
	if c.ending == nil {
		c.ending = &farewell{code, reason}
	}
	c.mu.Unlock()
	c.wake()
}

func (c *connection) wake() {
	select {
	case c.filled <- struct{}{}:
	default:
	}
}

// spawn runs a query or a keepalive.
func (c *connection) spawn(work func()) {
	c.tasks.Go(func() {
		defer c.survive()
		work()
	})
}

// survive keeps a panic from ending the node, as ServeHTTP does: what it ends is
// the stream.
func (c *connection) survive() {
	if crash := recover(); crash != nil {
		c.s.config.Logger.Error("a stream panicked", "panic", crash, "stack", string(debug.Stack()))
		c.conn.CloseNow()
	}
}
