package cluster

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// gatheringTo returns a batcher whose leader takes that long for each batch, and the
// sizes of those that were sent.
func gatheringTo(round time.Duration) (b *batcher, stop chan struct{}, sizes func() []int) {
	var mu sync.Mutex
	var sent []int
	to := &sink{slots: make(chan struct{}, 1), crowd: entryCrowd}
	stop = make(chan struct{})
	b = newBatcher(time.Now, func() *sink { return to }, new(signal), stop)
	to.send = func(batch []*proposal, over func()) {
		mu.Lock()
		sent = append(sent, len(batch))
		mu.Unlock()
		go func() {
			time.Sleep(round)
			over()
			for _, p := range batch {
				p.finish(verdict{})
			}
		}()
	}
	return b, stop, func() []int {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(sent)
	}
}

// callers ask again and again, each so long after its answer.
func callers(t *testing.T, b *batcher, count, times int, pause time.Duration) {
	t.Helper()
	var asking sync.WaitGroup
	for i := range count {
		asking.Go(func() {
			time.Sleep(time.Duration(i) * 10 * time.Microsecond)
			for range times {
				answered := make(chan struct{})
				p := &proposal{command: []byte("c"), done: func(int, verdict) { close(answered) }}
				if err := b.put(p); err != nil {
					t.Error(err)
					return
				}
				<-answered
				time.Sleep(pause)
			}
		})
	}
	asking.Wait()
}

func TestCallersWhoAskAgainAtOnceShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, stop, sizes := gatheringTo(2 * time.Millisecond)
		var running sync.WaitGroup
		running.Go(b.run)
		callers(t, b, 40, 30, 500*time.Microsecond)
		close(stop)
		running.Wait()
		sent := sizes()
		if late := sent[len(sent)/2 : len(sent)*3/4]; slices.Min(late) < 35 {
			t.Errorf("batches of %d for 40 callers", late)
		}
	})
}

// Those who come back after a long time are not waited for but now and then.
func TestABatchSeldomWaitsInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, stop, sizes := gatheringTo(2 * time.Millisecond)
		var running sync.WaitGroup
		running.Go(b.run)
		begun := time.Now()
		const rounds = 200
		for range rounds {
			b.mu.Lock()
			b.gather.crowd = 10
			b.mu.Unlock()
			callers(t, b, 1, 1, 0)
		}
		waited := time.Since(begun) - rounds*2*time.Millisecond
		if most := 10 * maxGather; waited > most || waited < maxGather {
			t.Errorf("%d batches waited for %v, at most %v is right", rounds, waited, most)
		}
		close(stop)
		running.Wait()
		if got := len(sizes()); got != rounds {
			t.Errorf("%d batches", got)
		}
	})
}

func TestWhatABatchWaitsFor(t *testing.T) {
	for name, c := range map[string]struct {
		crowd, underway, queued, size int
		waits                         bool
	}{
		"few callers":            {entryCrowd - 1, 0, 1, 1, false},
		"enough callers":         {entryCrowd, 0, 1, 1, true},
		"few who are away":       {64, 64 - entryCrowd + 1, 1, 1, false},
		"enough who are away":    {64, 64 - entryCrowd, 1, 1, true},
		"most are there":         {64, 0, 56, 1, false},
		"many are not":           {64, 0, 55, 1, true},
		"most of the rest":       {64, 32, 28, 1, false},
		"a full batch":           {1000, 0, 2, MaxBatchBytes / 2, false},
		"an even larger":         {3 * MaxBatchCommands, 0, MaxBatchCommands, 1, false},
		"nobody":                 {64, 0, 0, 1, false},
		"nobody before":          {0, 0, 5, 1, false},
		"more than before":       {10, 0, 20, 1, false},
		"almost full batch":      {3 * MaxBatchCommands, 0, MaxBatchCommands - 1, 1, true},
		"everybody is under way": {10, 20, 1, 1, false},
	} {
		b, _ := testBatcher()
		for range c.queued {
			if err := b.put(&proposal{command: make([]byte, c.size)}); err != nil {
				t.Fatal(err)
			}
		}
		b.gather.crowd, b.underway = c.crowd, c.underway
		if got := b.want(entryCrowd) > 0; got != c.waits {
			t.Errorf("%s: waits %t", name, got)
		}
	}
}

