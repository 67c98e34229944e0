package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) keyAcquire() *cli.Command {
	return &cli.Command{
		Name:      "acquire",
		Usage:     "take a key, or one of its slots",
		ArgsUsage: "KEY",
		Description: `Without --session and --ttl it is held until it is released or broken.

  lockctl key acquire deploy --run-id "$BUILD_ID"
  lockctl key acquire licences --limit 5 --run-id "$BUILD_ID" --ttl 1m --wait 10m`,
		Flags: append(acquireFlags(), &cli.UintFlag{Name: "limit", Usage: "let `N` runs hold it at once; all must say the same"}),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			run, err := runID(c)
			if err != nil {
				return err
			}
			wait, err := patience(c)
			if err != nil {
				return err
			}
			ask := api.KeyAcquire{
				Key: args[0], RunID: run, Session: c.String("session"), TTL: api.Duration(c.Duration("ttl")),
				Limit: uint32(c.Uint("limit")), Wait: api.Duration(wait), Reason: c.String("reason"),
			}
			return t.call(c, wait, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.KeyAcquire(ctx, ask)
				if err != nil {
					return t.answered(err)
				}
				if got.Previous != nil {
					t.say("%s", previousText(got.Key, got.Previous))
				}
				return t.print(got, func(w io.Writer) {
					row(w, "RESULT", "KEY", "RUN", "TOKEN", "SESSION")
					row(w, got.Result, got.Key, got.RunID, got.Token, got.Session)
				})
			})
		},
	}
}
