package main

import (
	"context"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) lockRelease() *cli.Command {
	return &cli.Command{
		Name:      "release",
		Usage:     "give references back, or leave their queues; all of them or none",
		ArgsUsage: "[REF...]",
		Description: `Without arguments it gives back what "lockctl lock acquire --export" has put into the
environment: these references with these tokens, and nothing acquired since. Exit
code 1 says that one of them is not held any more.

  lockctl lock release || echo "the lock was lost on the way"
  lockctl lock release prod/db prod/api --run-id "$BUILD_ID"`,
		Flags: []cli.Flag{runFlag(), tokenFlag()},
		Action: func(c *cli.Context) error {
			run, err := runID(c)
			if err != nil {
				return err
			}
			gives, err := t.gives(c)
			if err != nil {
				return err
			}
			return t.releaseLocks(c, api.LockRelease{RunID: run, Refs: gives})
		},
	}
}

// gives lists what is to be given back: the arguments, or what the environment
// remembers.
func (t *tool) gives(c *cli.Context) ([]api.LockGive, error) {
	args, err := arguments(c, 0, api.MaxRefs)
	if err != nil {
		return nil, err
	}
	if c.IsSet("token") && len(args) != 1 {
		return nil, usageError("%s: --token goes with one reference", c.Command.HelpName)
	}
	var gives []api.LockGive
	for _, ref := range args {
		gives = append(gives, api.LockGive{Ref: ref, Token: c.Uint64("token")})
	}
	if len(args) > 0 {
		return gives, nil
	}
	refs, tokens := t.getenv("LOCKD_REF"), strings.Split(t.getenv("LOCKD_FENCE"), "\n")
	if refs == "" {
		return nil, usageError("%s: what? Name references, or let \"lockctl lock acquire --export\" set LOCKD_REF", c.Command.HelpName)
	}
	for i, ref := range strings.Split(refs, "\n") {
		if i >= len(tokens) {
			return nil, usageError("%s: LOCKD_FENCE has fewer lines than LOCKD_REF", c.Command.HelpName)
		}
		token, err := strconv.ParseUint(tokens[i], 10, 64)
		if err != nil {
			return nil, usageError("%s: LOCKD_FENCE is no token: %w", c.Command.HelpName, err)
		}
		gives = append(gives, api.LockGive{Ref: ref, Token: token})
	}
	return gives, nil
}

func (t *tool) releaseLocks(c *cli.Context, ask api.LockRelease) error {
	return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
		got, err := cluster.LockRelease(ctx, ask)
		if err != nil {
			return t.notHeld(ctx, cluster, ask, err)
		}
		return t.print(got, func(w io.Writer) {
			row(w, "RESULT", "REF", "RUN")
			for _, ref := range got.Refs {
				row(w, got.Result, ref, ask.RunID)
			}
		})
	})
}

// notHeld tells, of a release that was refused, who holds instead.
func (t *tool) notHeld(ctx context.Context, cluster *client.Client, ask api.LockRelease, err error) error {
	told := t.answered(err)
	if !errors.Is(err, client.ErrNotHeld) {
		return told
	}
	for _, give := range ask.Refs {
		state, err := cluster.LockGet(ctx, give.Ref)
		if err != nil {
			return told // which is what was asked
		}
		for _, h := range state.Holders {
			if h.RunID != ask.RunID {
				t.say("%s is held by run %s, not %s: give --run-id, or see \"lockctl break --help\"",
					printable(give.Ref), printable(holder(h)), printable(ask.RunID))
			}
		}
	}
	return told
}
