package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

func (t *tool) keyGet() *cli.Command {
	return &cli.Command{
		Name:        "get",
		Usage:       "show who holds a key and who waits for it",
		ArgsUsage:   "KEY",
		Description: `  lockctl key get deploy`,
		Flags:       readFlags(),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.KeyGet(ctx, args[0], staleness(c)...)
				if err != nil {
					return t.answered(err)
				}
				return t.print(got, func(w io.Writer) {
					holdsHead(w)
					holdsTable(w, got.Key, got.Holders, got.Waiters)
					if len(got.Holders)+len(got.Waiters) == 0 {
						row(w, got.Key, "free")
					}
				})
			})
		},
	}
}
