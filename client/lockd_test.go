package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/goleak"

	"lockd/client"
	"lockd/cluster"
	"lockd/transport/httpapi"
	"lockd/transport/peer"
)

// TestMain serves the examples and tests that use client.Default: a cluster of
// one node in this process.
func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	nodes, err := startCluster(1)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv("LOCKD_ADDR", nodes[0].url)
	code := m.Run()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := client.Default()
	if err == nil {
		err = c.Close(ctx)
	}
	if err = errors.Join(err, nodes[0].stop(ctx), goleak.Find()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// lockd is one node in this process: in memory, on loopback.
type lockd struct {
	url    string
	node   *cluster.Node
	peers  *peer.Peer
	api    *httpapi.Server
	server *http.Server
	served chan struct{}
}

func startCluster(size int) ([]*lockd, error) {
	listeners, err := ports(size)
	if err != nil {
		return nil, err
	}
	var members []cluster.Member
	for i, l := range listeners {
		members = append(members, cluster.Member{Name: fmt.Sprintf("n%d", i+1), PeerAddr: l.Addr().String()})
		if err := l.Close(); err != nil { // peer.Listen opens it again
			return nil, err
		}
	}
	var nodes []*lockd
	for i := range members {
		n, err := startNode(members, i)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func ports(n int) ([]net.Listener, error) {
	var all []net.Listener
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func startNode(members []cluster.Member, i int) (*lockd, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	pc := peer.DefaultConfig()
	pc.Addr, pc.Name, pc.ClusterID = members[i].PeerAddr, members[i].Name, cluster.ClusterID(members)
	peers, err := peer.Listen(pc)
	if err != nil {
		return nil, err
	}
	l := &lockd{url: "http://" + listener.Addr().String(), peers: peers, served: make(chan struct{})}
	store := raft.NewInmemStore()
	nc := cluster.DefaultConfig()
	nc.Name, nc.Members, nc.ClientURL = members[i].Name, members, l.url
	nc.Transport, nc.Link = peers.RaftTransport(), peers
	nc.Stores = &cluster.Stores{Log: store, Stable: store, Snapshots: raft.NewInmemSnapshotStore()}
	nc.Reader = httpapi.Answer(time.Now)
	nc.Timing = nc.Timing.Scale(2) // for loaded machines
	nc.OnFatal = func(err error) { panic(err) }
	if l.node, err = cluster.Start(nc); err != nil {
		return nil, err
	}
	peers.Serve(l.node)
	hc := httpapi.DefaultConfig()
	hc.Node, hc.NodeName = l.node, members[i].Name
	handler, err := httpapi.New(hc)
	if err != nil {
		return nil, err
	}
	l.api, l.server = handler, handler.HTTPServer()
	go func() {
		defer close(l.served)
		_ = l.server.Serve(listener)
	}()
	return l, nil
}

// crash cuts the node off: to all others it is gone.
func (l *lockd) crash() error {
	err := errors.Join(l.server.Close(), l.peers.Close())
	l.api.Close()
	<-l.served
	return err
}

// stop ends the node.
func (l *lockd) stop(ctx context.Context) error { return errors.Join(l.crash(), l.node.Shutdown(ctx)) }
