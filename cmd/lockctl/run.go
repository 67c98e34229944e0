package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

const (
	// killGrace is the time between TERM and KILL unless --kill-after says
	// otherwise; a short TTL makes it a quarter of that.
	killGrace = 5 * time.Second
	// killSlack is what KILL itself and a late clock may take, at least.
	killSlack = 100 * time.Millisecond
	// releaseTime bounds giving the lock back at the end.
	releaseTime = 5 * time.Second
)

func (t *tool) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "hold a lock while a command runs",
		ArgsUsage: "REF... -- CMD [ARG...]",
		Description: `Waits for the lock, runs CMD and gives the lock back when CMD ends, whatever CMD
left running. Several references are locked together or not at all. CMD finds
LOCKD_REF, LOCKD_RUN_ID and LOCKD_FENCE (the token) in its environment; of several
names there is one a line, sorted by name. Hand the token to whatever the
lock protects.

If the lock cannot be kept, CMD and all it started get TERM and then KILL before
the cluster may give the lock to another, and lockctl exits with 79.

  lockctl run prod/db -- ./migrate.sh
  lockctl run -n --reason nightly jobs/backup -- backup --full || exit
  lockctl run --key --limit 3 build-slots -- make all`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "shared", Usage: "share the lock with other shared ones"},
			&cli.BoolFlag{Name: "tree", Usage: "lock everything below the reference too"},
			&cli.BoolFlag{Name: "key", Usage: "lock a concurrency key instead of references"},
			&cli.UintFlag{Name: "limit", DefaultText: "the key's own, else 1", Usage: "let `N` runs hold the key at once"},
			&cli.BoolFlag{Name: "nonblock", Aliases: []string{"n"}, Usage: "do not wait if it is occupied"},
			&cli.DurationFlag{Name: "wait", Aliases: []string{"w"}, DefaultText: "as long as it takes", Usage: "wait at most `DURATION`"},
			&cli.DurationFlag{Name: "ttl", Value: client.DefaultTTL, Usage: "let the cluster give the lock away `DURATION` after it last heard of lockctl"},
			&cli.StringFlag{Name: "reason", Usage: "`TEXT` for whoever asks who holds it"},
			&cli.StringFlag{Name: "run-id", DefaultText: "one of its own", Usage: "hold it as run `ID`"},
			&cli.IntFlag{Name: "conflict-exit-code", Aliases: []string{"E"}, Value: exitOccupied, Usage: "exit with `N` if it is occupied"},
			&cli.DurationFlag{Name: "kill-after", Aliases: []string{"k"}, DefaultText: "5s, or a quarter of a shorter ttl", Usage: "when the lock is lost, KILL `DURATION` after TERM"},
		},
		Action: func(c *cli.Context) error {
			asked, err := t.parseRun(c)
			if err != nil {
				return err
			}
			return t.runHolding(c, asked)
		},
	}
}

// holding is what "run" was asked to do.
type holding struct {
	names     []string
	key       bool
	path      string
	options   []client.Option
	wait      time.Duration
	forever   bool
	killAfter time.Duration
	conflict  int
}

func (t *tool) parseRun(c *cli.Context) (*holding, error) {
	h := &holding{names: c.Args().Slice(), key: c.Bool("key"), wait: c.Duration("wait"), conflict: c.Int("conflict-exit-code")}
	ttl := c.Duration("ttl")
	h.forever = !c.IsSet("wait") && !c.Bool("nonblock")
	h.killAfter = min(killGrace, ttl/4)
	if c.IsSet("kill-after") {
		h.killAfter = c.Duration("kill-after")
	}
	switch {
	case len(h.names) == 0 || len(t.command) == 0:
		return nil, usageError("lockctl run: what to lock and what to run? Say: lockctl run REF... -- CMD [ARG...]")
	case h.key && len(h.names) > 1:
		return nil, usageError("lockctl run: only one --key at a time")
	case h.key && (c.Bool("shared") || c.Bool("tree")):
		return nil, usageError("lockctl run: --shared and --tree are for references, not for a --key")
	case !h.key && c.IsSet("limit"):
		return nil, usageError("lockctl run: --limit needs --key")
	case c.Bool("nonblock") && c.IsSet("wait"):
		return nil, usageError("lockctl run: --nonblock or --wait, not both")
	case h.wait < 0 || h.killAfter < 0:
		return nil, usageError("lockctl run: a duration cannot be negative")
	case h.killAfter+killSlack > ttl/2:
		return nil, usageError("lockctl run: --kill-after %v needs a --ttl of at least %v", h.killAfter, 2*(h.killAfter+killSlack))
	case h.conflict < 0 || h.conflict > 255:
		return nil, usageError("lockctl run: -E %d: exit codes are 0 to 255", h.conflict)
	}
	h.options = runOptions(c, h)
	var err error
	h.path, err = findCommand(t.command[0])
	return h, err
}

