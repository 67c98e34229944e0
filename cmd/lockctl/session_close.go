package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

func (t *tool) sessionClose() *cli.Command {
	return &cli.Command{
		Name:        "close",
		Usage:       "end a session and give back all that hangs on it",
		ArgsUsage:   "ID",
		Description: `  lockctl session close "$SESSION"`,
		Action: func(c *cli.Context) error {
			ids, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.SessionClose(ctx, ids[0])
				if err != nil {
					return t.answered(err)
				}
				return t.print(got, func(w io.Writer) {
					row(w, "SESSION", "RELEASED")
					row(w, ids[0], got.Released)
				})
			})
		},
	}
}