// A wait that was successful by chance is none: callers who come at any time
// come while the batch is under way as well.
func TestAWaitIsJudgedByWhoComesAfterIt(t *testing.T) {
	for name, c := range map[string]struct {
		underway, after int
		again           bool
	}{
		"nobody":          {0, 0, true},
		"a few":           {0, 10, true},
		"as many again":   {0, 40, false},
		"a batch as well": {20, 40, true},
	} {
		b, _ := testBatcher()
		b.gather.crowd = 40
		for range 40 {
			if err := b.put(new(proposal)); err != nil {
				t.Fatal(err)
			}
		}
		b.gather.wanted, b.gather.skips = 40, 1
		if !b.gathered(false) {
			t.Fatal("40 callers are not enough")
		}
		b.take()
		b.underway = 40 + c.underway
		for range c.after {
			if err := b.put(new(proposal)); err != nil {
				t.Fatal(err)
			}
		}
		b.ended(40, maxGather)
		if got := b.gather.skips == 0; got != c.again {
			t.Errorf("%s after it: %d batches go without a wait", name, b.gather.skips)
		}
	}
}

// Batches that are answered together, as those of a follower are, have one crowd.
func TestTheCrowdIsAllWhoWereUnderWay(t *testing.T) {
	b, _ := testBatcher()
	b.underway = 30
	b.ended(20, maxGather)
	b.ended(10, maxGather)
	if err := b.put(new(proposal)); err != nil {
		t.Fatal(err)
	}
	if b.want(25) == 0 {
		t.Errorf("of 30 callers only %d are missed", b.gather.crowd)
	}
}

// When a crowd has gone, whoever is left is soon not held up any more.
func TestACrowdIsForgotten(t *testing.T) {
	b, _ := testBatcher()
	b.gather.crowd = 1000
	for range 50 {
		b.underway++
		b.ended(1, maxGather)
	}
	if b.gather.crowd >= entryCrowd {
		t.Errorf("after 50 rounds of one caller %d are waited for", b.gather.crowd)
	}
}

// Where a round is short, so is the wait.
func TestABatchWaitsNoLongerThanARound(t *testing.T) {
	for round, most := range map[time.Duration]time.Duration{
		100 * time.Microsecond: 100 * time.Microsecond, maxGather: maxGather, time.Second: maxGather,
	} {
		synctest.Test(t, func(t *testing.T) {
			b, _ := testBatcher()
			b.underway = 10
			b.ended(10, round)
			if err := b.put(new(proposal)); err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			if !b.gatherAll(entryCrowd, nil) {
				t.Error("the batch does not go")
			}
			if waited := time.Since(begun); waited != most {
				t.Errorf("after a round of %v it waited for %v", round, waited)
			}
		})
	}
}

// A leader that is lost, or a node that stops, ends the wait.
func TestAWaitEndsWithItsLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, stop := testBatcher()
		begun := time.Now()
		for range 2 {
			b.gather = gathering{crowd: 64, round: time.Minute}
			if err := b.put(new(proposal)); err != nil {
				t.Fatal(err)
			}
			rerouted := b.rerouted.wait()
			go b.rerouted.raise()
			if b.gatherAll(entryCrowd, rerouted) {
				t.Error("the batch goes to a leader that is lost")
			}
		}
		close(stop)
		b.gather = gathering{crowd: 64, round: time.Minute}
		if b.gatherAll(entryCrowd, b.rerouted.wait()) {
			t.Error("the batch goes while the node stops")
		}
		if waited := time.Since(begun); waited > 0 {
			t.Errorf("it went on for %v", waited)
		}
	})
}
