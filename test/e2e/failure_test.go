package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockd/api"
	"lockd/test/real"
)

// mostGap is how long the cluster may take no writes after its leader's death, on
// a machine that is busy with other tests. The usual gap is below one second.
const mostGap = 15 * time.Second

func TestHoldersSurviveTheDeathOfTheLeader(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k := newCaller(t, c)
	var last uint64
	for round := range 3 {
		key := fmt.Sprintf("key-%d", round)
		held := k.acquireKey(key, "holder")
		if held.Token <= last {
			t.Fatalf("token %d after %d", held.Token, last)
		}
		leader := c.Leader()
		leader.Kill()
		survivors := newCaller(t, c)
		survivors.nodes = others(c, leader)

		died := time.Now()
		var next api.KeyAcquired
		c.Await(mostGap, "a survivor grants again", func() bool {
			r, err := survivors.attempt(http.MethodPost, "/v1/keys/acquire", api.KeyAcquire{Key: key + "-next", RunID: "other"})
			if err != nil || r.status != http.StatusOK {
				return false
			}
			next = read[api.KeyAcquired](r)
			return true
		})
		t.Logf("no grant for %v", time.Since(died))
		if next.Token <= held.Token {
			t.Errorf("token %d was granted after %d", next.Token, held.Token)
		}
		last = next.Token
		survivors.refused(api.CodeOccupied, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: "other"})
		if got := survivors.acquireKey(key, "holder"); !got.Reentrant || got.Token != held.Token {
			t.Errorf("the holder had token %d and has %+v", held.Token, got)
		}
		leader.Start()
		c.AwaitReady(leader)
	}
	equalHashes(t, c)
}

func TestHoldersSurviveTheDeathOfAllNodes(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k := newCaller(t, c)
	held := k.acquireKey("k", "holder")
	shared := k.acquireLock(api.LockAcquire{Ref: "a/b", Mode: api.Shared, RunID: "reader"})
	for _, n := range c.Nodes {
		n.Kill()
	}
	c.StartAll()
	if got := k.acquireKey("k", "holder"); !got.Reentrant || got.Token != held.Token {
		t.Errorf("had %+v, has %+v", held, got)
	}
	k.refused(api.CodeOccupied, "/v1/locks/acquire", api.LockAcquire{Ref: "a/b", RunID: "writer"})
	if got := k.acquireKey("new", "other"); got.Token <= shared.Locks[0].Token {
		t.Errorf("token %d was granted after %d", got.Token, shared.Locks[0].Token)
	}
	equalHashes(t, c)
}

func TestAMinorityAnswersThatThereIsNoLeader(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k := newCaller(t, c)
	k.acquireKey("k", "holder")
	alone := c.Followers()[0]
	for _, n := range c.Nodes {
		if n != alone {
			n.Kill()
		}
	}
	k = k.only(alone)
	for _, path := range []string{"/v1/keys/acquire", "/v1/keys/release"} {
		began := time.Now()
		p := k.refused(api.CodeNoLeader, path, map[string]string{"key": "k", "run_id": "other"})
		if took := time.Since(began); took > callTime/2 {
			t.Errorf("%s: answered after %v", path, took)
		}
		if p.Applied != api.AppliedNo || !p.Retryable || p.Detail == "" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	k.call(http.StatusServiceUnavailable, http.MethodGet, "/v1/keys/k", nil)
	k.call(http.StatusServiceUnavailable, http.MethodGet, "/readyz", nil)
	k.get("/livez")
	if s := read[api.Status](k.get("/v1/status")); s.Role == "leader" || s.Leader != nil {
		t.Errorf("%+v", s)
	}
}

func TestANodeBehindTheLogCatchesUpFromASnapshot(t *testing.T) {
	// No leader may step down in the middle of so many writes because the disk is busy.
	c := real.Start(t, binaries, 3, "--snapshot-entries=50", "--trailing-logs=10", "--snapshot-interval=100ms", "--timing-multiplier=5")
	k := newCaller(t, c)
	k.acquireKey("before", "holder")
	behind := c.Followers()[0]
	behind.Kill()
	up := newCaller(t, c)
	up.nodes = others(c, behind)
	for i := range 300 {
		up.acquireKey(fmt.Sprintf("key-%03d", i), "holder")
	}
	behind.Start()
	c.AwaitReady(behind)
	c.Await(mostGap, "it has the last key", func() bool {
		r, err := k.only(behind).attempt(http.MethodGet, "/v1/keys/key-299?consistency=stale", nil)
		return err == nil && r.status == http.StatusOK && read[api.KeyState](r).HolderRunID == "holder"
	})
	equalHashes(t, c)
	for _, n := range c.Nodes {
		if n != behind {
			n.Kill()
		}
	}
	got := read[api.KeyState](k.only(behind).get("/v1/keys/before?consistency=stale"))
	if got.HolderRunID != "holder" {
		t.Errorf("the holder from before the snapshot: %+v", got)
	}
}

func TestAGracefulStopHandsLeadershipOver(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k := newCaller(t, c)
	k.acquireKey("k", "holder")
	leader := c.Leader()
	left := newCaller(t, c)
	left.nodes = others(c, leader)
	if code := leader.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	began := time.Now()
	left.acquireKey("next", "other")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("no grant for %v after the stop", took)
	}
}

func TestASecondSignalEndsAtOnce(t *testing.T) {
	c := real.Start(t, binaries, 1)
	node := c.Nodes[0]
	connection, err := net.Dial("tcp", strings.TrimPrefix(node.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	// A request that never arrives keeps the graceful stop from ending soon. The node
	// asks for the rest of it once it is at work on it.
	if _, err := io.WriteString(connection,
		"POST /v1/keys/acquire HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(connection).ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("answer %q: %v", line, err)
	}
	node.Signal(syscall.SIGTERM)
	c.Await(mostGap, "the node stops", func() bool { return node.Said("stopping") })
	node.Signal(syscall.SIGTERM)
	if code := node.ExitCode(); code != real.BySignal {
		t.Errorf("exit code %d: it was not ended by the second signal", code)
	}
}

// others are the nodes but one.
func others(c *real.Cluster, but *real.Node) []*real.Node {
	return slices.DeleteFunc(slices.Clone(c.Nodes), func(n *real.Node) bool { return n == but })
}

// equalHashes waits until all nodes have applied the same, and compares.
func equalHashes(t *testing.T, c *real.Cluster) {
	t.Helper()
	k := newCaller(t, c)
	var states []api.StateHash
	c.Await(mostGap, "all nodes are at one index", func() bool {
		states = states[:0]
		for range c.Nodes {
			states = append(states, read[api.Status](k.get("/v1/status")).StateHash)
		}
		return !slices.ContainsFunc(states, func(s api.StateHash) bool { return s.Index != states[0].Index })
	})
	for _, s := range states {
		if s.Hash != states[0].Hash {
			t.Errorf("the replicas differ: %+v", states)
		}
	}
}
