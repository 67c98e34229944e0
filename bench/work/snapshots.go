package work

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lockd/bench/measure"
	"lockd/bench/report"
	"lockd/bench/system"
)

// span is a time between two moments.
type span struct{ from, to time.Time }

func (s span) meets(other span) bool { return s.from.Before(other.to) && other.from.Before(s.to) }

// snapshotsBeside measures the commands of a few clients while the nodes write
// snapshots and while they do not, until each has written one and a while longer:
// what happens now and then, as collections of garbage do, is to be in both.
func (b *bench) snapshotsBeside(ctx context.Context, held int, service system.Snapshotter) (err error) {
	all, err := b.dial(ctx, lightClients, "light", system.Caller{Shared: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	b.Progress("%s: waiting for a snapshot of each node", b.workload.ID)
	commands := make([][]span, len(all))
	var written []span
	take := b.ownTake(len(all))
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
			hold, err := take(ctx, i, all[i])
			if err != nil {
				return err
			}
			taken := time.Now()
			if err := giveBack(ctx, all[i], hold); err != nil {
				return err
			}
			commands[i] = append(commands[i], span{begun, taken}, span{taken, time.Now()})
		}
	})
	if err != nil {
		return err
	}
	b.reportDelays(held, commands, written)
	return nil
}

// reportDelays tells the commands that met a snapshot from the others.
func (b *bench) reportDelays(held int, commands [][]span, written []span) {
	var calm, meanwhile measure.Histogram
	for _, list := range commands {
		for _, c := range list {
			into := &calm
			if slices.ContainsFunc(written, c.meets) {
				into = &meanwhile
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
			report.Of("commands", measure.Sum, float64(h.Count())),
			report.Of("p50 ms", measure.Median, milliseconds(h.Quantile(0.50))),
			report.Of("p99 ms", measure.Median, milliseconds(h.Quantile(0.99))),
			report.Of("p99.9 ms", measure.Median, milliseconds(h.Quantile(0.999))),
			report.Of("max ms", measure.Max, milliseconds(h.Max())),
			report.Of("snapshots", measure.Sum, float64(len(written))),
			report.Of("longest snapshot s", measure.Max, longest.Seconds()))
	}
}

// watchSnapshots returns when the nodes wrote snapshots, each with what follows it.
// It watches until each node has written one from its beginning to its end, and
// calmTime after the last of those.
func (b *bench) watchSnapshots(ctx context.Context, service system.Snapshotter) ([]span, error) {
	watches := make([]watch, len(b.Service.Nodes()))
	limit := time.Now().Add(snapshotTime)
	var calmSince time.Time
	for calmSince.IsZero() || time.Since(calmSince) < calmTime {
		missing := 0
		for node := range watches {
			if err := watches[node].look(service, node); err != nil {
				return nil, err
			}
			if watches[node].whole == 0 {
				missing++
			}
		}
		switch {
		case missing > 0 && time.Now().After(limit):
			return nil, fmt.Errorf("no snapshot of every node within %v: -node-args has lockd take more, see --snapshot-entries", snapshotTime)
		case missing == 0 && calmSince.IsZero():
			calmSince = time.Now()
		}
		if err := rest(ctx, snapshotWatch); err != nil {
			return nil, err
		}
	}
	var written []span
	for _, w := range watches {
		if w.ongoing {
			w.written = append(w.written, span{w.from, time.Now()})
		}
		written = append(written, w.written...)
	}
	return written, nil
}

// watch is what is seen of one node's snapshots.
type watch struct {
	looked bool
	// begun is what the service counts.
	begun   int
	written []span
	// whole is how many of those were seen from their beginning.
	whole int
	// ongoing is whether one is being written, from when it is, and whether it
	// was seen to begin.
	ongoing, fresh bool
	from           time.Time
}

// look notes what has changed since the last look, snapshotWatch ago.
func (w *watch) look(service system.Snapshotter, node int) error {
	begun, writing, err := service.Snapshots(node)
	if err != nil {
		return err
	}
	now := time.Now()
	another := w.looked && begun > w.begun
	if w.ongoing && (another || !writing) {
		w.end(now)
	}
	if another || writing && !w.ongoing {
		w.ongoing, w.fresh, w.from = true, w.looked, now.Add(-snapshotWatch)
	}
	if w.ongoing && !writing { // it was too fast to be seen
		w.end(now)
	}
	w.looked, w.begun = true, begun
	return nil
}

// end notes that the ongoing one is complete.
func (w *watch) end(now time.Time) {
	w.written = append(w.written, span{w.from, now.Add(aftermath)})
	if w.fresh {
		w.whole++
	}
	w.ongoing = false
}
