package cluster

import (
	"context"
	"fmt"
	"testing"

	"lockd/gate"

	"github.com/hashicorp/raft"
)

// onlyNode returns the leader of a cluster of one that keeps its log in memory.
func onlyNode(b *testing.B) *Node {
	config := DefaultConfig()
	config.Name, config.ClientURL = "n1", "http://n1"
	config.Members = []Member{{Name: "n1", PeerAddr: "n1"}}
	_, config.Transport = raft.NewInmemTransport("n1")
	store := raft.NewInmemStore()
	config.Stores = &Stores{Log: store, Stable: store, Snapshots: raft.NewInmemSnapshotStore()}
	config.Reader = holderReader
	config.OnFatal = func(err error) { b.Errorf("fatal: %v", err) }
	n, err := Start(config)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := n.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	})
	if _, _, err := n.Read(context.Background(), nil); err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkDo is one acquire and one release, each a batch of its own.
func BenchmarkDo(b *testing.B) {
	n := onlyNode(b)
	cycle := []*gate.Command{acquire("run-1", "k"), release("run-1", "k")}
	b.ReportAllocs()
	for b.Loop() {
		for _, cmd := range cycle {
			if _, err := n.Do(context.Background(), cmd); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkSubmit is 64 commands that share a batch.
func BenchmarkSubmit(b *testing.B) {
	n := onlyNode(b)
	var cmds []*gate.Command
	for i := range 32 {
		key := fmt.Sprintf("k%d", i)
		cmds = append(cmds, acquire("run-1", key), release("run-1", key))
	}
	answered := make(chan error, len(cmds))
	b.ReportAllocs()
	for b.Loop() {
		n.Submit(context.Background(), cmds, func(_ int, _ *Reply, err error) { answered <- err })
		for range cmds {
			if err := <-answered; err != nil {
				b.Fatal(err)
			}
		}
	}
}
