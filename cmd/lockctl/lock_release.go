package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) lockRelease() *cli.Command {
	return &cli.Command{
		Name:        "release",
		Usage:       "give references back, or leave their queues; all of them or none",
		ArgsUsage:   "REF...",
		Description: `  lockctl lock release prod/db prod/api --run-id "$BUILD_ID"`,
		Flags:       []cli.Flag{runFlag(), tokenFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, api.MaxRefs)
			if err != nil {
				return err
			}
			run, err := runID(c)
			if err != nil {
				return err
			}
			if c.IsSet("token") && len(args) > 1 {
				return usageError("%s: --token goes with one reference", c.Command.HelpName)
			}
			ask := api.LockRelease{RunID: run}
			for _, ref := range args {
				ask.Refs = append(ask.Refs, api.LockGive{Ref: ref, Token: c.Uint64("token")})
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.LockRelease(ctx, ask)
				if err != nil {
					return t.answered(err)
				}
				return t.print(got, func(w io.Writer) {
					row(w, "RESULT", "REF", "RUN")
					for _, ref := range got.Refs {
						row(w, got.Result, ref, run)
					}
				})
			})
		},
	}
}
