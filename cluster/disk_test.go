package cluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lockd/gate"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// alone is the configuration of a cluster of one on a real disk.
func alone(t *testing.T, dir string) Config {
	config := testConfig(t, "n1", []Member{{Name: "n1", PeerAddr: "n1"}})
	config.DataDir = dir
	config.Transport, config.Link = newNetwork().join("n1")
	config.Timing.FileLock = 50 * time.Millisecond
	return config
}

func startAlone(t *testing.T, config Config) (n *Node, stop func()) {
	t.Helper()
	n, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		if err := n.Shutdown(within(t, 10*time.Second)); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return n, stop
}

func TestHoldersSurviveARestartOnDisk(t *testing.T) {
	dir := t.TempDir()
	n, stop := startAlone(t, alone(t, dir))
	first := do(t, n, acquire("run-1", "k"), gate.Acquired)
	stop()
	n, stop = startAlone(t, alone(t, dir))
	do(t, n, acquire("run-2", "k"), gate.Occupied)
	if err := n.raft.Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
	stop()
	n, _ = startAlone(t, alone(t, dir))
	if got := holder(t, n, "k"); got != "run-1" {
		t.Errorf("holder %q", got)
	}
	later := do(t, n, acquire("run-2", "other"), gate.Acquired)
	if before, after := first.Result.Grants[0].Token, later.Result.Grants[0].Token; after <= before {
		t.Errorf("token %d after %d", after, before)
	}
}

func TestForeignDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, stop := startAlone(t, alone(t, dir))
	stop()
	refused := func(what string, config Config, want error) {
		t.Helper()
		n, err := Start(config)
		if n != nil {
			t.Fatalf("%s: started", what)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	config := alone(t, dir)
	config.Members = append(config.Members, Member{Name: "n2", PeerAddr: "n2"})
	refused("another member list", config, ErrForeignDirectory)
	config = alone(t, dir)
	config.Members = []Member{{Name: "n1", PeerAddr: "elsewhere"}}
	refused("another address", config, ErrForeignDirectory)
	two := alone(t, t.TempDir())
	two.Members = append(two.Members, Member{Name: "n2", PeerAddr: "n2"})
	_, stop = startAlone(t, two)
	stop()
	two.Name = "n2"
	refused("another node", two, ErrForeignDirectory)

	if err := os.Rename(filepath.Join(dir, logFile), filepath.Join(dir, "away")); err != nil {
		t.Fatal(err)
	}
	refused("the log is gone", alone(t, dir), ErrIncompleteDirectory)
	if err := os.Rename(filepath.Join(dir, "away"), filepath.Join(dir, logFile)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, identityFile)); err != nil {
		t.Fatal(err)
	}
	refused("cluster.json is gone", alone(t, dir), ErrIncompleteDirectory)
}

func TestDirectoryOfARunningNodeIsRefused(t *testing.T) {
	dir := t.TempDir()
	startAlone(t, alone(t, dir))
	_, err := Start(alone(t, dir))
	wantError(t, err, ErrDirectoryInUse)
	if !strings.Contains(err.Error(), dir) {
		t.Errorf("the message does not name the directory: %v", err)
	}
}

func TestClusterIDDoesNotDependOnTheOrderOfTheList(t *testing.T) {
	a := []Member{{"n1", "x:1"}, {"n2", "x:2"}}
	b := []Member{{"n2", "x:2"}, {"n1", "x:1"}}
	if ClusterID(a) != ClusterID(b) {
		t.Error("the order matters")
	}
	if ClusterID(a) == ClusterID(a[:1]) || ClusterID(a) == ClusterID([]Member{{"n1", "x:1"}, {"n2", "x:3"}}) {
		t.Error("different lists have the same ID")
	}
}

// brokenLog fails or hangs on demand.
type brokenLog struct {
	raft.LogStore
	mu     sync.Mutex
	broken error
	hang   chan struct{}
	writes int
}

