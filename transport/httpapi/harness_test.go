package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"lockd/api"
	"lockd/cluster"
	"lockd/transport/httpapi"
	"lockd/transport/httpapi/httpapitest"
)

// checker is shared: compiling the description takes a second.
var checker = sync.OnceValues(httpapitest.New)

// harness is the API of a cluster of one real node, in a bubble of virtual time.
// Every exchange is held against openapi.yaml.
type harness struct {
	t       *testing.T
	node    *cluster.Node
	server  *httpapi.Server
	checker *httpapitest.Checker
}

// withNode runs the test against a node that leads.
func withNode(t *testing.T, test func(t *testing.T, h *harness)) {
	withWrappedNode(t, func(n *cluster.Node) httpapi.Node { return n }, test)
}

// withWrappedNode lets a test put something between the API and the node.
func withWrappedNode(t *testing.T, wrap func(*cluster.Node) httpapi.Node, test func(t *testing.T, h *harness)) {
	t.Helper()
	c, err := checker()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		node := startNode(t)
		config := httpapi.DefaultConfig()
		config.Node, config.NodeName = wrap(node), "n1"
		config.Logger = hclog.New(&hclog.LoggerOptions{Output: t.Output(), Level: hclog.Info})
		server, err := httpapi.New(config)
		if err != nil {
			t.Fatal(err)
		}
		h := &harness{t: t, node: node, server: server, checker: c}
		h.until("a leader", func() bool { return h.get("/readyz").status == http.StatusOK })
		test(t, h)
		server.Drain()
		server.Close()
		synctest.Wait()
	})
}

func startNode(t testing.TB) *cluster.Node {
	config := cluster.DefaultConfig()
	config.Name, config.ClientURL = "n1", "http://n1.test"
	config.Members = []cluster.Member{{Name: "n1", PeerAddr: "n1"}}
	_, config.Transport = raft.NewInmemTransport("n1")
	store := raft.NewInmemStore()
	config.Stores = &cluster.Stores{Log: store, Stable: store, Snapshots: raft.NewInmemSnapshotStore()}
	config.Reader = httpapi.Answer(time.Now)
	config.OnFatal = func(err error) { t.Errorf("fatal: %v", err) }
	node, err := cluster.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := node.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return node
}

// until waits, in virtual time, for something to become true.
func (h *harness) until(what string, is func() bool) {
	h.t.Helper()
	for range 1000 {
		if is() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	h.t.Fatalf("no %s within 20 s", what)
}

// answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// call makes one request. Header fields come in pairs.
func (h *harness) call(ctx context.Context, method, path, body string, fields ...string) *answer {
	h.t.Helper()
	request := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if body != "" {
		request.Header.Set("Content-Type", api.ContentJSON)
	}
	for i := 0; i < len(fields); i += 2 {
		request.Header.Set(fields[i], fields[i+1])
	}
	recorder := httptest.NewRecorder()
	h.server.ServeHTTP(recorder, request)
	if ctx.Err() != nil {
		return &answer{t: h.t}
	}
	got := recorder.Result()
	if err := h.checker.Check(request, []byte(body), got); err != nil {
		h.t.Error(err)
	}
	text, err := io.ReadAll(got.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return &answer{t: h.t, status: got.StatusCode, header: got.Header, body: text}
}

func (h *harness) get(path string) *answer {
	h.t.Helper()
	return h.call(h.t.Context(), http.MethodGet, path, "")
}

func (h *harness) post(path, body string) *answer {
	h.t.Helper()
	return h.call(h.t.Context(), http.MethodPost, path, body)
}

func (h *harness) delete(path string) *answer {
	h.t.Helper()
	return h.call(h.t.Context(), http.MethodDelete, path, "")
}

// later makes a request that waits; the channel gets its answer.
func (h *harness) later(ctx context.Context, path, body string) <-chan *answer {
	h.t.Helper()
	came := make(chan *answer, 1)
	go func() { came <- h.call(ctx, http.MethodPost, path, body) }()
	synctest.Wait()
	return came
}

// open opens a session and returns its id.
func (h *harness) open(ttl string) string {
	h.t.Helper()
	var opened api.SessionOpened
	h.post("/v1/sessions", `{"ttl":"`+ttl+`"}`).is(http.StatusCreated).read(&opened)
	return opened.ID
}

// version identifies the state of the lock table.
func (h *harness) version() (index, hash uint64) {
	view, index, _, _ := h.node.Stale()
	return index, view.Hash()
}

// is fails the test unless the answer has that status.
func (a *answer) is(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	return a
}

// read reads the answer's body strictly.
func (a *answer) read(into any) *answer {
	a.t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(a.body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		a.t.Fatalf("%v: %s", err, a.body)
	}
	return a
}

// problem fails the test unless the answer is a problem of that code.
func (a *answer) problem(code api.Code) *api.Problem {
	a.t.Helper()
	var p api.Problem
	a.is(code.Status()).read(&p)
	if p.Code != code || p.Status != a.status || a.header.Get("Content-Type") != api.ContentProblem {
		a.t.Fatalf("code %q, want %q: %s", p.Code, code, a.body)
	}
	return &p
}

func text(n uint64) string { return strconv.FormatUint(n, 10) }
