package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

// getCommand is "key get" and "lock get".
func (t *tool) getCommand(k kind) *cli.Command {
	usage := "show who holds a key and who waits for it"
	if k == refKind {
		usage = "show who holds a reference, who waits, and which tree locks cover it"
	}
	return &cli.Command{
		Name:        "get",
		Usage:       usage,
		ArgsUsage:   k.argument(),
		Description: "\"lockctl why\" says more.\n\n  lockctl " + k.group() + " get deploy\n  lockctl " + k.group() + " get deploy -o plain | cut -f3",
		Flags:       readFlags(),
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := k.get(ctx, cluster, args[0], staleness(c)...)
				if err != nil {
					return t.answered(err)
				}
				return t.print(got.answer, func(w io.Writer) {
					holdsHead(w)
					got.lines(w)
				})
			})
		},
	}
}

// pageCommand is "key list" and "lock list".
func (t *tool) pageCommand(k kind) *cli.Command {
	return &cli.Command{
		Name:      "list",
		Usage:     "list the " + string(k) + "s that are held or waited for",
		ArgsUsage: "[PREFIX]",
		Description: "\"lockctl list\" has keys and references together.\n\n  lockctl " + k.group() + " list prod/\n" +
			"  lockctl " + k.group() + " list prod/ -o plain | cut -f1 | sort -u",
		Flags: pageFlags(),
		Action: func(c *cli.Context) error {
			page, err := parsePage(c)
			if err != nil {
				return err
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				got, err := k.list(ctx, cluster, page, staleness(c)...)
				if err != nil {
					return t.answered(err)
				}
				t.more(got.next)
				return t.print(got.answer, func(w io.Writer) {
					holdsHead(w)
					for _, n := range got.names {
						holdsTable(w, []any{n.name}, n.holders, n.waiters)
					}
				})
			})
		},
	}
}
