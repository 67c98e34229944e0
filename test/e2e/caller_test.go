package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"lockd/api"
	"lockd/test/real"
)

// callTime is enough for any answer that does not wait in a queue.
const callTime = 20 * time.Second

// A caller sends each of its calls to the next node of a cluster, so that no
// behaviour can depend on talking to the same one twice.
type caller struct {
	tb    testing.TB
	c     *real.Cluster
	nodes []*real.Node
	turn  int
}

func newCaller(tb testing.TB, c *real.Cluster) *caller { return &caller{tb: tb, c: c, nodes: c.Nodes} }

// only returns a caller that asks that node alone.
func (k *caller) only(n *real.Node) *caller {
	return &caller{tb: k.tb, c: k.c, nodes: []*real.Node{n}}
}

// A reply is one answer, checked against the description.
type reply struct {
	tb     testing.TB
	status int
	header http.Header
	body   []byte
}

// attempt makes one call, of which the connection may fail.
func (k *caller) attempt(method, path string, body any) (*reply, error) {
	k.tb.Helper()
	node := k.nodes[k.turn%len(k.nodes)]
	k.turn++
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			k.tb.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, node.URL+path, bytes.NewReader(sent))
	if err != nil {
		k.tb.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", api.ContentJSON)
	}
	answer, err := k.c.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if err := checker.Check(request, sent, answer); err != nil {
		k.tb.Errorf("%s: %v", node.Name, err)
	}
	for _, name := range []string{api.HeaderNode, api.HeaderIndex, api.HeaderRequestID} {
		if answer.Header.Get(name) == "" {
			k.tb.Errorf("%s %s %s: no %s", node.Name, method, path, name)
		}
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	return &reply{tb: k.tb, status: answer.StatusCode, header: answer.Header, body: text}, nil
}

// call makes one call, which must be answered with that status.
func (k *caller) call(status int, method, path string, body any) *reply {
	k.tb.Helper()
	r, err := k.attempt(method, path, body)
	if err != nil {
		k.tb.Fatal(err)
	}
	if r.status != status {
		k.tb.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.body)
	}
	return r
}

func (k *caller) post(status int, path string, body any) *reply {
	k.tb.Helper()
	return k.call(status, http.MethodPost, path, body)
}

func (k *caller) get(path string) *reply {
	k.tb.Helper()
	return k.call(http.StatusOK, http.MethodGet, path, nil)
}

// read reads an answer's body.
func read[T any](r *reply) T {
	r.tb.Helper()
	var value T
	if err := json.Unmarshal(r.body, &value); err != nil {
		r.tb.Fatalf("%v: %s", err, r.body)
	}
	return value
}

// The calls that most tests make.

func (k *caller) acquireKey(key, run string) api.KeyAcquired {
	k.tb.Helper()
	return read[api.KeyAcquired](k.post(http.StatusOK, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: run}))
}

func (k *caller) acquireLock(ask api.LockAcquire) api.LockAcquired {
	k.tb.Helper()
	return read[api.LockAcquired](k.post(http.StatusOK, "/v1/locks/acquire", ask))
}

func (k *caller) releaseLock(ref, run string) {
	k.tb.Helper()
	k.post(http.StatusOK, "/v1/locks/release", api.LockRelease{Ref: ref, RunID: run})
}

func (k *caller) key(key string) api.KeyState {
	k.tb.Helper()
	return read[api.KeyState](k.get("/v1/keys/" + key))
}

func (k *caller) lock(ref string) api.LockState {
	k.tb.Helper()
	return read[api.LockState](k.get("/v1/locks/" + ref))
}

// refused makes a call that must be refused with that code.
func (k *caller) refused(code api.Code, path string, body any) api.Problem {
	k.tb.Helper()
	p := read[api.Problem](k.post(code.Status(), path, body))
	if p.Code != code {
		k.tb.Fatalf("%s: %s, want %s: %s", path, p.Code, code, p.Detail)
	}
	return p
}

func (k *caller) openSession(ttl time.Duration) string {
	k.tb.Helper()
	return read[api.SessionOpened](k.post(http.StatusCreated, "/v1/sessions", api.SessionOpen{TTL: api.Duration(ttl)})).ID
}

func runs(holders []api.Hold) []string {
	var all []string
	for _, h := range holders {
		all = append(all, h.RunID)
	}
	return all
}
