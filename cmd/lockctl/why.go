package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) whyCommand() *cli.Command {
	return &cli.Command{
		Name:      "why",
		Usage:     "say why a name is not to be had: who holds it, who waits behind whom, what to do",
		ArgsUsage: "NAME",
		Description: `NAME is a reference, or with --key a concurrency key: the same text may be both.
It looks further than "get": at locks of a whole tree above a reference, at what
those in the way hold elsewhere and wait for themselves, and for circles of runs.

  lockctl why prod/db
  lockctl why --key deploy
  lockctl why prod/db -o json | jq -r '.next[].command'`,
		Flags: []cli.Flag{keyFlag(), staleFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				q := &inquiry{cluster: cluster, opts: staleness(c), runs: make(map[string]*api.RunState)}
				got, err := q.ask(ctx, kindOf(c), args[0])
				if err != nil {
					return t.answered(err)
				}
				return t.printWhy(got)
			})
		},
	}
}

func (t *tool) printWhy(e *explanation) error {
	if t.output == asTable {
		return e.write(t.stdout, t.screen)
	}
	return t.print(e, func(w io.Writer) {
		holdsHead(w)
		e.lines(w)
	})
}

// explanation is the JSON form of "why".
type explanation struct {
	*named `json:"-"`

	// Either Key or Lock is the name as the API answers it.
	Key  *api.KeyState  `json:"key,omitempty"`
	Lock *api.LockState `json:"lock,omitempty"`
	// State is free, held, delayed (a lock delay), covered (by a tree above) or
	// queued (nobody holds it, and somebody is before you).
	State string `json:"state"`
	// Above are the requests for a whole tree above the reference: newcomers wait
	// behind them.
	Above []above `json:"above"`
	// Runs are those in the way, with all that they hold and wait for.
	Runs []*api.RunState `json:"runs"`
	// Circle, if any, is runs that wait for each other; the last is the first again.
	Circle []string `json:"circle,omitempty"`
	// Next is what can be done.
	Next []step `json:"next"`
}

type above struct {
	Ref   string `json:"ref"`
	RunID string `json:"run_id"`
}

type step struct {
	Command string `json:"command"`
	Effect  string `json:"effect"`
}

// inquiry collects an explanation.
type inquiry struct {
	cluster *client.Client
	opts    []client.ReadOption
	runs    map[string]*api.RunState
	order   []string
}

func (q *inquiry) ask(ctx context.Context, k kind, name string) (*explanation, error) {
	n, err := k.get(ctx, q.cluster, name, q.opts...)
	if err != nil {
		return nil, err
	}
	e := &explanation{named: n, State: stateOf(n), Above: []above{}, Runs: []*api.RunState{}}
	switch answer := n.answer.(type) {
	case *api.KeyState:
		e.Key = answer
	case *api.LockState:
		e.Lock = answer
		if e.Above, err = q.waitingAbove(ctx, n.name); err != nil {
			return nil, err
		}
		if len(e.Above) > 0 && e.State == "free" {
			e.State = "queued"
		}
	}
	if err := q.follow(ctx, inTheWay(e)); err != nil {
		return nil, err
	}
	for _, run := range q.order {
		e.Runs = append(e.Runs, q.runs[run])
	}
	e.Circle = circle(q.order, q.runs)
	other, err := q.otherKind(ctx, e)
	if err != nil {
		return nil, err
	}
	e.Next = append(steps(e), other...)
	return e, nil
}

func stateOf(n *named) string {
	switch {
	case slices.ContainsFunc(n.holders, func(h api.Hold) bool { return h.RunID != "" }):
		return "held"
	case len(n.holders) > 0:
		return "delayed"
	case len(n.coveredBy) > 0:
		return "covered"
	case len(n.waiters) > 0:
		return "queued"
	}
	return "free"
}

// inTheWay are the runs that somebody who wants the name has before him.
func inTheWay(e *explanation) []string {
	var runs []string
	for _, h := range slices.Concat(e.holders, e.coveredBy) {
		runs = append(runs, h.RunID)
	}
	for _, w := range e.waiters {
		runs = append(runs, w.RunID)
	}
	for _, a := range e.Above {
		runs = append(runs, a.RunID)
	}
	return runs
}

// follow reads the runs, and those that they wait for, and so on.
func (q *inquiry) follow(ctx context.Context, runs []string) error {
	for len(runs) > 0 && len(q.order) < maxAsked {
		run := runs[0]
		runs = runs[1:]
		if run == "" || q.runs[run] != nil {
			continue
		}
		got, err := q.run(ctx, run)
		if err != nil {
			return err
		}
		q.order = append(q.order, run)
		if got.Request != nil {
			runs = append(runs, got.Request.BlockedBy...)
		}
	}
	return nil
}

func (q *inquiry) run(ctx context.Context, id string) (*api.RunState, error) {
	if got := q.runs[id]; got != nil {
		return got, nil
	}
	got, err := q.cluster.RunGet(ctx, id, q.opts...)
	if err != nil {
		return nil, err
	}
	q.runs[id] = got
	return got, nil
}

// waitingAbove finds the requests for a whole tree that has the reference in it.
func (q *inquiry) waitingAbove(ctx context.Context, ref string) ([]above, error) {
	found := []above{}
	for at := strings.LastIndexByte(ref, '/'); at > 0; at = strings.LastIndexByte(ref[:at], '/') {
		got, err := q.cluster.LockGet(ctx, ref[:at], q.opts...)
		if err != nil {
			return nil, err
		}
		for _, w := range got.Waiters[:min(len(got.Waiters), maxAsked)] {
			run, err := q.cluster.RunGet(ctx, w.RunID, q.opts...)
			if err != nil {
				return nil, err
			}
			if run.Request != nil && slices.ContainsFunc(run.Request.Refs, func(want api.LockWant) bool {
				return want.Ref == got.Ref && want.Scope == api.Tree
			}) {
				found = append(found, above{got.Ref, w.RunID})
			}
		}
	}
	return found, nil
}

// otherKind helps somebody who has forgotten, or not meant, --key.
func (q *inquiry) otherKind(ctx context.Context, e *explanation) ([]step, error) {
	if !e.free() {
		return nil, nil
	}
	other := keyKind
	if e.kind == other {
		other = refKind
	}
	got, err := other.get(ctx, q.cluster, e.name, q.opts...)
	if errors.Is(err, client.ErrInvalidRequest) {
		return nil, nil // no name of that kind
	}
	if err != nil || got.free() {
		return nil, err
	}
	return []step{{"lockctl why " + other.option() + quoted(got.name), "the " + string(other) + " of that name is in use"}}, nil
}

// circle finds runs that wait for each other. The cluster refuses requests that
// would close one, but slots of a key with a limit are none of its business.
func circle(order []string, runs map[string]*api.RunState) []string {
	for _, start := range order {
		if found := closing(runs, []string{start}, make(map[string]bool)); found != nil {
			return found
		}
	}
	return nil
}

// closing returns path, lengthened until it is back at its beginning.
func closing(runs map[string]*api.RunState, path []string, visited map[string]bool) []string {
	at := runs[path[len(path)-1]]
	if at == nil || at.Request == nil {
		return nil
	}
	for _, next := range at.Request.BlockedBy {
		if next == path[0] {
			return append(path, next)
		}
		if visited[next] {
			continue
		}
		visited[next] = true
		if found := closing(runs, append(slices.Clone(path), next), visited); found != nil {
			return found
		}
	}
	return nil
}
