package process

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"lockd/bench/system"
)

// Layout says how the processes of one service are run.
type Layout struct {
	// Size is how many there are.
	Size int
	// Command is what runs number i, at its start and at each restart.
	Command func(i int) Command
	// Ready returns nil once number i serves.
	Ready func(ctx context.Context, i int) error
}

// A Group is the processes of one service, some of which may have been killed.
// It may be used from any goroutine.
type Group struct {
	layout Layout

	mu  sync.Mutex
	all []*Process
}

// StartGroup starts all processes and returns when all are ready. Whoever starts
// a group must see to its end with Stop or KillAll.
func StartGroup(ctx context.Context, layout Layout) (*Group, error) {
	g := &Group{layout: layout, all: make([]*Process, layout.Size)}
	for i := range layout.Size {
		if err := g.launch(i); err != nil {
			return nil, errors.Join(err, g.Stop())
		}
	}
	if err := g.awaitReady(ctx); err != nil {
		return nil, errors.Join(err, g.Stop())
	}
	return g, nil
}

func (g *Group) launch(i int) error {
	p, err := Start(g.layout.Command(i))
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all[i] = p
	return nil
}

func (g *Group) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for i, p := range g.Processes() {
		for {
			err := g.layout.Ready(ctx, i)
			if err == nil {
				break
			}
			select {
			case <-p.Ended():
				return fmt.Errorf("server %d ended\n%s", i+1, p.LastWords())
			case <-ctx.Done():
				return fmt.Errorf("server %d is not ready: %w: %w\n%s", i+1, ctx.Err(), err, p.LastWords())
			case <-time.After(readyEvery):
			}
		}
	}
	return nil
}

// Processes are all of them in order. After a restart one is another process.
func (g *Group) Processes() []*Process {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]*Process(nil), g.all...)
}

// Nodes are the processes as a service shows them.
func (g *Group) Nodes() []system.Node {
	var all []system.Node
	for _, p := range g.Processes() {
		all = append(all, p)
	}
	return all
}

// AwaitLeader asks all processes in turn until leads says that one leads, and
// returns its number. It waits for a minute at most.
func (g *Group) AwaitLeader(ctx context.Context, leads func(ctx context.Context, i int) bool) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	for {
		for i := range g.layout.Size {
			if leads(ctx, i) {
				return i, nil
			}
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("no server leads: %w", ctx.Err())
		case <-time.After(readyEvery):
		}
	}
}

// Kill ends number i with SIGKILL and returns when it is gone.
func (g *Group) Kill(i int) error { return g.Processes()[i].Kill() }

// Restart starts number i, which was killed, and returns when all are ready.
func (g *Group) Restart(ctx context.Context, i int) error {
	if err := g.launch(i); err != nil {
		return err
	}
	return g.awaitReady(ctx)
}

// Stop ends all processes the orderly way, at the same time.
func (g *Group) Stop() error { return g.each((*Process).Stop) }

// KillAll ends all processes with SIGKILL and returns when they are gone. It is
// for a service whose files nobody needs any more.
func (g *Group) KillAll() error { return g.each((*Process).Kill) }

func (g *Group) each(end func(*Process) error) error {
	all := g.Processes()
	failed := make([]error, len(all))
	var ending sync.WaitGroup
	for i, p := range all {
		if p != nil {
			ending.Go(func() { failed[i] = end(p) })
		}
	}
	ending.Wait()
	return errors.Join(failed...)
}
