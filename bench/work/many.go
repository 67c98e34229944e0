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

// manyHeld is W5: it takes many locks, keeps them, and compares the memory of
// the servers with that before. They are warm then, so that buffers and caches
// of any load are there before and after.
func manyHeld(ctx context.Context, b *bench) (err error) {
	all, err := b.dial(ctx, holders, "holder", system.Caller{TTL: sessionTTL})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	b.Progress("%s: warming up", b.workload.ID)
	if _, err := b.drive(ctx, all, b.ownCycle(len(all))); err != nil {
		return err
	}
	before, err := b.resident(ctx)
	if err != nil {
		return err
	}
	b.Progress("%s: taking %d locks", b.workload.ID, b.Held)
	begun := time.Now()
	err = each(ctx, len(all), len(all), func(ctx context.Context, i int) error {
		for n := i; n < b.Held; n += len(all) {
			if _, err := all[i].TryLock(ctx, b.heldLock(n)); err != nil {
				return err
			}
		}
		return nil
	})
	took := time.Since(begun)
	if err != nil {
		return err
	}
	after, err := b.resident(ctx)
	if err != nil {
		return err
	}
	grown := make([]float64, len(after))
	for i := range after {
		grown[i] = float64(after[i]-before[i]) / float64(b.Held)
	}
	b.line(fmt.Sprintf("%d held", b.Held), append([]report.Metric{
		report.Of("bytes/lock, median node", measure.Median, measure.Median.Of(grown)),
		report.Of("bytes/lock, largest node", measure.Median, slices.Max(grown)),
		report.Of("largest node MiB", measure.Median, float64(slices.Max(after))/(1<<20)),
		report.Of("acquires/s", measure.Median, float64(b.Held)/took.Seconds()),
	}, troubled(all.troubles())...)...)
	return nil
}

// heldLock names the n-th lock that is held all the time: 20 bytes, unless there
// are very many.
func (b *bench) heldLock(n int) string { return fmt.Sprintf("held.%03d.%011d", b.Number, n) }

// resident reads the memory of all nodes once they have come to rest.
func (b *bench) resident(ctx context.Context) ([]int64, error) {
	if err := rest(ctx, memorySettleTime); err != nil {
		return nil, err
	}
	var sizes []int64
	for _, node := range b.Service.Nodes() {
		size, err := node.Resident()
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, size)
	}
	return sizes, nil
}
