package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

func (t *tool) leaderShow() *cli.Command {
	return &cli.Command{
		Name:        "show",
		Usage:       "show which node leads",
		Description: `  lockctl leader show`,
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
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

// noLeader says what a cluster without a leader needs.
func noLeader(node string, healthy, voters int) error {
	return fmt.Errorf("%s knows no leader; it reaches %d of %d voters, and more than half are needed: start the others, or wait for the election to end",
		node, healthy, voters)
}
