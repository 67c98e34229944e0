package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockd/bench/system"
)

// ownLocks is W1: nobody ever waits for anybody.
func ownLocks(ttl time.Duration) func(ctx context.Context, b *bench) error {
	return func(ctx context.Context, b *bench) error {
		for _, n := range b.Clients {
			b.Progress("%s: %s", b.workload.ID, clientCount(n))
			err := b.measure(ctx, n, system.Caller{TTL: ttl}, "cycles", clientCount(n), b.ownCycle(n))
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// ownLocksShared is W1-stream: W1 over a few connections.
func ownLocksShared(ctx context.Context, b *bench) error {
	for _, n := range b.InFlight {
		b.Progress("%s: %d in flight", b.workload.ID, n)
		err := b.measure(ctx, n, system.Caller{Shared: true}, "cycles", fmt.Sprintf("%d in flight", n), b.ownCycle(n))
		if err != nil {
			return err
		}
	}
	return nil
}

// measure dials n clients, drives them and reports the line.
func (b *bench) measure(ctx context.Context, n int, caller system.Caller, rate, setting string, do step) (err error) {
	all, err := b.dial(ctx, n, "client", caller)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	sum, err := b.drive(ctx, all, do)
	if err != nil {
		return err
	}
	b.line(setting, sum.metrics(rate)...)
	return nil
}

// ownCycle takes and gives back the lock of client i of n.
func (b *bench) ownCycle(n int) step {
	take := b.ownTake(n)
	return func(ctx context.Context, i int, client system.Client) (time.Duration, error) {
		begun := time.Now()
		hold, err := take(ctx, i, client)
		if err != nil {
			return 0, err
		}
		if err := giveBack(ctx, client, hold); err != nil {
			return 0, err
		}
		return time.Since(begun), nil
	}
}

// ownTake takes the lock of client i of n, which nobody else uses.
func (b *bench) ownTake(n int) func(ctx context.Context, i int, client system.Client) (system.Hold, error) {
	locks, last := make([]string, n), make([]uint64, n)
	for i := range locks {
		locks[i] = b.lock("own.%d", i)
	}
	return func(ctx context.Context, i int, client system.Client) (system.Hold, error) {
		hold, err := client.TryLock(ctx, locks[i])
		switch {
		case errors.Is(err, system.ErrOccupied):
			return system.Hold{}, fmt.Errorf("%s: nobody else uses it: %w: %w", locks[i], err, ErrBroken)
		case err != nil:
			return system.Hold{}, err
		case hold.Fence < last[i] || hold.Fence == last[i] && hold.Fence != 0:
			return system.Hold{}, fmt.Errorf("%s: token %d after %d: %w", locks[i], hold.Fence, last[i], ErrBroken)
		}
		last[i] = hold.Fence
		return hold, nil
	}
}

// giveBack releases a hold, which must still be the client's.
func giveBack(ctx context.Context, client system.Client, hold system.Hold) error {
	err := client.Unlock(ctx, hold)
	if errors.Is(err, system.ErrNotHeld) {
		return fmt.Errorf("a hold was lost: %w: %w", err, ErrBroken)
	}
	return err
}
