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

// largeTable is W9. Clients with sessions take more and more locks over shared
// connections, one lock an acquire; at 10, 10 000 and Config.Large of them others
// cycle through locks of their own. Then it looks at what a large table costs
// besides: memory, snapshots, a restart.
func largeTable(ctx context.Context, b *bench) (err error) {
	snapshots, ok := b.Service.(system.Snapshotter)
	if !ok {
		return fmt.Errorf("snapshots are not to be seen: %w", errors.ErrUnsupported)
	}
	all, err := b.dial(ctx, fillers, "holder", system.Caller{TTL: sessionTTL, Shared: true})
	if err != nil {
		return err
	}
	// The locks go with the sessions: ending them one by one takes minutes.
	defer func() {
		for _, client := range all {
			client.Abandon()
		}
	}()
	held, before := 0, []int64(nil)
	for _, size := range slices.Compact([]int{min(10, b.Large), min(10_000, b.Large), b.Large}) {
		if err := b.fill(ctx, all, held, size); err != nil {
			return err
		}
		held = size
		if err := b.cycleBeside(ctx, held); err != nil {
			return err
		}
		if before == nil { // everybody is warm now, and next to nothing is held
			if before, err = b.resident(ctx); err != nil {
				return err
			}
		}
	}
	if err := b.residentWith(ctx, held, before); err != nil {
		return err
	}
	if err := b.snapshotsBeside(ctx, held, snapshots); err != nil {
		return err
	}
	return b.restart(ctx, held)
}

// fill has the clients take the locks from number from up to to.
func (b *bench) fill(ctx context.Context, all clients, from, to int) error {
	begun := time.Now()
	err := each(ctx, len(all), len(all), func(ctx context.Context, i int) error {
		for n := from + i; n < to; n += len(all) {
			if _, err := all[i].TryLock(ctx, b.heldLock(n)); err != nil {
				return err
			}
		}
		return nil
	})
	b.Progress("%s: %d held, after %.1f s", b.workload.ID, to, time.Since(begun).Seconds())
	return err
}

// cycleBeside measures cycles while the table is as large as it is.
func (b *bench) cycleBeside(ctx context.Context, held int) error {
	return b.measure(ctx, cyclers, system.Caller{Shared: true}, "cycles", fmt.Sprintf("%d held", held), b.ownCycle(cyclers))
}

// residentWith reports what the locks have added to the memory of the nodes, at
// rest and after load: garbage that waits for its collection counts.
func (b *bench) residentWith(ctx context.Context, held int, before []int64) error {
	if err := rest(ctx, quietTime); err != nil {
		return err
	}
	after, err := b.resident(ctx)
	if err != nil {
		return err
	}
	grown, whole := make([]float64, len(after)), make([]float64, len(after))
	for i := range after {
		grown[i] = float64(after[i]-before[i]) / float64(held)
		whole[i] = float64(after[i]) / float64(held)
	}
	b.line(fmt.Sprintf("%d held, resident", held),
		report.Of("grown bytes/lock, median node", measure.Median, measure.Median.Of(grown)),
		report.Of("grown bytes/lock, largest node", measure.Median, slices.Max(grown)),
		report.Of("all bytes/lock, largest node", measure.Median, slices.Max(whole)),
		report.Of("largest node MiB", measure.Median, float64(slices.Max(after))/(1<<20)))
	return nil
}

// restart kills a follower and measures until it is ready again.
func (b *bench) restart(ctx context.Context, held int) error {
	leader, err := b.Service.Leader(ctx)
	if err != nil {
		return err
	}
	follower := (leader + 1) % len(b.Service.Nodes())
	if err := b.Service.Kill(follower); err != nil {
		return err
	}
	begun := time.Now()
	if err := b.Service.Restart(ctx, follower); err != nil {
		return err
	}
	took := time.Since(begun)
	after, err := b.resident(ctx)
	if err != nil {
		return err
	}
	b.line(fmt.Sprintf("%d held, restart", held),
		report.Of("until ready s", measure.Median, took.Seconds()),
		report.Of("all bytes/lock then", measure.Median, float64(after[follower])/float64(held)))
	return nil
}
