package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) keyRelease() *cli.Command {
	return &cli.Command{
		Name:        "release",
		Usage:       "give a key back, or leave its queue",
		ArgsUsage:   "KEY",
		Description: `  lockctl key release deploy --run-id "$BUILD_ID"`,
		Flags:       []cli.Flag{runFlag(), tokenFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			run, err := runID(c)
			if err != nil {
				return err
			}
			ask := api.KeyRelease{Key: args[0], RunID: run, Token: c.Uint64("token")}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.KeyRelease(ctx, ask)
				if err != nil {
					return t.answered(err)
				}
				return t.print(got, func(w io.Writer) {
					row(w, "RESULT", "KEY", "RUN", "TOKEN")
					row(w, got.Result, got.Key, got.RunID, token(got.Token))
				})
			})
		},
	}
}
