package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"lockd/api"
)

// streamTransport carries calls over one stream to each node, and over HTTP what
// is not for streams, or where a node, or what is before it, takes none.
type streamTransport struct {
	http *httpTransport
	// lost is told of every loss that a node pushes; it must not block.
	lost func(*api.StreamLoss)

	mu     sync.Mutex
	ways   map[string]*way
	closed bool
	wg     sync.WaitGroup
}

// A way leads to one node.
type way struct {
	// dialing is held by whoever looks at or replaces the rest.
	dialing chan struct{}
	link    *link
	// plain is until when no stream is tried.
	plain time.Time
}

func newStreamTransport(over *httpTransport) *streamTransport {
	return &streamTransport{http: over, lost: func(*api.StreamLoss) {}, ways: make(map[string]*way)}
}

// errPlain says that the node is to be spoken to by HTTP for now.
var errPlain = errors.New("no stream to this node")

func (t *streamTransport) stream(ctx context.Context, node string, c *call) (*answer, io.ReadCloser, error) {
	return t.http.stream(ctx, node, c)
}

func (t *streamTransport) attempt(ctx context.Context, node string, c *call) (*answer, error) {
	if !streamable(c.path) {
		return t.http.attempt(ctx, node, c)
	}
	l, err := t.link(ctx, node)
	if errors.Is(err, errPlain) {
		return t.http.attempt(ctx, node, c)
	}
	if err != nil {
		return nil, &sendError{node: node, err: err, unsent: true, hopeless: misconfigured(err)}
	}
	return l.call(ctx, c)
}

// streamable reports whether the path's requests can go over a stream.
func streamable(path string) bool {
	for _, prefix := range []string{"/v1/keys", "/v1/locks", "/v1/sessions", "/v1/runs/", "/v1/check"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func (t *streamTransport) close() {
	t.mu.Lock()
	t.closed = true
	ways := t.ways
	t.ways = nil
	t.mu.Unlock()
	for _, w := range ways {
		w.dialing <- struct{}{}
		if w.link != nil {
			w.link.fail(ErrClosed)
		}
		<-w.dialing
	}
	t.wg.Wait()
	t.http.close()
}

// link returns the stream to the node, and makes one if there is none.
func (t *streamTransport) link(ctx context.Context, node string) (*link, error) {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, ErrClosed
	}
	w := t.ways[node]
	if w == nil {
		w = &way{dialing: make(chan struct{}, 1)}
		t.ways[node] = w
	}
	t.mu.Unlock()
	select {
	case w.dialing <- struct{}{}:
		defer func() { <-w.dialing }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch {
	case w.link != nil && w.link.lives():
		return w.link, nil
	case time.Now().Before(w.plain):
		return nil, errPlain
	}
	l, plain, err := t.dial(ctx, node)
	if plain > 0 {
		w.plain = time.Now().Add(plain)
		return nil, errPlain
	}
	w.link = l
	return l, err
}

// dial opens a stream. A plain above zero says how long not to try again, because
// something answered that takes no streams.
func (t *streamTransport) dial(ctx context.Context, node string) (l *link, plain time.Duration, err error) {
	limited, cancel := context.WithTimeout(ctx, dialTime+handshakeTime)
	defer cancel()
	token, err := t.http.bearer.token()
	if err != nil {
		return nil, 0, err
	}
	header := http.Header{"User-Agent": {t.http.agent}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	conn, resp, err := websocket.Dial(limited, node+"/v1/stream", &websocket.DialOptions{HTTPClient: t.http.client, HTTPHeader: header})
	if err != nil {
		return nil, refusedFor(resp), err
	}
	conn.SetReadLimit(maxAnswerBytes)
	l = newLink(t, node, conn, resp.Header)
	if err := l.greet(limited); err != nil {
		l.fail(err)
		if limited.Err() != nil && ctx.Err() == nil {
			return nil, plainTime, nil // something swallows what is sent
		}
		return nil, 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		l.fail(ErrClosed)
		return nil, 0, ErrClosed
	}
	for _, loop := range []func(){l.read, l.write, l.watch} {
		t.wg.Go(loop)
	}
	return l, 0, nil
}

// refusedFor is how long to leave a node alone that answered by HTTP.
func refusedFor(resp *http.Response) time.Duration {
	switch {
	case resp == nil, resp.StatusCode == http.StatusSwitchingProtocols:
		return 0
	case resp.StatusCode == http.StatusServiceUnavailable, resp.StatusCode == http.StatusTooManyRequests:
		return maxBackoff
	}
	return plainTime
}

// errSilent: the node does not answer pings.
var errSilent = errors.New("no sign of life")
