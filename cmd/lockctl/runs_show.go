package main

import (
	"context"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) runsShow() *cli.Command {
	return &cli.Command{
		Name:        "show",
		Usage:       "show what a run holds and waits for",
		ArgsUsage:   "RUN",
		Description: `  lockctl runs show "$BUILD_ID"`,
		Flags:       readFlags(),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.RunGet(ctx, args[0], staleness(c)...)
				if err != nil {
					return t.answered(err)
				}
				return t.print(got, func(w io.Writer) { runTable(w, got) })
			})
		},
	}
}

func runTable(w io.Writer, run *api.RunState) {
	row(w, "STATE", "NAME", "MODE", "TOKEN", "FOR", "LEASE", "CLIENT", "REASON")
	for _, h := range run.Holds {
		row(w, "holds", h.Key+h.Ref, how(h.Hold), h.Token, span(h.HeldMS), lease(h.ExpiresInMS), who(h.Client), h.Reason)
	}
	if r := run.Request; r != nil {
		row(w, "waits", strings.Join(wantedBy(r), " "), "", "", span(r.WaitedMS), "", who(r.Client),
			behind(r.BlockedBy))
	}
}
