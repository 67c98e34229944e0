package client

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"lockd/api"
)

// A link is one open stream to a node. Its requests go out in one message as far
// as they came while the last was being written.
type link struct {
	t         *streamTransport
	url       string
	conn      *websocket.Conn
	requestID string
	filled    chan struct{}
	// over is closed when the stream has ended, after err was set.
	over chan struct{}

	mu sync.Mutex
	// out are the messages to be sent, each lacking its closing bracket, and held
	// how many requests the last has.
	out     []*bytes.Buffer
	held    int
	last    uint64
	pending map[uint64]chan api.StreamMessage
	used    time.Time
	// silent is since when requests have been waiting while nothing came; zero if
	// none do.
	silent       time.Time
	node, leader string
	err          error
}

func newLink(t *streamTransport, url string, conn *websocket.Conn, header http.Header) *link {
	return &link{
		t: t, url: url, conn: conn, requestID: header.Get(api.HeaderRequestID),
		node: header.Get(api.HeaderNode), leader: header.Get(api.HeaderLeader),
		filled: make(chan struct{}, 1), over: make(chan struct{}), pending: make(map[uint64]chan api.StreamMessage), used: time.Now(),
	}
}

func (l *link) lives() bool {
	select {
	case <-l.over:
		return false
	default:
		return true
	}
}

// fail ends the stream; the first reason counts.
func (l *link) fail(err error) {
	l.mu.Lock()
	first := l.err == nil
	if first {
		l.err = err
		close(l.over)
	}
	l.mu.Unlock()
	if first {
		l.conn.CloseNow()
	}
}

// greet awaits the node's first message.
func (l *link) greet(ctx context.Context) error {
	_, message, err := l.conn.Read(ctx)
	if err == nil {
		err = l.take(message)
	}
	return err
}

// call sends a request and awaits its answer. A request that waits for a lock is
// answered 202 after as long as a node would hold back an HTTP answer, so that it
// is asked for again where it can be granted.
func (l *link) call(ctx context.Context, c *call) (*answer, error) {
	came := make(chan api.StreamMessage, 2)
	id, err := l.send(c, came)
	if err != nil {
		return nil, &sendError{node: l.url, err: err, unsent: true}
	}
	var queued api.StreamMessage
	var held <-chan time.Time
	for {
		select {
		case m := <-came:
			if m.Status != http.StatusAccepted {
				return l.answer(m), nil
			}
			timer := time.NewTimer(max(c.timeout-attemptTime, 0))
			defer timer.Stop()
			queued, held = m, timer.C
		case <-held:
			l.giveUp(id)
			return l.answer(queued), nil
		case <-ctx.Done():
			l.giveUp(id)
			return nil, &sendError{node: l.url, err: ctx.Err()}
		case <-l.over:
			select {
			case m := <-came:
				if m.Status != http.StatusAccepted {
					return l.answer(m), nil
				}
			default:
			}
			return nil, &sendError{node: l.url, err: l.err}
		}
	}
}

func (l *link) answer(m api.StreamMessage) *answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return &answer{
		status: m.Status, node: l.node, leader: l.leader, requestID: l.requestID, body: m.Body,
		retryAfter: min(time.Duration(m.RetryAfterMS)*time.Millisecond, maxRetryAfter),
		staleness:  time.Duration(m.StalenessMS) * time.Millisecond,
	}
}

// send queues a request whose answers go to came.
func (l *link) send(c *call, came chan api.StreamMessage) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	l.last++
	id := l.last
	l.pending[id] = came
	b := l.room(len(c.path) + len(c.body))
	b.WriteString(`{"id":`)
	b.Write(strconv.AppendUint(b.AvailableBuffer(), id, 10))
	if c.method != http.MethodPost {
		b.WriteString(`,"method":"` + c.method + `"`)
	}
	b.WriteString(`,"path":`)
	b.Write(appendText(b.AvailableBuffer(), c.path))
	if len(c.body) > 0 {
		b.WriteString(`,"body":`)
		b.Write(c.body)
	}
	b.WriteByte('}')
	if l.silent.IsZero() {
		l.silent = l.used
	}
	l.wake()
	return id, nil
}

