package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) listCommand() *cli.Command {
	return &cli.Command{
		Name:      "list",
		Usage:     "list all that is held or waited for, keys and references",
		ArgsUsage: "[PREFIX]",
		Description: `One line a name. With --holders one a hold, with --waiters one a waiting request,
with both all of these; names that have none of what was asked for are left out.

  lockctl list
  lockctl list prod/ --holders
  lockctl list --waiters -o plain | cut -f4 | sort | uniq -c`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "holders", Usage: "one line for each hold"},
			&cli.BoolFlag{Name: "waiters", Usage: "one line for each waiting request"},
			&cli.IntFlag{Name: "max", Value: defaultNames, Usage: "show at most `N` keys and N references"},
			staleFlag(),
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			most := c.Int("max")
			if most < 1 {
				return usageError("%s: --max %d: at least 1", c.Command.HelpName, most)
			}
			page := client.Page{}
			if len(args) == 1 {
				page.Prefix = args[0]
			}
			return t.call(c, 0, func(ctx context.Context, cluster *client.Client) error {
				l, err := listAll(ctx, cluster, page, most, staleness(c))
				if err != nil {
					return t.answered(err)
				}
				l.only(c.Bool("holders"), c.Bool("waiters"))
				if l.More {
					t.say("there is more: --max %d was reached; give a longer PREFIX or a larger --max", most)
				}
				return t.print(l, func(w io.Writer) { l.rows(w, c.Bool("holders") || c.Bool("waiters")) })
			})
		},
	}
}

// listing is the JSON form of "list".
type listing struct {
	Keys  []*api.KeyState  `json:"keys"`
	Locks []*api.LockState `json:"locks"`
	// More says that --max left names out.
	More bool `json:"more"`
}

func listAll(ctx context.Context, cluster *client.Client, page client.Page, most int, opts []client.ReadOption) (*listing, error) {
	l := &listing{Keys: []*api.KeyState{}, Locks: []*api.LockState{}}
	for _, k := range []kind{keyKind, refKind} {
		names, next, err := k.all(ctx, cluster, page, most, opts...)
		if err != nil {
			return nil, err
		}
		l.More = l.More || next != ""
		for _, n := range names {
			switch answer := n.answer.(type) {
			case *api.KeyState:
				l.Keys = append(l.Keys, answer)
			case *api.LockState:
				l.Locks = append(l.Locks, answer)
			}
		}
	}
	return l, nil
}

// only leaves holds, requests, or (of neither asked) both.
func (l *listing) only(holders, waiters bool) {
	if holders == waiters {
		return
	}
	keys, locks := l.Keys[:0], l.Locks[:0]
	for _, k := range l.Keys {
		if strip(&k.Holders, &k.Waiters, holders) {
			keys = append(keys, k)
		}
	}
	for _, r := range l.Locks {
		if strip(&r.Holders, &r.Waiters, holders) {
			locks = append(locks, r)
		}
	}
	l.Keys, l.Locks = keys, locks
}

// strip empties what was not asked for and says whether anything is left.
func strip(holders *[]api.Hold, waiters *[]api.Wait, wantHolders bool) bool {
	if wantHolders {
		*waiters = []api.Wait{}
	} else {
		*holders = []api.Hold{}
	}
	return len(*holders)+len(*waiters) > 0
}

func (l *listing) rows(w io.Writer, each bool) {
	var names []*named
	for _, k := range l.Keys {
		names = append(names, ofKey(k))
	}
	for _, r := range l.Locks {
		names = append(names, ofRef(r))
	}
	if each {
		row(w, "KIND", "NAME", "STATE", "RUN", "MODE", "TOKEN", "FOR", "LEASE", "CLIENT", "REASON")
		for _, n := range names {
			holdsTable(w, []any{n.kind, n.name}, n.holders, n.waiters)
		}
		return
	}
	row(w, "KIND", "NAME", "HOLDERS", "WAITING", "RUN", "FOR", "CLIENT", "REASON")
	for _, n := range names {
		if len(n.holders) == 0 {
			row(w, n.kind, n.name, 0, len(n.waiters), "", "", "", "")
			continue
		}
		h := n.holders[0]
		row(w, n.kind, n.name, len(n.holders), len(n.waiters), holder(h), span(h.HeldMS), who(h.Client), h.Reason)
	}
}
