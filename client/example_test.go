package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"lockd/client"
)

// A critical section: one at a time, over all machines.
func ExampleClient_Lock() {
	ctx := context.Background()
	c, err := client.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := c.Lock(ctx, "reports/daily")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer guard.Release(ctx)

	// The work stops when the lock is lost: it uses the guard's context.
	work := guard.Context()
	fmt.Println("building:", work.Err() == nil)
	// Output: building: true
}

// Trying: whoever comes second learns who is first, and does something else.
func ExampleClient_TryLock() {
	ctx := context.Background()
	c, err := client.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := c.Lock(ctx, "deploy/web", client.WithRun("pipeline-41"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer guard.Release(ctx)

	_, err = c.TryLock(ctx, "deploy/web", client.WithRun("pipeline-42"))
	var refused *client.Error
	if errors.Is(err, client.ErrOccupied) && errors.As(err, &refused) {
		// Nobody, if others only wait for it.
		for _, hold := range refused.Problem.Conflicts[0].Holders {
			fmt.Println("held by", hold.RunID)
		}
	}
	// Output: held by pipeline-41
}

// Readers share a lock, and a writer waits for all of them.
func ExampleClient_RLock() {
	ctx := context.Background()
	c, err := client.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	first, err := c.RLock(ctx, "config/routes")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer first.Release(ctx)
	second, err := c.RLock(ctx, "config/routes")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer second.Release(ctx)

	_, err = c.TryLock(ctx, "config/routes")
	fmt.Println("two readers; a writer may enter:", !errors.Is(err, client.ErrOccupied))
	// Output: two readers; a writer may enter: false
}

// A maintenance freeze: a tree lock keeps everybody out of a whole branch.
func ExampleTree() {
	ctx := context.Background()
	c, err := client.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	freeze, err := c.Lock(ctx, "prod", client.Tree(), client.Reason("database upgrade"))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.TryLock(ctx, "prod/eu/web")
	fmt.Println("frozen:", errors.Is(err, client.ErrOccupied))

	if err := freeze.Release(ctx); err != nil {
		fmt.Println(err)
		return
	}
	guard, err := c.TryLock(ctx, "prod/eu/web")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer guard.Release(ctx)
	fmt.Println("open again")
	// Output:
	// frozen: true
	// open again
}

// A semaphore: at most two backups run at once.
func ExampleLimit() {
	ctx := context.Background()
	c, err := client.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	for n := 1; n <= 3; n++ {
		slot, err := c.AcquireKey(ctx, "backups", client.Limit(2), client.NoWait())
		if errors.Is(err, client.ErrOccupied) {
			fmt.Println("backup", n, "has to wait")
			continue
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		defer slot.Release(ctx)
		fmt.Println("backup", n, "runs")
	}
	// Output:
	// backup 1 runs
	// backup 2 runs
	// backup 3 has to wait
}

// Leader election: all candidates ask for the same lock, and the one that has it
// leads until it gives it back or loses it.
func Example_leaderElection() {
	ctx := context.Background()
	c, err := client.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	lead := func(name string) {
		guard, err := c.Lock(ctx, "elections/scheduler", client.Reason(name))
		if err != nil {
			return
		}
		defer guard.Release(ctx)
		// A real leader works here until guard.Context() is done.
		fmt.Println("one leads")
	}
	var candidates sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		candidates.Go(func() { lead(name) })
	}
	candidates.Wait()
	// Output:
	// one leads
	// one leads
}

// store is what the lock protects. It refuses whoever comes with a token lower
// than one that it has seen: a holder that was stopped and does not know yet that
// it has lost the lock.
type store struct {
	mu    sync.Mutex
	seen  uint64
	value string
}

var errFenced = errors.New("fenced: a later holder was here")

func (s *store) put(token uint64, value string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token < s.seen {
		return errFenced
	}
	s.seen, s.value = token, value
	return nil
}

// Fencing: the token is what keeps storage safe, whatever happens to the holder.
func ExampleGuard_Token() {
	ctx := context.Background()
	c, err := client.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	var s store
	slow, err := c.Lock(ctx, "ledger")
	if err != nil {
		fmt.Println(err)
		return
	}
	token := slow.Token() // and then this holder is stopped, and its lock ends
	if err := slow.Release(ctx); err != nil {
		fmt.Println(err)
		return
	}
	next, err := c.Lock(ctx, "ledger")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer next.Release(ctx)
	fmt.Println("the next holder:", s.put(next.Token(), "new"))
	fmt.Println("the stopped one:", s.put(token, "old"))
	fmt.Println("stored:", s.value)
	// Output:
	// the next holder: <nil>
	// the stopped one: fenced: a later holder was here
	// stored: new
}
