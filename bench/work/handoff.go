package work

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"lockd/bench/system"
)

// handOff is W2: a step is one turn of one client, and its latency the time from
// the last holder's release to the moment that this one knew. A client that takes
// what it has just released, past all who wait, hands nothing on.
func handOff(ctx context.Context, b *bench) error {
	for _, n := range b.Waiters {
		b.Progress("%s: %s", b.workload.ID, clientCount(n))
		err := b.measure(ctx, n, system.Caller{TTL: sessionTTL}, "hand-offs", clientCount(n), newTurns(b.lock("line.%d", n)).take)
		if err != nil {
			return err
		}
	}
	return nil
}

// turns is the one lock that all clients wait for. Nobody holds it for any time,
// so two holders would hardly meet: it is the tokens that tell that turns were
// taken one after the other.
type turns struct {
	lock  string
	begun time.Time
	// fence is the last holder's; released is when it sent its release, as time
	// since begun; holder is its number, from 1.
	fence    atomic.Uint64
	released atomic.Int64
	holder   atomic.Int64
}

func newTurns(lock string) *turns { return &turns{lock: lock, begun: time.Now()} }

// take waits for the lock and gives it back.
func (t *turns) take(ctx context.Context, i int, client system.Client) (time.Duration, error) {
	hold, err := client.Lock(ctx, t.lock)
	if err != nil {
		return 0, err
	}
	told := time.Since(t.begun)
	if last := t.fence.Swap(hold.Fence); hold.Fence <= last && hold.Fence != 0 {
		return 0, fmt.Errorf("%s: token %d after %d: %w", t.lock, hold.Fence, last, ErrBroken)
	}
	latency := time.Duration(-1) // the first holder was not waiting for anybody
	me := int64(i) + 1
	if last, released := t.holder.Swap(me), t.released.Load(); released != 0 && last != me {
		latency = told - time.Duration(released)
	}
	t.released.Store(int64(time.Since(t.begun)))
	return latency, giveBack(ctx, client, hold)
}
