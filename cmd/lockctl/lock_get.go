package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

func (t *tool) lockGet() *cli.Command {
	return &cli.Command{
		Name:        "get",
		Usage:       "show who holds a reference, who waits, and which tree locks cover it",
		ArgsUsage:   "REF",
		Description: `  lockctl lock get prod/db`,
		Flags:       readFlags(),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.LockGet(ctx, args[0], staleness(c)...)
				if err != nil {
					return t.answered(err)
				}
				return t.print(got, func(w io.Writer) {
					holdsHead(w)
					holdsTable(w, got.Ref, got.Holders, got.Waiters)
					for _, h := range got.CoveredBy {
						row(w, got.Ref, "covered by", holder(h), how(h), h.Token, span(h.HeldMS), lease(h.ExpiresInMS), who(h.Client), h.Reason)
					}
					if len(got.Holders)+len(got.Waiters)+len(got.CoveredBy) == 0 {
						row(w, got.Ref, "free")
					}
				})
			})
		},
	}
}
