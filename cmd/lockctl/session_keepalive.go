package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) sessionKeepalive() *cli.Command {
	return &cli.Command{
		Name:        "keepalive",
		Usage:       "say that the owners of sessions are alive; exit 1 if one is gone",
		ArgsUsage:   "ID...",
		Description: `  lockctl session keepalive "$SESSION" || exit`,
		Action: func(c *cli.Context) error {
			ids, err := arguments(c, 1, api.MaxKeepalives)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.SessionKeepalives(ctx, ids)
				if err != nil {
					return t.answered(err)
				}
				err = t.print(got, func(w io.Writer) {
					row(w, "SESSION", "STATE", "LEASE", "HOLDS LOST")
					for _, s := range got.Alive {
						row(w, s.ID, "alive", span(s.ExpiresInMS), s.Lost)
					}
					for _, id := range got.Gone {
						row(w, id, "gone", "", "")
					}
				})
				if err == nil && len(got.Gone) > 0 {
					err = &exitError{exitRefused, fmt.Errorf("%d of %d sessions are gone, with all that hung on them", len(got.Gone), len(ids))}
				}
				return err
			})
		},
	}
}