func runOptions(c *cli.Context, h *holding) []client.Option {
	options := []client.Option{client.TTL(c.Duration("ttl"))}
	for _, o := range []struct {
		given  bool
		option client.Option
	}{
		{!h.forever, client.Wait(h.wait)},
		{c.Bool("nonblock"), client.NoWait()},
		{c.Bool("shared"), client.Shared()},
		{c.Bool("tree"), client.Tree()},
		{c.IsSet("limit"), client.Limit(uint32(c.Uint("limit")))},
		{c.IsSet("reason"), client.Reason(c.String("reason"))},
		{c.IsSet("run-id"), client.WithRun(c.String("run-id"))},
	} {
		if o.given {
			options = append(options, o.option)
		}
	}
	return options
}

// margin is how long before the end of the lease CMD must get its TERM.
func (h *holding) margin(ttl time.Duration) time.Duration {
	return min(h.killAfter+max(killSlack, ttl/20), ttl/2)
}

// runHolding takes the lock, runs the command and gives the lock back.
func (t *tool) runHolding(c *cli.Context, h *holding) error {
	cluster, err := t.connect(c, func(config *client.Config) {
		config.TTL = c.Duration("ttl")
		config.Margin = h.margin(config.TTL)
		config.Logger = slog.New(slog.NewTextHandler(t.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), releaseTime)
		defer cancel()
		if err := cluster.Close(ctx); err != nil {
			t.say("%v", err)
		}
	}()
	guard, err := t.take(c, cluster, h)
	if err != nil {
		return err
	}
	code, lost, err := t.runUnder(c.Context, guard, h)
	if err != nil {
		t.giveBack(c, guard)
		return err
	}
	if lost {
		t.say("the lock was lost while %s ran, which was ended: %v", t.command[0], guard.Err())
		return &exitError{code: exitLost}
	}
	if !t.giveBack(c, guard) {
		return &exitError{code: exitLost}
	}
	if code != 0 {
		return &exitError{code: code}
	}
	return nil
}

// take waits for the lock. A cluster that does not answer at all is found out
// before the wait, which may be without end.
func (t *tool) take(c *cli.Context, cluster *client.Client, h *holding) (*client.Guard, error) {
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	if _, err := cluster.Leader(ctx); err != nil {
		return nil, err
	}
	ctx = c.Context
	if !h.forever {
		ctx, cancel = context.WithTimeout(ctx, h.wait+c.Duration("timeout"))
		defer cancel()
	}
	guard, err := acquireGuard(ctx, cluster, h)
	var refused *client.Error
	switch {
	case err == nil:
		return guard, nil
	case errors.As(err, &refused) && errors.Is(err, client.ErrOccupied):
		return nil, &exitError{h.conflict, errors.New(refusalText(&refused.Problem))}
	case errors.As(err, &refused) && exitCode(err) == exitRefused:
		return nil, &exitError{exitFailed, err}
	}
	return nil, err
}

func acquireGuard(ctx context.Context, cluster *client.Client, h *holding) (*client.Guard, error) {
	if h.key {
		return cluster.AcquireKey(ctx, h.names[0], h.options...)
	}
	refs := make([]client.Ref, len(h.names))
	for i, name := range h.names {
		refs[i] = client.Ref{Ref: name}
	}
	return cluster.LockAll(ctx, refs, h.options...)
}

// runUnder runs the command until it ends, or until the lock is lost.
func (t *tool) runUnder(ctx context.Context, guard *client.Guard, h *holding) (code int, lost bool, err error) {
	names, tokens := granted(guard)
	child := t.newChild(h.path, t.command, environment(t.env, map[string]string{
		"LOCKD_REF": names, "LOCKD_RUN_ID": guard.Run(), "LOCKD_FENCE": tokens,
	}), h.killAfter)
	t.relay.redirect(child.signal)
	if ctx.Err() != nil { // the signal came before
		close(child.ended)
		return 0, false, context.Cause(ctx)
	}
	if err := child.start(); err != nil {
		return 0, false, err
	}
	code, lost = child.wait(guard.Context())
	return code, lost, nil
}

// granted lists the names, in canonical form and sorted, and their tokens.
func granted(guard *client.Guard) (names, tokens string) {
	have := guard.Tokens()
	sorted := slices.Sorted(maps.Keys(have))
	values := make([]string, len(sorted))
	for i, name := range sorted {
		values[i] = strconv.FormatUint(have[name], 10)
	}
	return strings.Join(sorted, "\n"), strings.Join(values, "\n")
}

// giveBack returns false if the lock had been lost before.
func (t *tool) giveBack(c *cli.Context, guard *client.Guard) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context), releaseTime)
	defer cancel()
	err := guard.Release(ctx)
	switch {
	case errors.Is(err, client.ErrLost):
		t.say("%s ended, but the lock had been lost before: %v", t.command[0], err)
		return false
	case err != nil:
		t.say("%v", fmt.Errorf("the lock could not be given back and stays until its lease ends: %w", err))
	}
	return true
}
