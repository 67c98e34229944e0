package work

import (
	"context"
	"sync"
	"time"

	"lockd/bench/measure"
	"lockd/bench/process"
	"lockd/bench/report"
	"lockd/bench/system"
)

// step is what client i does again and again. It returns the latency to be
// recorded; a negative one is none, and then the step does not count either.
type step func(ctx context.Context, i int, client system.Client) (time.Duration, error)

// tally is what was observed of one setting.
type tally struct {
	latencies measure.Histogram
	elapsed   time.Duration
	// servers and generator are the CPU time spent meanwhile.
	servers, generator time.Duration
	troubles           system.Troubles
}

// drive has all clients repeat do during the warm-up and the measured time, and
// counts what ended within the latter. Steps that have begun are finished.
func (b *bench) drive(ctx context.Context, all clients, do step) (*tally, error) {
	start := time.Now().Add(b.WarmUp)
	end := start.Add(b.Duration)
	sum := &tally{elapsed: b.Duration}
	// One for each client would be more memory than the processor's caches have.
	var latencies [sharedHistograms]histogram
	// One call more than there are clients: the meter.
	err := each(ctx, len(all)+1, len(all)+1, func(ctx context.Context, i int) error {
		if i == len(all) {
			return b.meter(ctx, start, end, sum)
		}
		for {
			latency, err := do(ctx, i, all[i])
			if err != nil {
				return err
			}
			now := time.Now()
			if !now.Before(end) {
				return nil
			}
			if latency >= 0 && !now.Before(start) {
				latencies[i%len(latencies)].record(latency)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range latencies {
		sum.latencies.Merge(&latencies[i].counts)
	}
	sum.troubles = all.troubles()
	return sum, nil
}

// histogram is one that several clients share.
type histogram struct {
	mu     sync.Mutex
	counts measure.Histogram
}

func (h *histogram) record(d time.Duration) {
	h.mu.Lock()
	h.counts.Record(d)
	h.mu.Unlock()
}

// meter reads the CPU time of everybody at both ends of the measured time.
func (b *bench) meter(ctx context.Context, start, end time.Time, into *tally) error {
	var servers, generator [2]time.Duration
	for i, moment := range []time.Time{start, end} {
		if err := rest(ctx, time.Until(moment)); err != nil {
			return err
		}
		var err error
		if servers[i], err = b.serverCPU(); err != nil {
			return err
		}
		if generator[i], err = process.OwnCPU(); err != nil {
			return err
		}
	}
	into.servers, into.generator = servers[1]-servers[0], generator[1]-generator[0]
	return nil
}

// serverCPU is the time that all nodes together have run.
func (b *bench) serverCPU() (sum time.Duration, err error) {
	for _, node := range b.Service.Nodes() {
		cpu, err := node.CPU()
		if err != nil {
			return 0, err
		}
		sum += cpu
	}
	return sum, nil
}

// metrics are the columns that W1 to W4 share. rate says what is counted.
func (t *tally) metrics(rate string) []report.Metric {
	count := float64(t.latencies.Count())
	metrics := []report.Metric{
		report.Of(rate+"/s", measure.Median, count/t.elapsed.Seconds()),
		report.Of("p50 ms", measure.Median, milliseconds(t.latencies.Quantile(0.50))),
		report.Of("p99 ms", measure.Median, milliseconds(t.latencies.Quantile(0.99))),
		report.Of("max ms", measure.Max, milliseconds(t.latencies.Max())),
	}
	if count > 0 {
		metrics = append(metrics,
			report.Of("server CPU s/1000", measure.Median, t.servers.Seconds()/count*1000),
			report.Of("client CPU s/1000", measure.Median, t.generator.Seconds()/count*1000))
	}
	return append(metrics, troubled(t.troubles)...)
}

// troubled are the columns of what clients had to repeat.
func troubled(t system.Troubles) []report.Metric {
	return []report.Metric{
		report.Of("refused", measure.Sum, float64(t.Refused)),
		report.Of("unknown", measure.Sum, float64(t.Unknown)),
		report.Of("cut", measure.Sum, float64(t.Cut)),
	}
}
