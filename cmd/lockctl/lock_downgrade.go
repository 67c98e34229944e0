package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) lockDowngrade() *cli.Command {
	return &cli.Command{
		Name:        "downgrade",
		Usage:       "weaken a lock without letting go of it",
		ArgsUsage:   "REF",
		Description: `  lockctl lock downgrade prod/db --run-id "$BUILD_ID" --shared`,
		Flags: []cli.Flag{
			runFlag(), tokenFlag(),
			&cli.BoolFlag{Name: "shared", Usage: "from exclusive to shared"},
			&cli.BoolFlag{Name: "node", Usage: "from the tree to the reference alone"},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			run, err := runID(c)
			if err != nil {
				return err
			}
			ask := api.LockDowngrade{Ref: args[0], RunID: run, Token: c.Uint64("token")}
			if c.Bool("shared") {
				ask.Mode = api.Shared
			}
			if c.Bool("node") {
				ask.Scope = api.Node
			}
			if ask.Mode == "" && ask.Scope == "" {
				return usageError("%s: to what? Give --shared, --node or both", c.Command.HelpName)
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.LockDowngrade(ctx, ask)
				if err != nil {
					return t.answered(err)
				}
				return t.printLocks(got)
			})
		},
	}
}
