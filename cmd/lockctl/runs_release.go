package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

func (t *tool) runsRelease() *cli.Command {
	return &cli.Command{
		Name:        "release",
		Usage:       "give back all that a run holds, and end its waiting",
		ArgsUsage:   "RUN",
		Description: `  lockctl runs release "$BUILD_ID"`,
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.RunRelease(ctx, args[0])
				if err != nil {
					return t.answered(err)
				}
				return t.print(got, func(w io.Writer) {
					row(w, "RUN", "RELEASED")
					row(w, args[0], got.Released)
				})
			})
		},
	}
}
