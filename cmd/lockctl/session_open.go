package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) sessionOpen() *cli.Command {
	return &cli.Command{
		Name:  "open",
		Usage: "open a session, on which locks can hang",
		Description: `It ends, with all its locks, when no keepalive comes for its TTL.

  lockctl session open --ttl 5m -o json | jq -r .id`,
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "ttl", Value: client.DefaultTTL, Usage: "end it `DURATION` after the last keepalive"},
			&cli.DurationFlag{Name: "lock-delay", Usage: "if it expires, keep its locks closed for `DURATION`"},
			&cli.StringFlag{Name: "client-name", Usage: "`NAME` for whoever asks who holds its locks"},
			&cli.StringFlag{Name: "client-host", Usage: "`HOST` likewise"},
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			ask := api.SessionOpen{TTL: api.Duration(c.Duration("ttl")), LockDelay: api.Duration(c.Duration("lock-delay"))}
			if name, host := c.String("client-name"), c.String("client-host"); name+host != "" {
				ask.Client = &api.Client{Name: name, Host: host}
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.SessionOpen(ctx, ask)
				if err != nil {
					return t.answered(err)
				}
				return t.print(got, func(w io.Writer) {
					row(w, "SESSION", "TTL", "LOCK DELAY")
					row(w, got.ID, span(got.TTLMS), span(got.LockDelayMS))
				})
			})
		},
	}
}
