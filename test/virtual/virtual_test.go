package virtual

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	hours = flag.Float64("hours", ordinaryHours, "virtual hours to run")
	seed  = flag.Uint64("seed", 0, "run this seed only")
	scale = flag.Int("scale", 0, "with -seed: the timing multiplier")
	nodes = flag.Bool("nodelog", false, "write the nodes' logs of a single run to standard error")
)

// logs is where the nodes' logs go; nil for nowhere.
func logs() io.Writer {
	if *nodes {
		return os.Stderr
	}
	return nil
}

// TestPromisesHoldThroughEverythingThatBreaks runs one bubble after the other,
// one per processor at a time.
func TestPromisesHoldThroughEverythingThatBreaks(t *testing.T) {
	if *seed != 0 {
		live(t, *seed, max(1, *scale), runLength, logs())
		return
	}
	runs := int(*hours * float64(time.Hour) / float64(runLength))
	if testing.Short() {
		runs = 2
	}
	var mu sync.Mutex
	var all sum
	began := time.Now()
	t.Run("seeds", func(t *testing.T) {
		for i := range max(1, runs) {
			seed, scale := uint64(1+i), scales[i%len(scales)]
			t.Run(fmt.Sprintf("%d", seed), func(t *testing.T) {
				t.Parallel()
				x := live(t, seed, scale, runLength, nil)
				mu.Lock()
				defer mu.Unlock()
				all.add(x)
			})
		}
	})
	t.Logf("%v; wall time %v", all, time.Since(began).Round(time.Second))
	if all.partitions < int64(runs)*leastPartitions && !t.Failed() {
		t.Errorf("only %d partitions in %d runs", all.partitions, runs)
	}
}

// sum is what came together in many runs.
type sum struct {
	virtual                                                                                 time.Duration
	operations, grants, reads, partitions, faults, restarts, elections, expiries, slowestMS int64
}

func (s *sum) add(x sum) {
	s.virtual += x.virtual
	s.operations += x.operations
	s.grants += x.grants
	s.reads += x.reads
	s.partitions += x.partitions
	s.faults += x.faults
	s.restarts += x.restarts
	s.elections += x.elections
	s.expiries += x.expiries
	s.slowestMS = max(s.slowestMS, x.slowestMS)
}

func (s sum) String() string {
	return fmt.Sprintf("%.1f virtual hours, %d requests, %d grants, %d reads, %d faults, %d of them partitions, "+
		"%d restarts, %d changes of leader, %d expiries, slowest first grant %d ms after healing",
		s.virtual.Hours(), s.operations, s.grants, s.reads, s.faults, s.partitions, s.restarts, s.elections, s.expiries, s.slowestMS)
}

// live is one run of one seed, in a bubble of its own.
func live(t *testing.T, seed uint64, scale int, length time.Duration, log io.Writer) (x sum) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, seed, scale, log)
		w.raise()
		w.populate()
		w.trouble(length)
		w.settle()
		n := &w.tallies
		x = sum{
			virtual: w.now(), operations: n.operations.Load(), grants: n.grants.Load(), reads: n.reads.Load(),
			partitions: n.partitions.Load(), faults: n.faults.Load(), restarts: n.restarts.Load(),
			elections: n.elections.Load(), expiries: n.expiries.Load(), slowestMS: n.slowest.Load() / 1e6,
		}
		w.bringDown()
	})
	return x
}

// populate lets the clients begin.
func (w *world) populate() {
	w.work.Go(w.watch.run)
	for i := range workers {
		w.work.Go(newWorker(w, i).work)
	}
	w.work.Go(newWorker(w, 50).peruse)
	w.work.Go(newWorker(w, 51).peruse)
	w.work.Go(newWorker(w, 52).occupy)
	w.work.Go(newWorker(w, 53).occupy)
	w.work.Go(func() { w.employ(60) })
}

// settle lets the clients end, which takes all that still wait, and compares the
// tables that are left.
func (w *world) settle() {
	w.end()
	done := make(chan struct{})
	go func() {
		w.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(2 * patience):
		if w.broken == 0 {
			w.violated("clients still wait %v after everything was healed: %v", 2*patience, w.watch.waiting)
		}
		<-done
	}
	w.book.close()
	limit := time.Now().Add(10 * time.Second)
	for !w.agree() {
		if time.Now().After(limit) {
			w.violated("the tables differ 10 s after the last request")
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// agree says that all nodes have the same sound table.
func (w *world) agree() bool {
	type version struct{ index, hash uint64 }
	versions := make(map[version]bool)
	for _, m := range w.members {
		p := w.process(m.Name)
		if p == nil {
			return w.broken > 0
		}
		view, index, _, _ := p.node.Stale()
		versions[version{index, view.Hash()}] = true
		if err := check(view); err != nil {
			w.violated("%s: %v", m.Name, err)
		}
	}
	return len(versions) == 1
}

// bringDown ends everything that the bubble has.
func (w *world) bringDown() {
	w.network.heal()
	for _, m := range w.members {
		w.stop(m.Name)
	}
	w.zombies.Wait()
	w.http.Transport.(*http.Transport).CloseIdleConnections()
	// Raft does not wait for its messages that are under way.
	time.Sleep(time.Minute)
}
