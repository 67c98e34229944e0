package work

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"lockd/bench/report"
	"lockd/bench/system"
)

func smallConfig() Config {
	c := DefaultConfig()
	c.Clients, c.Waiters, c.Held, c.Kills = []int{1, 4}, []int{4}, 200, 2
	c.Duration, c.Sessions, c.Large = time.Second, 50, 20_000
	return c
}

// run carries out one workload on f in virtual time.
func run(t *testing.T, f *fake, id string) (found report.Report, err error) {
	t.Helper()
	chosen, err := Choose([]string{id})
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		err = chosen[0].Run(t.Context(), Round{
			Config: smallConfig(), System: "fake", Service: f, Report: found.Add,
			Progress: func(string, ...any) {},
		})
	})
	return found, err
}

// value is one figure of a report.
func value(t *testing.T, found report.Report, setting, metric string) float64 {
	t.Helper()
	for _, line := range found.Lines {
		for _, m := range line.Metrics {
			if line.Setting == setting && m.Name == metric {
				return m.Value
			}
		}
	}
	t.Errorf("no %s with %s in %+v", metric, setting, found.Lines)
	return math.NaN()
}

func TestWorkloadsMeasureWhatHappens(t *testing.T) {
	const about = 0.02
	for _, c := range []struct {
		workload, setting, metric string
		want                      float64
	}{
		{"W1", "1 client", "cycles/s", 500},
		{"W1", "1 client", "p50 ms", 2},
		{"W1", "4 clients", "cycles/s", 2000},
		{"W1", "4 clients", "refused", 4},
		{"W1s", "4 clients", "p99 ms", 2},
		{"W1-stream", "64 in flight", "p99 ms", 2},
		{"W2", "4 clients", "hand-offs/s", 1000},
		{"W2", "4 clients", "p50 ms", 1},
		{"W3", "4 clients", "tries/s", 4000},
		{"W4", "4 clients linearizable", "queries/s", 4000},
		{"W4", "1 client stale", "max ms", 1},
		{"W5", "200 held", "bytes/lock, largest node", 0},
		{"W6", "8 holders", "max ms", 2040},
		{"W6", "8 holders", "beyond max ms", 40},
		{"W7", "16 clients, 100 holds", "gap median ms", 302},
		{"W7", "16 clients, 100 holds", "all back max ms", 302},
		{"W7", "16 clients, 100 holds", "kills", 2},
		{"W8", "50 sessions", "renewals/s", 5},
		{"W9", "10 held", "cycles/s", 32_000},
		{"W9", "20000 held", "p99 ms", 2},
		{"W9", "20000 held, resident", "grown bytes/lock, largest node", 0},
		{"W9", "20000 held, resident", "all bytes/lock, largest node", 52.4},
		{"W9", "20000 held, no snapshot", "max ms", 1},
		{"W9", "20000 held, snapshots", "max ms", 6},
		{"W9", "20000 held, snapshots", "snapshots", 3},
		{"W9", "20000 held, snapshots", "longest snapshot s", 0.51},
		{"W9", "20000 held, restart", "until ready s", 1.5},
	} {
		found, err := run(t, newFake(faults{}), c.workload)
		if err != nil {
			t.Errorf("%s: %v", c.workload, err)
			continue
		}
		if got := value(t, found, c.setting, c.metric); math.Abs(got-c.want) > about*math.Abs(c.want) {
			t.Errorf("%s, %s: %s is %v, want %v", c.workload, c.setting, c.metric, got, c.want)
		}
	}
}

func TestTakingAgainWhatOneReleasedHandsNothingOn(t *testing.T) {
	f := newFake(faults{})
	line := newTurns("k")
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			client  int
			counted bool
		}{{0, false}, {0, false}, {1, true}, {1, false}, {0, true}} {
			u := &fakeClient{fake: f}
			if latency, err := line.take(t.Context(), c.client, u); err != nil || latency >= 0 != c.counted {
				t.Errorf("client %d: %v, %v", c.client, latency, err)
			}
		}
	})
}

func TestABrokenPromiseIsSeen(t *testing.T) {
	for _, c := range []struct {
		workload string
		faults   faults
	}{
		{"W1", faults{repeats: true}},
		{"W2", faults{repeats: true}},
		{"W3", faults{shares: true}},
		{"W6", faults{hurries: true}},
		{"W7", faults{forgets: true}},
		{"W7", faults{repeats: true}},
		{"W8", faults{drops: true}},
	} {
		if _, err := run(t, newFake(c.faults), c.workload); !errors.Is(err, ErrBroken) {
			t.Errorf("%s, %+v: %v", c.workload, c.faults, err)
		}
	}
}

// plainService has no more than a Service must have.
type plainService struct{ system.Service }

func TestAWorkloadThatTheServiceCannotCarryOutIsUnsupported(t *testing.T) {
	chosen, err := Choose([]string{"w8"})
	if err != nil {
		t.Fatal(err)
	}
	err = chosen[0].Run(t.Context(), Round{Config: smallConfig(), Service: plainService{newFake(faults{})}})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

func TestAWorkloadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
		defer cancel()
		begun := time.Now()
		for _, w := range All() {
			err := w.Run(ctx, Round{
				Config: DefaultConfig(), Service: newFake(faults{}), Report: func(report.Line) {}, Progress: func(string, ...any) {},
			})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", w.ID, err)
			}
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestEachCallsUpToTheLimitAndStopsAtAnError(t *testing.T) {
	var now, most, calls atomic.Int32
	failure := errors.New("the seventh")
	err := each(t.Context(), 1000, 3, func(ctx context.Context, i int) error {
		defer now.Add(-1)
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		calls.Add(1)
		if i == 6 {
			return failure
		}
		return ctx.Err()
	})
	if !errors.Is(err, failure) || most.Load() > 3 || calls.Load() < 7 || calls.Load() == 1000 {
		t.Errorf("%v after %d calls, %d at a time", err, calls.Load(), most.Load())
	}
}

func TestAConfigThatMeasuresNothingIsRefused(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(c *Config){
		"no clients":   func(c *Config) { c.Clients = []int{4, 0} },
		"one waiter":   func(c *Config) { c.Waiters = []int{1} },
		"no time":      func(c *Config) { c.Duration = 0 },
		"no kills":     func(c *Config) { c.Kills = 0 },
		"renewed late": func(c *Config) { c.Renew = c.SessionTTL },
		"other nodes":  func(c *Config) { c.Through = "most" },
	} {
		c := DefaultConfig()
		if spoil(&c); c.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestClientsTalkToTheNodesThatWereChosen(t *testing.T) {
	for through, want := range map[Through][]int{AllNodes: {0, 1, 2}, LeaderOnly: {1}, Followers: {0, 2}} {
		service := newFake(faults{})
		service.leader = 1
		b := &bench{Round: Round{Config: Config{Through: through}, Service: service}}
		if got, err := b.through(t.Context()); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: nodes %v, %v", through, got, err)
		}
	}
}

func TestOnlyAcquiresSentAfterTheKillEndAnOutage(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	o := newOutages(2)
	over := o.begin(at(100))
	o.acquired(0, at(99), at(101)) // its answer was on the way
	o.acquired(1, at(150), at(400))
	o.acquired(1, at(401), at(402))
	select {
	case <-over:
		t.Fatal("over, although a client is not back")
	default:
	}
	o.acquired(0, at(300), at(450))
	<-over
	if first, last := o.ends(); first != at(400) || last != at(450) {
		t.Errorf("from %v to %v", first, last)
	}
}
