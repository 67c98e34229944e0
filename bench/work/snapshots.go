package work

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockd/bench/measure"
	"lockd/bench/report"
	"lockd/bench/system"
)

// span is a time between two moments.
type span struct{ from, to time.Time }

func (s span) meets(other span) bool { return s.from.Before(other.to) && other.from.Before(s.to) }

// snapshotsBeside measures the cycles of a few clients before and while the nodes
// write snapshots, until each has written one.
func (b *bench) snapshotsBeside(ctx context.Context, held int, service system.Snapshotter) (err error) {
	all, err := b.dial(ctx, lightClients, "light", system.Caller{Shared: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	b.Progress("%s: waiting for a snapshot of each node", b.workload.ID)
	cycles := make([][]span, len(all))
	var written []span
	cycle := b.ownCycle(len(all))
	done := make(chan struct{})
	err = each(ctx, len(all)+1, len(all)+1, func(ctx context.Context, i int) (err error) {
		if i == len(all) {
			defer close(done)
			written, err = b.watchSnapshots(ctx, service)
			return err
		}
		for {
			select {
			case <-done:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			default:
			}
			begun := time.Now()
			if _, err := cycle(ctx, i, all[i]); err != nil {
				return err
			}
			cycles[i] = append(cycles[i], span{begun, time.Now()})
		}
	})
	if err != nil {
		return err
	}
	b.reportDelays(held, cycles, written)
	return nil
}

// reportDelays tells the cycles that met a snapshot from the others.
func (b *bench) reportDelays(held int, cycles [][]span, written []span) {
	var calm, meanwhile measure.Histogram
	for _, list := range cycles {
		for _, c := range list {
			into := &calm
			for _, w := range written {
				if c.meets(w) {
					into = &meanwhile
				}
			}
			into.Record(c.to.Sub(c.from))
		}
	}
	longest := time.Duration(0)
	for _, w := range written {
		longest = max(longest, w.to.Sub(w.from)-aftermath)
	}
	for i, h := range []*measure.Histogram{&calm, &meanwhile} {
		b.line(fmt.Sprintf("%d held, %s", held, [...]string{"no snapshot", "snapshots"}[i]),
			report.Of("cycles", measure.Sum, float64(h.Count())),
			report.Of("p50 ms", measure.Median, milliseconds(h.Quantile(0.50))),
			report.Of("p99 ms", measure.Median, milliseconds(h.Quantile(0.99))),
			report.Of("p99.9 ms", measure.Median, milliseconds(h.Quantile(0.999))),
			report.Of("max ms", measure.Max, milliseconds(h.Max())),
			report.Of("snapshots", measure.Sum, float64(len(written))),
			report.Of("longest snapshot s", measure.Max, longest.Seconds()))
	}
}

// watchSnapshots returns when each node has written a snapshot from its beginning
// to its end, and when those were: for each, with what follows it.
func (b *bench) watchSnapshots(ctx context.Context, service system.Snapshotter) ([]span, error) {
	if err := rest(ctx, calmTime); err != nil {
		return nil, err
	}
	watches := make([]watch, len(b.Service.Nodes()))
	failed := make([]error, len(watches))
	limited, cancel := context.WithTimeout(ctx, snapshotTime)
	defer cancel()
	var running sync.WaitGroup
	for node := range watches {
		running.Go(func() { failed[node] = watches[node].until(limited, service, node) })
	}
	running.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, fmt.Errorf("no snapshot of every node within %v (-node-args has lockd take more, see --snapshot-entries): %w", snapshotTime, err)
	}
	var written []span
	for _, w := range watches {
		written = append(written, w.written...)
	}
	return written, rest(ctx, aftermath)
}

// watch is what is seen of one node's snapshots.
type watch struct{ written []span }

// until returns when the node has written a snapshot that began meanwhile.
func (w *watch) until(ctx context.Context, service system.Snapshotter, node int) error {
	first, ongoing, err := service.Snapshots(node)
	if err != nil {
		return err
	}
	for from := time.Now(); ; {
		if err := rest(ctx, snapshotWatch); err != nil {
			return err
		}
		begun, writing, err := service.Snapshots(node)
		if err != nil {
			return err
		}
		now := time.Now()
		switch {
		case writing && !ongoing:
			from = now.Add(-snapshotWatch)
		case !writing && (ongoing || begun > first):
			if !ongoing { // it was too fast to be seen
				from = now.Add(-snapshotWatch)
			}
			w.written = append(w.written, span{from, now.Add(aftermath)})
			if begun > first {
				return nil
			}
		}
		ongoing = writing
	}
}
