package main

import (
	"context"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) historyCommand() *cli.Command {
	return &cli.Command{
		Name:      "history",
		Usage:     "show how the last holds of a name ended",
		ArgsUsage: "NAME",
		Description: `The newest comes first: released, closed (with its session), expired, broken (by
whom and why) or replaced (by a new token of the same run). The cluster remembers
the last 8 of each of the names that were used most recently.

  lockctl history prod/db
  lockctl history --key deploy -o plain | cut -f1,2`,
		Flags: []cli.Flag{keyFlag(), staleFlag()},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			ask := api.Name{Ref: args[0]}
			if kindOf(c) == keyKind {
				ask = api.Name{Key: args[0]}
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := cluster.History(ctx, ask, staleness(c)...)
				if err != nil {
					return t.answered(err)
				}
				if len(got.Endings) == 0 {
					t.say("nothing is remembered of %s", printable(args[0]))
				}
				return t.print(got, func(w io.Writer) { historyTable(w, got) })
			})
		},
	}
}

func historyTable(w io.Writer, got *api.History) {
	row(w, "ENDED", "END", "RUN", "TOKEN", "HELD", "CLIENT", "BY", "REASON")
	for _, e := range got.Endings {
		by, why := "", e.Reason
		if e.By != nil {
			why = e.By.Reason
			if e.By.Client != nil {
				by = who(*e.By.Client)
			}
		}
		from := ""
		if e.Client != nil {
			from = who(*e.Client)
		}
		row(w, e.EndedAt.Local().Format(time.DateTime), e.End, holder(api.Hold{RunID: e.RunID}), e.Token, span(e.HeldMS), from, by, why)
	}
}
