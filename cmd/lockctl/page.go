package main

import (
	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

func staleFlag() cli.Flag {
	return &cli.BoolFlag{Name: "stale", Usage: "take what one node knows, however old, without asking a quorum"}
}

func readFlags() []cli.Flag { return []cli.Flag{staleFlag()} }

// staleness is how the client is told of --stale.
func staleness(c *cli.Context) []client.ReadOption {
	if c.Bool("stale") {
		return []client.ReadOption{client.Stale(nil)}
	}
	return nil
}

// pageFlags choose the part of a list that is shown.
func pageFlags() []cli.Flag {
	return []cli.Flag{
		staleFlag(),
		&cli.StringFlag{Name: "after", Usage: "begin behind `NAME`"},
		&cli.IntFlag{Name: "max", Value: api.DefaultListed, Usage: "show at most `N`"},
	}
}

func parsePage(c *cli.Context) (client.Page, error) {
	args, err := arguments(c, 0, 1)
	if err != nil {
		return client.Page{}, err
	}
	page := client.Page{After: c.String("after"), Limit: c.Int("max")}
	if page.Limit < 1 || page.Limit > api.MaxListed {
		return client.Page{}, usageError("%s: --max %d: 1 to %d", c.Command.HelpName, page.Limit, api.MaxListed)
	}
	if len(args) == 1 {
		page.Prefix = args[0]
	}
	return page, nil
}

// more tells that a list goes on.
func (t *tool) more(next string) {
	if next != "" {
		t.say("there is more: --after '%s'", printable(next))
	}
}
