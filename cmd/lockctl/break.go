package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func (t *tool) breakCommand() *cli.Command {
	return &cli.Command{
		Name:      "break",
		Usage:     "take a hold away from its holder, after a look at it",
		ArgsUsage: "NAME",
		Description: `It shows who holds NAME, and breaks that hold and no later one: either --token
names it, or you type NAME on the terminal. Whoever held it is told, and may go on
nevertheless: make sure that it is dead, or that what the lock protects checks
tokens. The reason is kept in "lockctl history".

  lockctl break prod/db --reason "build7 is gone"
  lockctl break prod/db --token 1234 --reason "build7 is gone"
  lockctl break --key deploy --token 1234 --reason "build7 is gone"`,
		Flags: []cli.Flag{
			keyFlag(),
			&cli.Uint64Flag{Name: "token", Usage: "the hold with token `N`; no confirmation is asked for"},
			&cli.StringFlag{Name: "reason", Usage: "why, for its holder and for the history (required)"},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 1, 1)
			if err != nil {
				return err
			}
			if c.String("reason") == "" {
				return usageError("%s: why? Give --reason TEXT; it is kept for whoever wonders", c.Command.HelpName)
			}
			cluster, err := t.connect(c, func(config *client.Config) { config.PlainHTTP = true })
			if err != nil {
				return err
			}
			// No session was opened: there is nothing to give back.
			defer func() { _ = cluster.Close(context.WithoutCancel(c.Context)) }()
			return t.breakHold(c, cluster, kindOf(c), args[0])
		},
	}
}

func (t *tool) breakHold(c *cli.Context, cluster *client.Client, k kind, name string) error {
	got, err := t.lookBefore(c, cluster, k, name)
	if err != nil {
		return err
	}
	token, err := t.chooseHold(c, got)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	broken, err := k.take(ctx, cluster, got.name, token, c.String("reason"))
	if err != nil {
		return t.answered(err)
	}
	return t.print(broken, func(w io.Writer) {
		row(w, "RESULT", "NAME", "RUN", "TOKEN")
		row(w, broken.Result, got.name, holder(api.Hold{RunID: broken.RunID}), broken.Token)
	})
}

// lookBefore reads the name and shows, on stderr, what is about to be broken.
func (t *tool) lookBefore(c *cli.Context, cluster *client.Client, k kind, name string) (*named, error) {
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	got, err := k.get(ctx, cluster, name)
	if err != nil {
		return nil, t.answered(err)
	}
	if len(got.holders) == 0 {
		return nil, &exitError{exitRefused, fmt.Errorf("nobody holds %s itself, so there is nothing to break; \"lockctl why %s%s\" says what is in the way",
			printable(got.name), k.option(), quoted(got.name))}
	}
	return got, t.printRows(t.stderr, t.errScreen, func(w io.Writer) {
		holdsHead(w)
		holdsTable(w, []any{got.name}, got.holders, nil)
	})
}

// chooseHold says which hold is meant, and that it is meant.
func (t *tool) chooseHold(c *cli.Context, n *named) (token uint64, err error) {
	if c.IsSet("token") {
		return c.Uint64("token"), nil
	}
	reason := c.String("reason")
	if len(n.holders) > 1 {
		text := fmt.Sprintf("%s has %d holders: which one? Say one of these:", printable(n.name), len(n.holders))
		for _, h := range n.holders {
			text += "\n  " + breakLine(n, h, reason)
		}
		return 0, &exitError{exitUsage, fmt.Errorf("%s", text)}
	}
	if _, ok := terminalSize(t.stdin); !ok {
		return 0, usageError("there is nobody to confirm it: if that hold is to be broken, say\n  %s", breakLine(n, n.holders[0], reason))
	}
	fmt.Fprintf(t.stderr, "Type %s to break it: ", printable(n.name))
	typed, err := t.readLine(c.Context)
	if err != nil {
		return 0, err
	}
	if typed != n.name {
		return 0, &exitError{exitRefused, fmt.Errorf("%s was not typed: it stays as it is", printable(n.name))}
	}
	return n.holders[0].Token, nil
}

// self is what the history says of whoever broke a hold.
func self() *api.Client {
	// A machine without a name has none in the history.
	host, _ := os.Hostname()
	return &api.Client{Name: printable(filepath.Base(os.Args[0])), Host: printable(host), PID: uint32(os.Getpid())}
}
