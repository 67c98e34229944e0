package client_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"lockd/api"
	"lockd/client"
)

// The leader crashes while many goroutines take turns: nobody gets an error, no
// two hold at once, tokens only rise, and a lock held all the while stays held.
func TestLocksOutliveTheLeader(t *testing.T) {
	nodes, err := startCluster(3)
	if err != nil {
		t.Fatal(err)
	}
	defer stopAll(t, nodes)
	var addrs []string
	for _, n := range nodes {
		addrs = append(addrs, n.url)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*soon)
	defer cancel()
	holder, worker := openAt(t, addrs), openAt(t, addrs)
	defer closeNow(t, holder)
	defer closeNow(t, worker)
	held := must[*client.Guard](t)(holder.Lock(ctx, "held"))

	turns := make(chan struct{})
	stop := takeTurns(ctx, t, worker, turns)
	await(turns, 50)
	leader := must[*api.Leader](t)(holder.Leader(ctx)).ClientURL
	crashed := time.Now()
	for _, n := range nodes {
		if n.url == leader {
			if err := n.crash(); err != nil {
				t.Error(err)
			}
		}
	}
	await(turns, 50)
	t.Logf("50 turns after the crash took %v", time.Since(crashed))
	stop()
	if err := held.Err(); err != nil {
		t.Errorf("the lock held through it all: %v", err)
	}
	if x := must[*api.Checked](t)(worker.Check(ctx, api.Check{Ref: "held", Token: held.Token()})); !x.Valid {
		t.Error("the cluster has given the held lock away")
	}
	if l := must[*api.LockState](t)(worker.LockGet(ctx, "turn")); len(l.Holders)+len(l.Waiters) != 0 {
		t.Errorf("left behind: %+v", l)
	}
	release(t, held)
}

// takeTurns has goroutines take and give back one lock until stop is called, which
// waits for them; each turn is told.
func takeTurns(ctx context.Context, t *testing.T, c *client.Client, turns chan<- struct{}) (stop func()) {
	var highest uint64 // guarded by the lock
	var all sync.WaitGroup
	stopped := make(chan struct{})
	for range 4 {
		all.Go(func() {
			for {
				g, err := c.Lock(ctx, "turn")
				if err != nil {
					t.Error(err)
					return
				}
				if g.Token() <= highest {
					t.Errorf("token %d after %d", g.Token(), highest)
				}
				highest = g.Token()
				release(t, g)
				select {
				case turns <- struct{}{}:
				case <-stopped:
					return
				}
			}
		})
	}
	return func() {
		close(stopped)
		all.Wait()
	}
}

func await(turns <-chan struct{}, n int) {
	for range n {
		<-turns
	}
}

// stopAll ends the nodes at once: the last ones have no quorum.
func stopAll(t *testing.T, nodes []*lockd) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	var all sync.WaitGroup
	for _, n := range nodes {
		all.Go(func() {
			if err := n.stop(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func openAt(t *testing.T, addrs []string) *client.Client {
	t.Helper()
	cfg := client.DefaultConfig()
	cfg.Addrs = addrs
	return must[*client.Client](t)(client.New(cfg))
}

func closeNow(t *testing.T, c *client.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
}
