//go:build linux

package disk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"lockd/api"
	"lockd/test/real"
)

// A trial is a cluster, and every hold that it has acknowledged.
type trial struct {
	*real.Cluster
	t       *testing.T
	granted map[string]grant
	// tried counts keys, highest is the highest token seen.
	tried   int
	highest uint64
}

type grant struct {
	run   string
	token uint64
}

func newTrial(t *testing.T, args ...string) *trial {
	return &trial{t: t, Cluster: real.New(t, binaries, 3, args...), granted: make(map[string]grant)}
}

// call makes one call of the node, and reads its answer if that is 200.
func (x *trial) call(n *real.Node, method, path string, body, answer any) error {
	x.t.Helper()
	sent, err := json.Marshal(body)
	if err != nil {
		x.t.Fatal(err)
	}
	if body == nil {
		sent = nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, n.URL+path, bytes.NewReader(sent))
	if err != nil {
		x.t.Fatal(err)
	}
	request.Header.Set("Content-Type", api.ContentJSON)
	response, err := x.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d %s", method, path, response.StatusCode, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

// hold has a new run acquire a new key. What is acknowledged is remembered.
func (x *trial) hold(through *real.Node) error {
	x.t.Helper()
	x.tried++
	key, run := fmt.Sprintf("key-%d", x.tried), fmt.Sprintf("run-%d", x.tried)
	var got api.KeyAcquired
	if err := x.call(through, http.MethodPost, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: run}, &got); err != nil {
		return err
	}
	if got.Token <= x.highest {
		x.t.Errorf("%s got token %d after token %d", key, got.Token, x.highest)
	}
	x.highest = got.Token
	x.granted[key] = grant{run: run, token: got.Token}
	return nil
}

// holdMany acquires that many keys, through all the nodes in turn.
func (x *trial) holdMany(count int, through ...*real.Node) {
	x.t.Helper()
	for i := range count {
		x.Await(serveTime, "a key is acquired", func() bool { return x.hold(through[i%len(through)]) == nil })
	}
}

// serves waits until a key can be acquired through each node.
func (x *trial) serves(through ...*real.Node) {
	x.t.Helper()
	for _, n := range through {
		began := time.Now()
		x.Await(serveTime, "a key is acquired through "+n.Name, func() bool { return x.hold(n) == nil })
		x.t.Logf("%s serves after %v", n.Name, time.Since(began).Round(time.Millisecond))
	}
}

// nothingLost reads every hold that was ever acknowledged.
func (x *trial) nothingLost(through *real.Node) {
	x.t.Helper()
	for key, want := range x.granted {
		var got api.KeyState
		x.Await(serveTime, key+" is read", func() bool { return x.call(through, http.MethodGet, "/v1/keys/"+key, nil, &got) == nil })
		if len(got.Holders) != 1 || got.Holders[0].RunID != want.run || got.Holders[0].Token != want.token {
			x.t.Errorf("%s was acknowledged to %+v; now: %+v", key, want, got.Holders)
		}
	}
}

// lead makes the node the leader.
func (x *trial) lead(n *real.Node) {
	x.t.Helper()
	x.Await(serveTime, n.Name+" leads", func() bool {
		return n.Leads() || x.call(n, http.MethodPost, "/v1/leader/transfer", api.LeaderTransfer{To: n.Name}, nil) == nil && n.Leads()
	})
}

func (x *trial) others(than *real.Node) []*real.Node {
	var others []*real.Node
	for _, n := range x.Nodes {
		if n != than {
			others = append(others, n)
		}
	}
	return others
}

// forget empties the node's log, so that Said is about what comes.
func (x *trial) forget(n *real.Node) {
	x.t.Helper()
	if err := os.Truncate(n.Log, 0); err != nil {
		x.t.Fatal(err)
	}
}

// said checks that the node has ended with exit code 1 and all of these words.
func (x *trial) said(n *real.Node, words ...string) {
	x.t.Helper()
	if code := n.ExitCode(); code != 1 {
		x.t.Errorf("%s: exit code %d, want 1", n.Name, code)
	}
	for _, word := range words {
		if !n.Said(word) {
			text, _ := os.ReadFile(n.Log)
			x.t.Errorf("%s does not say %q:\n%s", n.Name, word, text)
		}
	}
}
