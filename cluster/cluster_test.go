package cluster

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"lockd/gate"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// testCluster is three nodes, n1 to n3, in one bubble.
type testCluster struct {
	t       *testing.T
	network *network
	members []Member
	nodes   map[string]*Node
	stores  map[string]*Stores
	tune    func(*Config)
}

// inCluster runs the test with a cluster that has a leader, in a bubble of
// virtual time.
func inCluster(t *testing.T, test func(t *testing.T, c *testCluster)) {
	inTunedCluster(t, func(*Config) {}, test)
}

func inTunedCluster(t *testing.T, tune func(*Config), test func(t *testing.T, c *testCluster)) {
	synctest.Test(t, func(t *testing.T) {
		c := &testCluster{t: t, network: newNetwork(), nodes: make(map[string]*Node), stores: make(map[string]*Stores), tune: tune}
		for i := range 3 {
			name := fmt.Sprintf("n%d", i+1)
			c.members = append(c.members, Member{Name: name, PeerAddr: name})
		}
		defer func() {
			c.network.heal()
			for name := range c.nodes {
				c.stop(name)
			}
			// Raft does not wait for its messages to others that are under way.
			time.Sleep(time.Minute)
		}()
		for _, m := range c.members {
			c.start(m.Name)
		}
		c.leader()
		test(t, c)
	})
}

func testConfig(t *testing.T, name string, members []Member) Config {
	config := DefaultConfig()
	config.Name, config.Members, config.ClientURL = name, members, "http://"+name
	config.Logger = hclog.New(&hclog.LoggerOptions{Name: name, Output: t.Output(), Level: hclog.Info, TimeFormat: "05.000"})
	config.Reader = holderReader
	config.OnFatal = func(err error) { t.Errorf("%s: fatal: %v", name, err) }
	return config
}

// holderReader answers the name of a key with the run that holds it.
func holderReader(view *gate.View, _ uint64, _ func(gate.SessionID) (time.Duration, bool), query []byte) []byte {
	lock := view.Lock(gate.Name{Kind: gate.Key, Text: string(query)})
	if len(lock.Holders) == 0 {
		return nil
	}
	return []byte(lock.Holders[0].Run)
}

// start starts the node, with what it had stored before.
func (c *testCluster) start(name string) *Node {
	c.t.Helper()
	if c.stores[name] == nil {
		store := raft.NewInmemStore()
		c.stores[name] = &Stores{Log: store, Stable: store, Snapshots: raft.NewInmemSnapshotStore()}
	}
	config := testConfig(c.t, name, c.members)
	config.Stores = c.stores[name]
	config.Transport, config.Link = c.network.join(name)
	c.tune(&config)
	n, err := Start(config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.network.serve(name, n)
	c.nodes[name] = n
	return n
}

func (c *testCluster) stop(name string) {
	c.t.Helper()
	n := c.nodes[name]
	delete(c.nodes, name)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := n.Shutdown(ctx); err != nil {
		c.t.Errorf("%s: shutdown: %v", name, err)
	}
}

// leader waits for a leader that all nodes in contact know, and returns it.
func (c *testCluster) leader() *Node {
	c.t.Helper()
	for range 500 {
		for _, n := range c.nodes {
			if _, _, err := n.Read(within(c.t, 100*time.Millisecond), []byte("?")); err == nil && n.IsLeader() {
				return n
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Fatal("no leader within 10 s")
	return nil
}

// newLeader waits for another leader than the old one.
func (c *testCluster) newLeader(old *Node) *Node {
	c.t.Helper()
	for range 500 {
		if n := c.leader(); n != old {
			return n
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Fatal("no new leader")
	return nil
}

// followers returns the other nodes.
func (c *testCluster) followers(leader *Node) []*Node {
	var others []*Node
	for _, m := range c.members {
		if n := c.nodes[m.Name]; n != nil && n != leader {
			others = append(others, n)
		}
	}
	return others
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func key(text string) gate.Name { return gate.Name{Kind: gate.Key, Text: text} }

func acquire(run, text string) *gate.Command {
	return &gate.Command{Op: &gate.Acquire{Run: run, Wants: []gate.Want{{Name: key(text)}}}}
}

// waitFor is an acquire that queues.
func waitFor(session gate.SessionID, run, text string, wait time.Duration) *gate.Command {
	cmd := acquire(run, text)
	cmd.Session = session
	cmd.Op.(*gate.Acquire).Wait = wait
	return cmd
}

func release(run, text string) *gate.Command {
	return &gate.Command{Op: &gate.Release{Run: run, Gives: []gate.Give{{Name: key(text)}}}}
}

// do has the node apply the command and fails the test if that fails.
func do(t *testing.T, n *Node, cmd *gate.Command, want gate.Code) *Reply {
	t.Helper()
	reply, err := n.Do(t.Context(), cmd)
	if err != nil {
		t.Fatalf("%s: %T: %v", n.config.Name, cmd.Op, err)
	}
	if reply.Result.Code != want {
		t.Fatalf("%s: %T: code %d, want %d: %+v", n.config.Name, cmd.Op, reply.Result.Code, want, reply.Result)
	}
	return reply
}

func openSession(t *testing.T, n *Node, ttl time.Duration) gate.SessionID {
	t.Helper()
	return do(t, n, &gate.Command{Op: &gate.OpenSession{TTL: ttl, Nonce: 7}}, gate.SessionOpened).Result.Session
}

// holder reads who holds the key, linearizably.
func holder(t *testing.T, n *Node, text string) string {
	t.Helper()
	answer, _, err := n.Read(within(t, 30*time.Second), []byte(text))
	if err != nil {
		t.Fatalf("%s: read: %v", n.config.Name, err)
	}
	return string(answer)
}

// late waits for the late answer.
func late(t *testing.T, reply *Reply, limit time.Duration) Reply {
	t.Helper()
	select {
	case r := <-reply.Late:
		return r
	case <-time.After(limit):
		t.Fatalf("no late answer within %s", limit)
		return Reply{}
	}
}

// keepalive renews one session.
func keepalive(t *testing.T, n *Node, id gate.SessionID) (Lease, error) {
	t.Helper()
	leases, err := n.Keepalive(within(t, 5*time.Second), []gate.SessionID{id})
	if err != nil {
		return Lease{}, err
	}
	return leases[0], nil
}

func wantError(t *testing.T, err error, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}
