package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
	"lockd/transport/httpapi"
)

// tableNode applies commands to a table at once, without raft, so that what is
// measured is the API.
type tableNode struct {
	*cluster.Node
	mu    sync.Mutex
	table *gate.Table
	index uint64
}

func (n *tableNode) Do(_ context.Context, cmd *gate.Command) (*cluster.Reply, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.index++
	out := n.table.Apply(cmd, gate.Wall(time.Now().UnixMilli()))
	return &cluster.Reply{Result: &out.Result, Index: n.index}, nil
}

func (n *tableNode) Submit(ctx context.Context, cmds []*gate.Command, done func(nth int, reply *cluster.Reply, err error)) {
	for i, cmd := range cmds {
		reply, err := n.Do(ctx, cmd)
		done(i, reply, err)
	}
}

func (n *tableNode) Leader() (name, clientURL string, term uint64, known bool) {
	return "n1", "http://n1.test", 1, true
}

// BenchmarkAcquireAndRelease is one acquire and one release, without a network.
func BenchmarkAcquireAndRelease(b *testing.B) {
	config := httpapi.DefaultConfig()
	config.Node, config.NodeName = &tableNode{table: gate.New()}, "n1"
	server, err := httpapi.New(config)
	if err != nil {
		b.Fatal(err)
	}
	const acquire = `{"key":"deploy/production","run_id":"run-0001"}`
	var requests []*http.Request
	for _, path := range []string{"/v1/keys/acquire", "/v1/keys/release"} {
		request := httptest.NewRequest(http.MethodPost, path, nil)
		request.Header.Set("Content-Type", api.ContentJSON)
		request.ContentLength = int64(len(acquire))
		requests = append(requests, request)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, request := range requests {
			request.Body = io.NopCloser(strings.NewReader(acquire))
			server.ServeHTTP(discard{http.Header{}}, request)
		}
	}
}

// BenchmarkStreamMessage is one message of 32 acquires and their releases, and the
// messages that answer them, over loopback.
func BenchmarkStreamMessage(b *testing.B) {
	config := httpapi.DefaultConfig()
	config.Node, config.NodeName = &tableNode{table: gate.New()}, "n1"
	server, err := httpapi.New(config)
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	listening := httptest.NewServer(server)
	defer listening.Close()
	ctx := context.Background()
	conn, _, err := websocket.Dial(ctx, listening.URL+"/v1/stream", nil)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.CloseNow()
	if _, _, err := conn.Read(ctx); err != nil { // hello
		b.Fatal(err)
	}
	const requests = 64
	asked := []byte("[")
	for i := range requests {
		verb := []string{"acquire", "release"}[i%2]
		asked = fmt.Appendf(asked, `{"id":%d,"path":"/v1/keys/%s","body":{"key":"k%d","run_id":"r1"}},`, i+1, verb, i/2)
	}
	asked[len(asked)-1] = ']'
	var message bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		if err := conn.Write(ctx, websocket.MessageText, asked); err != nil {
			b.Fatal(err)
		}
		for answers := 0; answers < requests; answers += bytes.Count(message.Bytes(), []byte(`"status":200,`)) {
			message.Reset()
			_, reader, err := conn.Reader(ctx)
			if err == nil {
				_, err = message.ReadFrom(reader)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
