package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockd/bench/system"
)

// busyTry is W3: every step is a try that must be refused.
func busyTry(ctx context.Context, b *bench) error {
	return b.whileHeld(ctx, func(hold system.Hold) error {
		for _, n := range b.Clients {
			b.Progress("%s: %s", b.workload.ID, clientCount(n))
			err := b.measure(ctx, n, system.Caller{}, "tries", clientCount(n), func(ctx context.Context, _ int, client system.Client) (time.Duration, error) {
				begun := time.Now()
				_, err := client.TryLock(ctx, hold.Lock)
				switch {
				case errors.Is(err, system.ErrOccupied):
					return time.Since(begun), nil
				case err == nil:
					err = fmt.Errorf("%s was granted to two: %w", hold.Lock, ErrBroken)
				}
				return 0, err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// query is W4: every step asks for the holder, who must be the right one.
func query(ctx context.Context, b *bench) error {
	return b.whileHeld(ctx, func(hold system.Hold) error {
		// A node that lags knows of the hold once it is at rest.
		if err := rest(ctx, settleTime); err != nil {
			return err
		}
		for _, stale := range []bool{false, true} {
			for _, n := range b.Clients {
				setting := clientCount(n) + " linearizable"
				if stale {
					setting = clientCount(n) + " stale"
				}
				b.Progress("%s: %s", b.workload.ID, setting)
				err := b.measure(ctx, n, system.Caller{}, "queries", setting, func(ctx context.Context, _ int, client system.Client) (time.Duration, error) {
					begun := time.Now()
					found, err := client.Query(ctx, hold.Lock, stale)
					if err == nil && found != hold {
						err = fmt.Errorf("%s is said to be held by %+v, not %+v: %w", hold.Lock, found, hold, ErrBroken)
					}
					return time.Since(begun), err
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// whileHeld calls f while one client holds a lock.
func (b *bench) whileHeld(ctx context.Context, f func(hold system.Hold) error) (err error) {
	all, err := b.dial(ctx, 1, "holder", system.Caller{TTL: sessionTTL})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	hold, err := all[0].TryLock(ctx, b.lock("busy"))
	if err != nil {
		return err
	}
	if err := f(hold); err != nil {
		return err
	}
	return giveBack(ctx, all[0], hold)
}
