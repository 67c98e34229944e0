package work

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"lockd/bench/system"
)

// clients are the users in one setting; they talk to Config.Through in turn.
type clients []system.Client

// through lists the nodes that clients talk to.
func (b *bench) through(ctx context.Context) (nodes []int, err error) {
	leader := -1
	if b.Through != AllNodes {
		if leader, err = b.Service.Leader(ctx); err != nil {
			return nil, err
		}
	}
	for i := range b.Service.Nodes() {
		if b.Through == AllNodes || (b.Through == LeaderOnly) == (i == leader) {
			nodes = append(nodes, i)
		}
	}
	return nodes, nil
}

// dial connects n clients, several at a time.
func (b *bench) dial(ctx context.Context, n int, name string, caller system.Caller) (clients, error) {
	all := make(clients, n)
	nodes, err := b.through(ctx)
	if err != nil {
		return nil, err
	}
	err = each(ctx, n, dialers, func(ctx context.Context, i int) (err error) {
		mine := caller
		mine.Name, mine.Node = fmt.Sprintf("%s%d-%d", name, b.Number, i), nodes[i%len(nodes)]
		all[i], err = b.Service.Dial(ctx, mine)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, all.close(ctx))
	}
	return all, nil
}

// close closes all clients, even if ctx has ended.
func (all clients) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	failed := make([]error, len(all))
	stopped := each(ctx, len(all), dialers, func(ctx context.Context, i int) error {
		if all[i] != nil {
			failed[i] = all[i].Close(ctx)
		}
		return nil // the others are closed all the same
	})
	return errors.Join(append(failed, stopped)...)
}

func (all clients) troubles() (sum system.Troubles) {
	for _, client := range all {
		sum.Add(client.Troubles())
	}
	return sum
}

// each calls f for 0 to n-1, at most limit at a time, and waits for all calls.
// The first error ends the context of the others, and is returned.
func each(ctx context.Context, n, limit int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	next := make(chan int)
	for range min(n, limit) {
		running.Go(func() {
			for i := range next {
				if err := f(ctx, i); err != nil {
					cancel(err)
				}
			}
		})
	}
	for i := range n {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	running.Wait()
	return context.Cause(ctx)
}
