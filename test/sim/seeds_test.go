package sim

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The environment variables that say what to simulate; README.md explains them.
const (
	seedsVar      = "LOCKD_SIM_SEEDS"
	firstVar      = "LOCKD_SIM_FIRST"
	operationsVar = "LOCKD_SIM_OPERATIONS"
	timeVar       = "LOCKD_SIM_TIME"
	seedVar       = "LOCKD_SIM_SEED"
	shortenVar    = "LOCKD_SIM_SHORTEN"
)

// The ordinary run: so many seeds, unless the time is over before.
const (
	ordinarySeeds      = 10_000
	ordinaryOperations = 2000
	ordinaryTime       = 2 * time.Minute
	// whole is how many entries lie between two checks of whole tables.
	whole = 512
	// apart: of so many seeds, one has every node apply every entry for itself.
	apart = 32
	// shortenTime bounds the search for a shorter history that fails too.
	shortenTime = 30 * time.Second
)

func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func duration(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

// search simulates seeds on all cores, one world to a goroutine, until limit is
// over or stop says so of an outcome. It returns how many it simulated.
func search(first, seeds int, limit time.Duration, config func(seed uint64) Config, stop func(seed uint64, out Outcome) bool) int {
	var (
		workers sync.WaitGroup
		next    atomic.Int64
		mu      sync.Mutex
		stopped bool
		done    int
	)
	end := time.Now().Add(limit)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= seeds || time.Now().After(end) {
					return
				}
				seed := uint64(first + i)
				out := Run(config(seed))
				mu.Lock()
				if !stopped {
					done++
					stopped = stop(seed, out)
				}
				over := stopped
				mu.Unlock()
				if over {
					return
				}
			}
		})
	}
	workers.Wait()
	return done
}

func TestPromisesAreKeptWhateverHappens(t *testing.T) {
	if os.Getenv(seedVar) != "" {
		t.Skipf("%s is set: one seed is replayed", seedVar)
	}
	seeds, limit := number(t, seedsVar, ordinarySeeds), duration(t, timeVar, ordinaryTime)
	shorten := duration(t, shortenVar, shortenTime)
	if testing.Short() || racing {
		seeds = min(seeds, 200)
	}
	operations := number(t, operationsVar, ordinaryOperations)
	config := func(seed uint64) Config {
		return Config{Seed: seed, Operations: operations, Whole: whole, Shared: seed%apart != 0}
	}
	var total Stats
	failed := false
	began := time.Now()
	done := search(number(t, firstVar, 0), seeds, limit, config, func(seed uint64, out Outcome) bool {
		total.Add(&out.Stats)
		if out.Failure != nil {
			failed = true
			t.Errorf("seed %d: %v\n%s", seed, out.Failure, story(config(seed), out.Failure, shorten))
		}
		return failed
	})
	t.Logf("%d seeds of %d operations in %v: %+v", done, operations, time.Since(began).Round(time.Second), total)
	if done < seeds && !failed {
		t.Logf("the time of %v was over after %d of %d seeds; %s is for more", limit, done, seeds, timeVar)
	}
	if done >= 100 && total.LostOpen == 0 {
		t.Error("blind: without tokens no update was ever lost")
	}
	if done >= 100 && (total.Fenced == 0 || total.Installs == 0 || total.Resumes == 0 || total.Copies == 0) {
		t.Errorf("blind: something never happened: %+v", total)
	}
}

// story shortens a failing history and tells the rest of it.
func story(config Config, failure *Failure, limit time.Duration) string {
	config.Left = Shorten(config, failure, limit)
	var trace strings.Builder
	config.Trace = &trace
	out := Run(config)
	lines := strings.Split(strings.TrimSpace(trace.String()), "\n")
	const most = 150
	if len(lines) > most {
		lines = append([]string{"..."}, lines[len(lines)-most:]...)
	}
	return strings.Join(lines, "\n") + "\n" + out.Failure.Error() +
		"\n\nthe whole history: " + seedVar + "=" + strconv.FormatUint(config.Seed, 10) + " go test -v -run TestOneSeed ./test/sim"
}

func TestOneSeed(t *testing.T) {
	if os.Getenv(seedVar) == "" {
		t.Skipf("%s is not set", seedVar)
	}
	var trace strings.Builder
	out := Run(Config{
		Seed: uint64(number(t, seedVar, 0)), Operations: number(t, operationsVar, ordinaryOperations), Whole: 1, Trace: &trace,
	})
	t.Logf("%s%+v", trace.String(), out.Stats)
	if out.Failure != nil {
		t.Error(out.Failure)
	}
}

func TestSameSeedIsTheSameHistory(t *testing.T) {
	for seed := range uint64(5) {
		var traces [2]strings.Builder
		config := Config{Seed: seed, Operations: 500, Whole: whole}
		silent := Run(config)
		for i := range traces {
			config.Trace = &traces[i]
			if out := Run(config); out.Digest != silent.Digest || out.Stats != silent.Stats {
				t.Errorf("seed %d: digest %x with %+v, then %x with %+v", seed, silent.Digest, silent.Stats, out.Digest, out.Stats)
			}
		}
		if traces[0].String() != traces[1].String() {
			t.Errorf("seed %d: two histories", seed)
		}
	}
	a, b := Run(Config{Seed: 1, Operations: 500}), Run(Config{Seed: 2, Operations: 500})
	if a.Digest == b.Digest {
		t.Error("two seeds have one history")
	}
}

func TestSharedTablesMakeTheSameHistory(t *testing.T) {
	for seed := range uint64(20) {
		var traces [2]strings.Builder
		for i := range traces {
			out := Run(Config{Seed: seed, Operations: ordinaryOperations, Whole: whole, Shared: i == 1, Trace: &traces[i]})
			if out.Failure != nil {
				t.Errorf("seed %d: %v", seed, out.Failure)
			}
		}
		if traces[0].String() != traces[1].String() {
			t.Errorf("seed %d: two histories", seed)
		}
	}
}
