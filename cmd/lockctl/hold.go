package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

// holdPause is the pause between two tries of "hold --wait".
const holdPause = time.Second

func (t *tool) holdCommand() *cli.Command {
	return &cli.Command{
		Name:      "hold",
		Usage:     "hold references until you release them, whatever happens to this machine",
		ArgsUsage: "REF...",
		Description: `No session is kept: the hold outlives this command, this shell and this machine, and
ends by "lockctl release", or "lockctl break" by somebody else. Everybody sees who
holds and why. The run is USER@HOST unless --run-id says otherwise, so that
"lockctl release" on the same host finds it. If somebody else holds, or waits, the
exit code is 75; with --wait it tries again every second.

  lockctl hold prod --tree --reason "migrating disks, ask Ann"
  lockctl release prod`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "reason", Usage: "`TEXT` for whoever asks who holds it"},
			personFlag(),
			&cli.BoolFlag{Name: "shared", Usage: "share them with other shared locks"},
			&cli.BoolFlag{Name: "tree", Usage: "lock everything below them too"},
			&cli.DurationFlag{Name: "wait", Aliases: []string{"w"}, Usage: "try for `DURATION`"},
		},
		Action: t.hold,
	}
}

func personFlag() cli.Flag {
	return &cli.StringFlag{Name: "run-id", DefaultText: "USER@HOST", Usage: "the run `ID` that holds it"}
}

// personRun is the run of a person rather than of a script: the environment may be
// that of a script.
func personRun(c *cli.Context) string {
	if id := c.String("run-id"); id != "" {
		return id
	}
	return person()
}

func (t *tool) releaseCommand() *cli.Command {
	return &cli.Command{
		Name:      "release",
		Usage:     "end what \"lockctl hold\" holds",
		ArgsUsage: "REF...",
		Description: `It releases what the run USER@HOST, or --run-id, holds, and says who holds if that is
another. To give back what a script has acquired, use "lockctl lock release".

  lockctl release prod`,
		Flags: []cli.Flag{personFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, api.MaxRefs)
			if err != nil {
				return err
			}
			ask := api.LockRelease{RunID: personRun(c)}
			for _, ref := range args {
				ask.Refs = append(ask.Refs, api.LockGive{Ref: ref})
			}
			return t.releaseLocks(c, ask)
		},
	}
}

// hold acquires without a session. Only sessions can wait in the queue, so it tries
// again instead.
func (t *tool) hold(c *cli.Context) error {
	args, err := arguments(c, 1, api.MaxRefs)
	if err != nil {
		return err
	}
	if c.String("reason") == "" {
		return usageError("%s: why? --reason is what others will see", c.Command.HelpName)
	}
	ask := api.LockAcquire{Refs: wants(c, args), RunID: personRun(c), Reason: c.String("reason")}
	return t.call(c, c.Duration("wait"), func(ctx context.Context, cluster *client.Client) error {
		got, err := tryUntil(ctx, c.Duration("wait"), func() (*api.LockAcquired, error) { return cluster.LockAcquire(ctx, ask) },
			func(err error) { t.say("%v; trying for %v", refusedText(err), c.Duration("wait")) })
		if err != nil {
			return t.answered(err)
		}
		if got.Reentrant {
			t.say("run %s held this before", printable(got.RunID))
		}
		return t.printLocks(got)
	})
}

// refusedText is a refusal in words.
func refusedText(err error) string {
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return refusalText(&refused.Problem)
	}
	return fmt.Sprint(err)
}

// tryUntil repeats a try that finds the lock occupied until the time is over; told
// is called once.
func tryUntil(ctx context.Context, wait time.Duration, try func() (*api.LockAcquired, error), told func(error)) (*api.LockAcquired, error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for end, first := sinceBoot()+wait, true; ; first = false {
		got, err := try()
		if err == nil || !errors.Is(err, client.ErrOccupied) || sinceBoot() >= end {
			return got, err
		}
		if first {
			told(err)
		}
		timer.Reset(min(holdPause, end-sinceBoot()))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
