package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

func (t *tool) keyList() *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "list the keys that are held or waited for",
		ArgsUsage:   "[PREFIX]",
		Description: `  lockctl key list build-`,
		Flags:       pageFlags(),
		Action: func(c *cli.Context) error {
			page, err := parsePage(c)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.KeyList(ctx, page, staleness(c)...)
				if err != nil {
					return t.answered(err)
				}
				t.more(got.Next)
				return t.print(got, func(w io.Writer) {
					holdsHead(w)
					for _, k := range got.Keys {
						holdsTable(w, k.Key, k.Holders, k.Waiters)
					}
				})
			})
		},
	}
}
