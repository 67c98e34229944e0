package lockd

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/coder/websocket"
)

// trunk is the connection that clients share: a stream to one node, or to the
// next while that one is gone.
type trunk struct {
	hosts []string

	// branch is the present stream, nil if there is none; it changes under mu.
	branch atomic.Pointer[branch]

	mu    sync.Mutex
	at    int
	ended sync.WaitGroup
}

// branch is one stream. Requests go out together that were made while the last
// message was being written.
type branch struct {
	conn   *websocket.Conn
	filled chan struct{}
	over   chan struct{}

	mu      sync.Mutex
	out     []byte
	last    uint64
	pending map[uint64]*seat
	broken  bool
}

// seat is where one user at a time awaits one answer. While it is pending it is
// the branch's.
type seat struct {
	// came gets the answer's status, or one of those below.
	came   chan int
	answer []byte
}

const (
	streamBroke = 0
	interrupted = -1
)

// newSeat returns a seat in which an answer and an interruption have room.
func newSeat() *seat { return &seat{came: make(chan int, 2)} }

// interrupt ends the wait for an answer, or the next one; once at most.
func (s *seat) interrupt() { s.came <- interrupted }

var errBroken = errors.New("the stream broke")

// stream returns the present stream, and opens one if there is none.
func (t *trunk) stream(ctx context.Context) (*branch, error) {
	if b := t.branch.Load(); b != nil && !b.ended() {
		return b, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if b := t.branch.Load(); b != nil && !b.ended() {
		return b, nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+t.hosts[t.at]+"/v1/stream", nil)
	if err != nil {
		t.at = (t.at + 1) % len(t.hosts)
		return nil, err
	}
	conn.SetReadLimit(maxMessageBytes)
	b := &branch{conn: conn, filled: make(chan struct{}, 1), over: make(chan struct{}), pending: make(map[uint64]*seat)}
	t.branch.Store(b)
	t.ended.Go(b.read)
	t.ended.Go(b.write)
	return b, nil
}

// next makes the next stream go to another node.
func (t *trunk) next(failed *branch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.branch.CompareAndSwap(failed, nil) {
		t.at = (t.at + 1) % len(t.hosts)
	}
}

func (t *trunk) close() {
	t.mu.Lock()
	b := t.branch.Load()
	t.mu.Unlock()
	if b != nil {
		b.fail()
	}
	t.ended.Wait()
}

func (b *branch) ended() bool {
	select {
	case <-b.over:
		return true
	default:
		return false
	}
}

// fail ends the stream and tells all who wait.
func (b *branch) fail() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return
	}
	b.broken = true
	close(b.over)
	b.conn.CloseNow()
	for _, s := range b.pending {
		s.came <- streamBroke
	}
	b.pending = nil
}

// call sends one request and waits for the answer that settles it, which stays in
// the seat; without a body if that is empty. The seat is interrupted when ctx ends.
func (b *branch) call(ctx context.Context, s *seat, method, path string, body []byte) (reply, error) {
	id, ok := b.send(s, method, path, body)
	if !ok {
		return reply{}, errBroken
	}
	switch status := <-s.came; status {
	case streamBroke:
		return reply{}, errBroken
	case interrupted:
		b.forget(id, s)
		return reply{}, ctx.Err()
	default:
		return reply{status, s.answer}, nil
	}
}

// send queues a request; false if the stream broke.
func (b *branch) send(s *seat, method, path string, body []byte) (id uint64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.broken {
		return 0, false
	}
	b.last++
	b.pending[b.last] = s
	separator := byte(',')
	if len(b.out) == 0 {
		separator = '['
		b.wake()
	}
	b.out = strconv.AppendUint(append(append(b.out, separator), `{"id":`...), b.last, 10)
	if method != http.MethodPost {
		b.out = appendText(append(b.out, `,"method":`...), method)
	}
	b.out = appendText(append(b.out, `,"path":`...), path)
	if len(body) > 0 {
		b.out = append(append(b.out, `,"body":`...), body...)
	}
	b.out = append(b.out, '}')
	return b.last, true
}

func (b *branch) wake() {
	select {
	case b.filled <- struct{}{}:
	default:
	}
}

// forget gives the seat back to its user.
func (b *branch) forget(id uint64, s *seat) {
	b.mu.Lock()
	_, waits := b.pending[id]
	delete(b.pending, id)
	b.mu.Unlock()
	if !waits {
		<-s.came // it is on its way
	}
}

func (b *branch) write() {
	defer b.fail()
	var sent []byte
	for {
		select {
		case <-b.filled:
		case <-b.over:
			return
		}
		// Who is about to ask, asks first: those who were answered together.
		runtime.Gosched()
		b.mu.Lock()
		sent, b.out = b.out, sent[:0]
		b.mu.Unlock()
		if len(sent) == 0 {
			continue
		}
		if b.conn.Write(context.Background(), websocket.MessageText, append(sent, ']')) != nil {
			return
		}
	}
}

func (b *branch) read() {
	defer b.fail()
	var message bytes.Buffer
	var settled []settlement
	for {
		_, reader, err := b.conn.Reader(context.Background())
		if err != nil {
			return
		}
		message.Reset()
		if _, err := message.ReadFrom(reader); err != nil {
			return
		}
		settled = b.settle(message.Bytes(), settled[:0])
		for _, one := range settled {
			one.seat.came <- one.status
		}
	}
}

// settlement is an answer that has come, for whom.
type settlement struct {
	seat   *seat
	status int
}

// settle puts the answers of a message into the seats of those who wait for them.
func (b *branch) settle(message []byte, settled []settlement) []settlement {
	b.mu.Lock()
	defer b.mu.Unlock()
	for {
		id, status, answer, rest, ok := nextAnswer(message)
		if !ok {
			return settled
		}
		message = rest
		if s := b.pending[id]; s != nil && status != http.StatusAccepted { // in line: the same request is answered again
			delete(b.pending, id)
			s.answer = append(s.answer[:0], answer...)
			settled = append(settled, settlement{s, status})
		}
	}
}

// nextAnswer cuts the first answer off a message. Names are the load generator's
// own, so that what begins an answer is in none.
func nextAnswer(message []byte) (id uint64, status int, answer, rest []byte, ok bool) {
	head := []byte(`{"id":`)
	for {
		at := bytes.Index(message, head)
		if at < 0 {
			return 0, 0, nil, nil, false
		}
		message = message[at:]
		if len(message) == len(head) || message[len(head)] != '"' { // who leads has a name for an id
			break
		}
		message = message[len(head):]
	}
	end := len(message)
	if next := bytes.Index(message[1:], []byte(`},{"id":`)); next >= 0 {
		end = next + 2
	}
	answer = message[:end]
	return numberOf(answer, "id"), int(numberOf(answer, "status")), answer, message[end:], true
}