func (b *brokenLog) StoreLogs(entries []*raft.Log) error {
	b.mu.Lock()
	broken, hang := b.broken, b.hang
	b.writes++
	b.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if broken != nil {
		return broken
	}
	return b.LogStore.StoreLogs(entries)
}

// onBrokenLog starts a node alone over a log that can be broken.
func onBrokenLog(t *testing.T) (n *Node, log *brokenLog, fatal chan error, stop func()) {
	store := raft.NewInmemStore()
	log = &brokenLog{LogStore: store}
	fatal = make(chan error, 10)
	config := alone(t, "")
	config.Logger = hclog.NewNullLogger()
	config.Stores = &Stores{Log: log, Stable: store, Snapshots: raft.NewInmemSnapshotStore()}
	config.Timing.StuckWrite = 100 * time.Millisecond
	config.OnFatal = func(err error) { fatal <- err }
	n, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	do(t, n, acquire("run-1", "k"), gate.Acquired)
	stop = func() {
		if err := n.Shutdown(within(t, 10*time.Second)); err != nil {
			t.Errorf("the node does not end: %v", err)
		}
	}
	return n, log, fatal, stop
}

func TestFailedWriteEndsTheNodeAndIsNotTriedAgain(t *testing.T) {
	n, log, fatal, stop := onBrokenLog(t)
	defer stop()
	log.mu.Lock()
	log.broken, log.writes = errors.New("no space left"), 0
	log.mu.Unlock()
	_, err := n.Do(within(t, 5*time.Second), acquire("run-2", "other"))
	wantError(t, err, ErrOutcomeUnknown)
	err = <-fatal
	wantError(t, err, ErrStore)
	if !strings.Contains(err.Error(), "check the disk") || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("the message names neither cause nor remedy: %v", err)
	}
	log.mu.Lock()
	log.broken = nil
	log.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := n.Do(ctx, acquire("run-3", "third")); err == nil {
		t.Error("a command was answered after a failed write")
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if log.writes != 1 {
		t.Errorf("%d writes after the failure", log.writes-1)
	}
	if len(fatal) > 0 {
		t.Error("OnFatal was called more than once")
	}
}

func TestWriteThatHangsEndsTheNode(t *testing.T) {
	n, log, fatal, stop := onBrokenLog(t)
	log.mu.Lock()
	log.hang = make(chan struct{})
	log.mu.Unlock()
	defer func() {
		close(log.hang)
		stop()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	go func() { _, _ = n.Do(ctx, acquire("run-2", "other")) }()
	wantError(t, <-fatal, ErrStore)
}

// fullDisk reads what is there and takes nothing more.
type fullDisk struct {
	raft.StableStore
	hang chan struct{}
}

func (d *fullDisk) Set(_, _ []byte) error {
	if d.hang != nil {
		<-d.hang
	}
	return errors.New("no space left")
}

func TestNodeWhoseDiskTakesNoTermDoesNotStart(t *testing.T) {
	for name, hang := range map[string]chan struct{}{"fails": nil, "hangs": make(chan struct{})} {
		t.Run(name, func(t *testing.T) {
			store := raft.NewInmemStore()
			config := alone(t, "")
			config.Logger = hclog.NewNullLogger()
			config.Timing.StuckWrite = 100 * time.Millisecond
			config.Stores = &Stores{Log: store, Stable: store, Snapshots: raft.NewInmemSnapshotStore()}
			n, err := Start(config)
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Shutdown(within(t, 10*time.Second)); err != nil {
				t.Fatal(err)
			}
			config.Transport, config.Link = newNetwork().join("n1")
			config.Stores.Stable = &fullDisk{StableStore: store, hang: hang}
			config.OnFatal = func(error) {}
			_, err = Start(config)
			wantError(t, err, ErrStore)
			if !strings.Contains(err.Error(), "check the disk") {
				t.Errorf("the message names no remedy: %v", err)
			}
		})
	}
}
