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

// leaderKill is W7. Clients cycle through locks of their own all the time; other
// locks are held all the time and looked at after every kill.
func leaderKill(ctx context.Context, b *bench) (err error) {
	all, err := b.dial(ctx, b.KillClients, "cycling", system.Caller{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, all.close(ctx)) }()
	keepers, err := b.dial(ctx, 2, "keeper", system.Caller{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keepers.close(ctx)) }()
	leased, err := b.dial(ctx, 1, "leased", system.Caller{TTL: sessionTTL})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, leased.close(ctx)) }()
	held, err := b.holdAll(ctx, keepers[0], leased[0])
	if err != nil {
		return err
	}
	gaps, err := b.killRepeatedly(ctx, all, func() error { return verify(ctx, keepers[1], held) })
	if err != nil {
		return err
	}
	b.line(fmt.Sprintf("%s, %d holds", clientCount(len(all)), len(held)), append([]report.Metric{
		report.Of("kills", measure.Sum, float64(len(gaps.first))),
		report.Of("gap median ms", measure.Median, inMilliseconds(gaps.first)...),
		report.Of("gap max ms", measure.Max, inMilliseconds(gaps.first)...),
		report.Of("all back median ms", measure.Median, inMilliseconds(gaps.all)...),
		report.Of("all back max ms", measure.Max, inMilliseconds(gaps.all)...),
		report.Of("holds lost", measure.Sum, 0), // verify fails if there is one
	}, troubled(all.troubles())...)...)
	return b.releaseAll(ctx, keepers[0], leased[0], held)
}

// holdAll takes the locks that must survive, half of them by either client.
func (b *bench) holdAll(ctx context.Context, plain, leased system.Client) ([]system.Hold, error) {
	var held []system.Hold
	for i := range watchedHolds {
		hold, err := keeper(i, plain, leased).TryLock(ctx, b.lock("kept.%d", i))
		if err != nil {
			return nil, err
		}
		held = append(held, hold)
	}
	return held, nil
}

func (b *bench) releaseAll(ctx context.Context, plain, leased system.Client, held []system.Hold) error {
	for i, hold := range held {
		if err := giveBack(ctx, keeper(i, plain, leased), hold); err != nil {
			return err
		}
	}
	return nil
}

// keeper is the client that holds the i-th of them.
func keeper(i int, plain, leased system.Client) system.Client {
	if i%2 == 0 {
		return plain
	}
	return leased
}

// verify says which hold has not survived.
func verify(ctx context.Context, client system.Client, held []system.Hold) error {
	for _, hold := range held {
		found, err := client.Query(ctx, hold.Lock, false)
		if err != nil {
			return err
		}
		if found != hold {
			return fmt.Errorf("an acknowledged hold was lost: %+v, now %+v: %w", hold, found, ErrBroken)
		}
	}
	return nil
}

// gaps has the outage of each kill: until the first client acquires again, and
// until all have.
type gaps struct{ first, all []time.Duration }

// killRepeatedly kills whoever leads, again and again, while the clients cycle.
func (b *bench) killRepeatedly(ctx context.Context, all clients, check func() error) (found gaps, err error) {
	watch := newOutages(len(all))
	done := make(chan struct{})
	cycle := b.ownCycle(len(all))
	err = each(ctx, len(all)+1, len(all)+1, func(ctx context.Context, i int) error {
		if i < len(all) {
			return watch.pump(ctx, done, i, all[i], cycle)
		}
		defer close(done)
		for k := range b.Kills {
			if err := rest(ctx, settleTime); err != nil {
				return err
			}
			first, last, err := b.killLeader(ctx, watch)
			if err == nil {
				err = check()
			}
			if err != nil {
				return err
			}
			b.Progress("%s: kill %d of %d: %.0f ms until the first acquire, %.0f ms until all clients had one",
				b.workload.ID, k+1, b.Kills, milliseconds(first), milliseconds(last))
			found.first, found.all = append(found.first, first), append(found.all, last)
		}
		return nil
	})
	return found, err
}

// killLeader kills the leader, measures the outage, and brings the node back.
func (b *bench) killLeader(ctx context.Context, watch *outages) (first, last time.Duration, err error) {
	leader, err := b.Service.Leader(ctx)
	if err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	if err := b.Service.Kill(leader); err != nil {
		return 0, 0, err
	}
	over := watch.begin(time.Now())
	waiting, cancel := context.WithTimeout(ctx, comebackTime)
	defer cancel()
	select {
	case <-over:
	case <-waiting.Done():
		err = fmt.Errorf("not all clients had acquired a lock %v after the leader was killed: %w", comebackTime, waiting.Err())
	}
	if again := b.Service.Restart(ctx, leader); err != nil || again != nil {
		return 0, 0, errors.Join(err, again)
	}
	firstAt, lastAt := watch.ends()
	return firstAt.Sub(begun), lastAt.Sub(begun), nil
}

// outages watches clients acquire locks. Only an acquire that was sent after the
// leader was gone proves that the service is back. The call during which it went
// therefore does not count, however often it was repeated: a gap is rather too
// long, by that call.
type outages struct {
	mu sync.Mutex
	// gone is when the leader was gone; zero when no outage is being watched.
	gone        time.Time
	missing     map[int]bool
	first, last time.Time
	over        chan struct{}
	clients     int
}

func newOutages(clients int) *outages { return &outages{clients: clients} }

// begin begins to watch; the channel is closed when all clients have acquired.
func (o *outages) begin(gone time.Time) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gone, o.first, o.last, o.over = gone, time.Time{}, time.Time{}, make(chan struct{})
	o.missing = make(map[int]bool, o.clients)
	for i := range o.clients {
		o.missing[i] = true
	}
	return o.over
}

// acquired says that client i sent an acquire at sent and has the lock now.
func (o *outages) acquired(i int, sent, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.missing[i] || !sent.After(o.gone) {
		return
	}
	if delete(o.missing, i); o.first.IsZero() {
		o.first = now
	}
	if o.last = now; len(o.missing) == 0 {
		close(o.over)
	}
}

// ends returns when the first and the last client were back.
func (o *outages) ends() (first, last time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.first, o.last
}

// pump has client i cycle until done is closed.
func (o *outages) pump(ctx context.Context, done <-chan struct{}, i int, client system.Client, cycle step) error {
	watched := &watchedClient{Client: client, seen: func(sent, now time.Time) { o.acquired(i, sent, now) }}
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		default:
		}
		if _, err := cycle(ctx, i, watched); err != nil {
			return err
		}
	}
}

// watchedClient tells when it has acquired a lock.
type watchedClient struct {
	system.Client
	seen func(sent, now time.Time)
}

func (w *watchedClient) TryLock(ctx context.Context, lock string) (system.Hold, error) {
	sent := time.Now()
	hold, err := w.Client.TryLock(ctx, lock)
	if err == nil {
		w.seen(sent, time.Now())
	}
	return hold, err
}
