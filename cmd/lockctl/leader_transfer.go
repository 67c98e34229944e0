package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

func (t *tool) leaderTransfer() *cli.Command {
	return &cli.Command{
		Name:        "transfer",
		Usage:       "hand leadership to a node, or to any other",
		ArgsUsage:   "[NODE]",
		Description: `  lockctl leader transfer n2`,
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			to := ""
			if len(args) == 1 {
				to = args[0]
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				if err := cluster.LeaderTransfer(ctx, to); err != nil {
					return t.answered(err)
				}
				got, err := cluster.Leader(ctx)
				if err != nil {
					return t.answered(err)
				}
				return t.print(got, func(w io.Writer) {
					row(w, "LEADER", "TERM", "CLIENTS")
					row(w, got.ID, got.Term, got.ClientURL)
				})
			})
		},
	}
}
