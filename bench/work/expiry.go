package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockd/bench/measure"
	"lockd/bench/report"
	"lockd/bench/system"
)

// expiry is W6: each holder has somebody waiting behind it when it vanishes.
func expiry(ctx context.Context, b *bench) error {
	b.Progress("%s: %d holders with a TTL of %v vanish", b.workload.ID, b.Expiries, b.TTL)
	first, err := b.dial(ctx, b.Expiries, "first", system.Caller{TTL: b.TTL})
	if err != nil {
		return err
	}
	// Those are abandoned; nothing is left of them that Close would need.
	next, err := b.dial(ctx, b.Expiries, "next", system.Caller{TTL: sessionTTL})
	if err != nil {
		return errors.Join(err, first.close(ctx))
	}
	gone, lapsed := make([]time.Duration, b.Expiries), make([]time.Duration, b.Expiries)
	err = each(ctx, b.Expiries, b.Expiries, func(ctx context.Context, i int) (err error) {
		gone[i], lapsed[i], err = b.outlive(ctx, first[i], next[i], b.lock("left.%d", i))
		return err
	})
	if err = errors.Join(err, first.close(ctx), next.close(ctx)); err != nil {
		return err
	}
	metrics := []report.Metric{
		report.Of("TTL ms", measure.Median, milliseconds(b.TTL)),
		report.Of("killed to next holds, median ms", measure.Median, inMilliseconds(gone)...),
		report.Of("max ms", measure.Max, inMilliseconds(gone)...),
	}
	if lapsed[0] != 0 {
		metrics = append(metrics,
			report.Of("beyond TTL since renewal, median ms", measure.Median, inMilliseconds(lapsed)...),
			report.Of("beyond max ms", measure.Max, inMilliseconds(lapsed)...))
	}
	b.line(fmt.Sprintf("%d holders", b.Expiries), metrics...)
	return nil
}

// outlive has holder vanish while next waits. gone is how long next waited from
// then on, and lapsed how much longer than the TTL since the last renewal; zero
// if the driver does not know when that was.
func (b *bench) outlive(ctx context.Context, holder, next system.Client, lock string) (gone, lapsed time.Duration, err error) {
	if _, err := holder.TryLock(ctx, lock); err != nil {
		return 0, 0, err
	}
	told := make(chan error, 1)
	var at time.Time
	go func() {
		_, err := next.Lock(ctx, lock)
		at = time.Now()
		told <- err
	}()
	if err := rest(ctx, settleTime); err != nil {
		<-told
		return 0, 0, err
	}
	vanished := time.Now()
	renewed := holder.Abandon()
	if err := <-told; err != nil {
		return 0, 0, err
	}
	if at.Before(vanished) {
		return 0, 0, fmt.Errorf("%s was granted while its holder was there: %w", lock, ErrBroken)
	}
	if renewed.IsZero() {
		return at.Sub(vanished), 0, nil
	}
	lapsed = at.Sub(renewed) - b.TTL
	if lapsed < 0 {
		return 0, 0, fmt.Errorf("%s was granted %v before its holder's lease ended: %w", lock, -lapsed, ErrBroken)
	}
	return at.Sub(vanished), lapsed, nil
}

func inMilliseconds(all []time.Duration) []float64 {
	values := make([]float64, len(all))
	for i, d := range all {
		values[i] = milliseconds(d)
	}
	return values
}
