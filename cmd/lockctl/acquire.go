package main

import (
	"time"

	"github.com/urfave/cli/v2"

	"lockd/api"
)

// acquireFlags are those that keys and references share.
func acquireFlags() []cli.Flag {
	return []cli.Flag{
		runFlag(),
		&cli.StringFlag{Name: "session", Usage: "hang it on session `ID` (\"lockctl session open\"): it ends with the session"},
		&cli.DurationFlag{Name: "ttl", Usage: "hang it on a session of its own, which ends `DURATION` after the last keepalive"},
		&cli.DurationFlag{Name: "wait", Aliases: []string{"w"}, Usage: "wait at most `DURATION`; needs --session or --ttl"},
		&cli.StringFlag{Name: "reason", Usage: "`TEXT` for whoever asks who holds it"},
	}
}

func runFlag() cli.Flag {
	return &cli.StringFlag{Name: "run-id", EnvVars: []string{"LOCKD_RUN_ID"}, Usage: "the run `ID` that holds it"}
}

func tokenFlag() cli.Flag {
	return &cli.Uint64Flag{Name: "token", Usage: "only if the hold has token `N`"}
}

// runID is the run that a command is about. There is no default: two scripts
// that shared one would not exclude each other.
func runID(c *cli.Context) (string, error) {
	if id := c.String("run-id"); id != "" {
		return id, nil
	}
	return "", usageError("%s: who holds it? Give --run-id ID (or LOCKD_RUN_ID), one for each execution of your script", c.Command.HelpName)
}

// patience checks the flags that say how long to wait and on whose account.
func patience(c *cli.Context) (wait time.Duration, err error) {
	wait = c.Duration("wait")
	owned := c.IsSet("session") || c.IsSet("ttl")
	switch {
	case c.IsSet("session") && c.IsSet("ttl"):
		return 0, usageError("%s: --session or --ttl, not both", c.Command.HelpName)
	case wait > 0 && !owned:
		return 0, usageError("%s: --wait needs --ttl (or --session), so that the place in the queue goes when you do", c.Command.HelpName)
	}
	return wait, nil
}

// previousText tells that the last holder ended badly.
func previousText(name string, p *api.Previous) string {
	return "the last holder of " + name + ", run " + p.RunID + ", ended badly (" + string(p.End) + "): what it protects may need a look"
}
