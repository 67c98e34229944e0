package lockd

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/coder/websocket"
)

// trunk is the connection that clients share: a stream to one node, or to the
// next while that one is gone. Requests go out together that were made while the
// last message was being written.
type trunk struct {
	hosts []string

	mu     sync.Mutex
	at     int
	branch *branch
	ended  sync.WaitGroup
}

// branch is one stream.
type branch struct {
	conn   *websocket.Conn
	filled chan struct{}
	over   chan struct{}

	mu      sync.Mutex
	out     []byte
	last    uint64
	pending map[uint64]chan reply
	broken  bool
}

var errBroken = errors.New("the stream broke")

// stream returns the present stream, and opens one if there is none.
func (t *trunk) stream(ctx context.Context) (*branch, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.branch != nil && !t.branch.isOver() {
		return t.branch, nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+t.hosts[t.at]+"/v1/stream", nil)
	if err != nil {
		t.at = (t.at + 1) % len(t.hosts)
		return nil, err
	}
	conn.SetReadLimit(maxMessageBytes)
	b := &branch{conn: conn, filled: make(chan struct{}, 1), over: make(chan struct{}), pending: make(map[uint64]chan reply)}
	t.branch = b
	t.ended.Go(b.read)
	t.ended.Go(b.write)
	return b, nil
}

// next makes the next stream go to another node.
func (t *trunk) next(failed *branch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.branch == failed {
		t.branch = nil
		t.at = (t.at + 1) % len(t.hosts)
	}
}

func (t *trunk) close() {
	t.mu.Lock()
	b := t.branch
	t.mu.Unlock()
	if b != nil {
		b.fail()
	}
	t.ended.Wait()
}

func (b *branch) isOver() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.broken
}

func (b *branch) fail() {
	b.mu.Lock()
	first := !b.broken
	b.broken = true
	b.mu.Unlock()
	if first {
		close(b.over)
		b.conn.CloseNow()
	}
}

// call sends one request and waits for the answer that settles it; without a
// body if that is empty.
func (b *branch) call(ctx context.Context, method, path string, body []byte) (reply, error) {
	came := make(chan reply, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.pending[id] = came
	if len(b.out) == 0 {
		b.out = append(b.out, '[')
	} else {
		b.out = append(b.out, ',')
	}
	b.out = strconv.AppendUint(append(b.out, `{"id":`...), id, 10)
	if method != http.MethodPost {
		b.out = strconv.AppendQuote(append(b.out, `,"method":`...), method)
	}
	b.out = strconv.AppendQuote(append(b.out, `,"path":`...), path)
	if len(body) > 0 {
		b.out = append(append(b.out, `,"body":`...), body...)
	}
	b.out = append(b.out, '}')
	b.mu.Unlock()
	select {
	case b.filled <- struct{}{}:
	default:
	}
	select {
	case r := <-came:
		return r, nil
	case <-b.over:
		return reply{}, errBroken
	case <-ctx.Done():
		return reply{}, ctx.Err()
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
	for {
		_, reader, err := b.conn.Reader(context.Background())
		if err != nil {
			return
		}
		message.Reset()
		if _, err := message.ReadFrom(reader); err != nil {
			return
		}
		for rest := message.Bytes(); ; {
			id, r, left, ok := nextAnswer(rest)
			if !ok {
				break
			}
			if rest = left; r.status == http.StatusAccepted {
				continue // in line: the same request is answered again
			}
			b.mu.Lock()
			came := b.pending[id]
			delete(b.pending, id)
			b.mu.Unlock()
			if came != nil {
				came <- r
			}
		}
	}
}

// nextAnswer cuts the first answer off a message. Names are the load generator's
// own, so that what begins an answer is in none.
func nextAnswer(message []byte) (id uint64, r reply, rest []byte, ok bool) {
	head := []byte(`{"id":`)
	for {
		at := bytes.Index(message, head)
		if at < 0 {
			return 0, reply{}, nil, false
		}
		message = message[at:]
		if message[len(head)] != '"' { // who leads has a name for an id
			break
		}
		message = message[len(head):]
	}
	end := len(message)
	if next := bytes.Index(message[1:], []byte(`},{"id":`)); next >= 0 {
		end = next + 2
	}
	text := message[:end]
	return numberOf(text, "id"), reply{int(numberOf(text, "status")), bytes.Clone(text)}, message[end:], true
}
