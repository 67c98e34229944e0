package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lockd/api"
	"lockd/client"
)

const (
	// firstNotice is how long a wait lasts before it is told of, lookAgain how
	// often it is looked into afterwards.
	firstNotice = 100 * time.Millisecond
	lookAgain   = 3 * time.Second
	// lookTime bounds one look.
	lookTime = 2 * time.Second
	// maxBlockers bounds the runs that one notice names.
	maxBlockers = 3
)

// take waits for the lock. A cluster that does not answer at all is found out
// before the wait, which may be without end.
func (x *execution) take() (*client.Guard, error) {
	ctx, cancel := context.WithTimeout(x.c.Context, x.c.Duration("timeout"))
	defer cancel()
	if _, err := x.cluster.Leader(ctx); err != nil {
		return nil, err
	}
	ctx = x.c.Context
	options := x.options
	if !x.forever {
		wait := max(x.wait-x.local.waited(), 0)
		options = append(slices.Clone(options), client.Wait(wait))
		ctx, cancel = context.WithTimeout(ctx, wait+x.c.Duration("timeout"))
		defer cancel()
	}
	hush := x.announce(ctx)
	guard, err := x.acquire(ctx, options)
	hush()
	var refused *client.Error
	switch {
	case err == nil:
		return guard, nil
	case errors.As(err, &refused) && errors.Is(err, client.ErrOccupied):
		return nil, &exitError{x.conflict, errors.New(refusalText(&refused.Problem))}
	case errors.As(err, &refused) && exitCode(err) == exitRefused:
		return nil, &exitError{exitFailed, err}
	}
	return nil, err
}

func (x *execution) acquire(ctx context.Context, options []client.Option) (*client.Guard, error) {
	if x.key {
		return x.cluster.AcquireKey(ctx, x.names[0], options...)
	}
	refs := make([]client.Ref, len(x.names))
	for i, name := range x.names {
		refs[i] = client.Ref{Ref: name}
	}
	return x.cluster.LockAll(ctx, refs, options...)
}

// announce tells whom lockctl waits for, soon and then whenever that has changed,
// until the function returned is called, which waits for the last word.
func (x *execution) announce(ctx context.Context) (hush func()) {
	ctx, cancel := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() {
		last := ""
		timer := time.NewTimer(firstNotice)
		defer timer.Stop()
		for ; ; timer.Reset(lookAgain) {
			select {
			case <-ctx.Done():
				return
			case <-timer.C:
			}
			notice, what := x.look(ctx)
			if ctx.Err() == nil && what != last && notice != "" {
				last = what
				x.say("%s", notice)
			}
		}
	})
	return func() {
		cancel()
		told.Wait()
	}
}

// look says why the lock is not granted yet; what is the same as long as nothing
// but time has changed.
func (x *execution) look(ctx context.Context) (notice, what string) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	names := strings.Join(x.names, ", ")
	mine, err := x.cluster.RunGet(ctx, x.holding.run)
	if err != nil {
		return fmt.Sprintf("waiting for %s: the cluster does not answer at the moment", names), "unanswered"
	}
	if mine.Request == nil {
		return "", "" // granted just now, or not queued yet
	}
	r := mine.Request
	notice = fmt.Sprintf("waiting for %s, place %d in the queue", names, r.Position)
	what = fmt.Sprint(r.Position, r.BlockedBy)
	for _, run := range r.BlockedBy[:min(len(r.BlockedBy), maxBlockers)] {
		blocker, err := x.cluster.RunGet(ctx, run)
		if err == nil {
			notice += "\n  " + blockerText(blocker, wantedBy(r))
		}
	}
	if more := len(r.BlockedBy) - maxBlockers; more > 0 {
		notice += fmt.Sprintf("\n  and %d more", more)
	}
	return notice, what
}

// wantedBy lists the names that a request waits for.
func wantedBy(r *api.RunRequest) []string {
	if r.Key != "" {
		return []string{r.Key}
	}
	names := make([]string, len(r.Refs))
	for i, want := range r.Refs {
		names[i] = want.Ref
	}
	return names
}

// blockerText says what a run that is in the way holds or waits for itself.
func blockerText(run *api.RunState, wanted []string) string {
	for _, h := range run.Holds {
		name := h.Key + h.Ref
		if !slices.ContainsFunc(wanted, func(w string) bool { return related(w, name) }) {
			continue
		}
		text := fmt.Sprintf("%s is held by run %s since %s (%s)", name, run.RunID, h.AcquiredAt.Local().Format(time.TimeOnly), span(h.HeldMS))
		if from := who(h.Client); from != "" {
			text += ", " + from
		}
		if h.Reason != "" {
			text += ": " + h.Reason
		}
		return printable(text)
	}
	text := "run " + run.RunID + " waits, too, and came before"
	if run.Request != nil && who(run.Request.Client) != "" {
		text += ", " + who(run.Request.Client)
	}
	return printable(text)
}

// related says whether holds on the two names can be in each other's way.
func related(a, b string) bool {
	return a == b || strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/")
}

func sortedNames(tokens map[string]uint64) []string { return slices.Sorted(maps.Keys(tokens)) }
