package main

import (
	"context"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

func (t *tool) sessionList() *cli.Command {
	return &cli.Command{
		Name:        "list",
		Usage:       "list the sessions, oldest first",
		Description: `  lockctl session list`,
		Flags:       pageFlags(),
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			page, err := parsePage(c)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.SessionList(ctx, page, staleness(c)...)
				if err != nil {
					return t.answered(err)
				}
				t.more(got.Next)
				return t.print(got, func(w io.Writer) {
					row(w, "SESSION", "TTL", "LEASE", "OPENED", "HOLDS", "WAITS", "LOST", "CLIENT")
					for _, s := range got.Sessions {
						row(w, s.ID, span(s.TTLMS), lease(s.ExpiresInMS), s.OpenedAt.Local().Format(time.DateTime),
							s.Holds, s.Requests, s.Lost, who(s.Client))
					}
				})
			})
		},
	}
}