// room returns the message that takes one more request of about that size; l.mu
// is held.
func (l *link) room(size int) *bytes.Buffer {
	l.used = time.Now()
	l.held++
	n := len(l.out)
	if n == 0 || l.out[n-1].Len()+size > maxMessageBytes || l.held > maxMessageRequests {
		l.held = 1
		b := bytes.NewBuffer(make([]byte, 0, 512))
		b.WriteByte('[')
		l.out = append(l.out, b)
		return b
	}
	l.out[n-1].WriteByte(',')
	return l.out[n-1]
}

func (l *link) wake() {
	select {
	case l.filled <- struct{}{}:
	default:
	}
}

// giveUp forgets a request, and has the node do so if it waits.
func (l *link) giveUp(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pending, id)
	if len(l.pending) == 0 {
		l.silent = time.Time{}
	}
	if l.err != nil {
		return
	}
	b := l.room(0)
	b.WriteString(`{"id":`)
	b.Write(strconv.AppendUint(b.AvailableBuffer(), id, 10))
	b.WriteString(`,"cancel":true}`)
	l.wake()
}

// write sends what is queued until the stream ends.
func (l *link) write() {
	for {
		select {
		case <-l.filled:
		case <-l.over:
			return
		}
		// Who is about to ask, asks first: those who were answered together.
		runtime.Gosched()
		l.mu.Lock()
		out := l.out
		l.out, l.held = nil, 0
		l.mu.Unlock()
		for _, b := range out {
			b.WriteByte(']')
			ctx, cancel := context.WithTimeout(context.Background(), attemptTime)
			err := l.conn.Write(ctx, websocket.MessageText, b.Bytes())
			cancel()
			if err != nil {
				l.fail(err)
				return
			}
		}
	}
}

// read hands out what comes until the stream ends.
func (l *link) read() {
	var message bytes.Buffer
	for {
		_, reader, err := l.conn.Reader(context.Background())
		if err == nil {
			message.Reset()
			_, err = message.ReadFrom(reader)
		}
		if err == nil {
			err = l.take(message.Bytes())
		}
		if err != nil {
			l.fail(err)
			return
		}
	}
}

// take hands out the entries of one message.
func (l *link) take(message []byte) error {
	all, err := entries(message)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.silent = time.Time{}
	l.mu.Unlock()
	for i := range all {
		m := &all[i]
		switch {
		case m.Lost != nil:
			l.t.lost(m.Lost)
		case m.ID == 0:
			l.mu.Lock()
			if m.Leader != nil {
				l.leader = m.Leader.ClientURL
			}
			l.mu.Unlock()
		default:
			l.mu.Lock()
			came := l.pending[m.ID]
			if m.Status != http.StatusAccepted {
				delete(l.pending, m.ID)
			}
			l.mu.Unlock()
			if came != nil {
				select {
				case came <- *m:
				default: // more than one 202 tells nothing new
				}
			}
		}
	}
	return nil
}

// watch asks the node for signs of life, sooner if it leaves requests without any
// answer, and ends a stream that nobody uses.
func (l *link) watch() {
	ticker := time.NewTicker(streamTick)
	defer ticker.Stop()
	asked := time.Now()
	for {
		select {
		case <-ticker.C:
		case <-l.over:
			return
		}
		l.mu.Lock()
		idle := len(l.pending) == 0 && time.Since(l.used) > idleTime
		silent := !l.silent.IsZero() && time.Since(l.silent) > silenceTime
		l.mu.Unlock()
		if idle {
			l.fail(errors.New("idle"))
			return
		}
		patience := pingTime
		if silent {
			patience = pongTime
		} else if time.Since(asked) < pingTime {
			continue
		}
		asked = time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := l.conn.Ping(ctx)
		cancel()
		if err != nil {
			l.fail(errSilent)
			return
		}
		if silent {
			l.mu.Lock()
			if !l.silent.IsZero() {
				l.silent = time.Now()
			}
			l.mu.Unlock()
		}
	}
}
