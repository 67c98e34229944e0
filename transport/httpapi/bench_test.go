package httpapi_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

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

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
