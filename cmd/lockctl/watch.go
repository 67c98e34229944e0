package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"lockd/api"
	"lockd/client"
)

// eventKinds are what --kind takes.
var eventKinds = []api.EventKind{
	api.EventAcquired, api.EventReleased, api.EventExpired, api.EventBroken, api.EventMoved, api.EventQueued,
	api.EventLeft, api.EventSessionOpened, api.EventSessionClosed, api.EventSessionExpired, api.EventLeader,
}

func (t *tool) watchCommand() *cli.Command {
	return &cli.Command{
		Name:      "watch",
		Usage:     "show what happens, as it happens",
		ArgsUsage: "[PREFIX]",
		Description: `With PREFIX only what happens to keys and references that begin so. It goes from
node to node by itself and misses nothing on the way; if events are gone for good,
it says so and goes on. Interrupt (Ctrl-C) ends it with 0. With -o json each event
is one line; its id can be given to --after.

  lockctl watch prod/
  lockctl watch --kind expired,broken -o json | jq -r .run_id
  lockctl watch jobs/backup --kind released --count 1 && echo "it is over"`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "kind", Usage: "only these `KINDS`, separated by commas: " + joined(eventKinds, ", ")},
			&cli.StringFlag{Name: "after", Usage: "begin behind the event with that `ID`"},
			&cli.UintFlag{Name: "count", Usage: "end after `N` events"},
		},
		Action: func(c *cli.Context) error {
			args, err := arguments(c, 0, 1)
			if err != nil {
				return err
			}
			w := &watch{tool: t, left: c.Uint("count"), endless: !c.IsSet("count"), filter: client.EventFilter{After: c.String("after")}}
			if len(args) == 1 {
				w.filter.Prefix = args[0]
			}
			if w.filter.Kinds, err = parseKinds(c); err != nil {
				return err
			}
			return w.run(c)
		},
	}
}

func parseKinds(c *cli.Context) ([]api.EventKind, error) {
	var kinds []api.EventKind
	for word := range strings.SplitSeq(c.String("kind"), ",") {
		switch kind := api.EventKind(strings.TrimSpace(word)); {
		case slices.Contains(eventKinds, kind):
			kinds = append(kinds, kind)
		case word != "":
			return nil, usageError("%s: --kind %q: there are %s", c.Command.HelpName, word, joined(eventKinds, ", "))
		}
	}
	return kinds, nil
}

func joined[W ~string](words []W, by string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = string(w)
	}
	return strings.Join(all, by)
}

// watch is one run of the command.
type watch struct {
	*tool
	filter client.EventFilter
	// left counts down to the end, unless endless.
	left    uint
	endless bool
}

func (w *watch) run(c *cli.Context) error {
	cluster, err := w.connect(c, func(config *client.Config) { config.PlainHTTP = true })
	if err != nil {
		return err
	}
	// No session was opened: there is nothing to give back.
	defer func() { _ = cluster.Close(context.WithoutCancel(c.Context)) }()
	if w.filter.After == "" {
		if w.filter.After, err = now(c, cluster); err != nil {
			return w.answered(err)
		}
		w.say("watching")
	}
	for err = errMissed; errors.Is(err, errMissed); {
		err = w.pass(c, cluster)
	}
	if signalled, ok := errors.AsType[interrupted](context.Cause(c.Context)); ok && signalled.signal == syscall.SIGINT {
		return nil
	}
	return err
}

// errMissed says that the watch went on behind a gap.
var errMissed = errors.New("events were missed")

// now is the place in the order of events behind all that a read sees: with it,
// even the first connection can be resumed on another node. It finds an absent
// cluster out, too, for which the events would wait without end.
func now(c *cli.Context, cluster *client.Client) (string, error) {
	ctx, cancel := context.WithTimeout(c.Context, c.Duration("timeout"))
	defer cancel()
	got, err := cluster.KeyList(ctx, client.Page{Limit: 1})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d-%d", got.Index, uint32(math.MaxUint32)), nil
}

// pass shows events until something ends them.
func (w *watch) pass(c *cli.Context, cluster *client.Client) error {
	if !w.endless && w.left == 0 {
		return nil
	}
	for event, err := range cluster.Events(c.Context, w.filter) {
		switch {
		case errors.Is(err, client.ErrTooOld):
			if w.filter.After, err = now(c, cluster); err != nil {
				return w.answered(err)
			}
			w.say("events were missed here: no node has them any more. \"lockctl list\" shows how things are now")
			return errMissed
		case err != nil:
			return w.answered(err)
		}
		w.filter.After = event.ID
		if err := w.show(event); err != nil {
			return err
		}
		if w.endless {
			continue
		}
		if w.left--; w.left == 0 {
			return nil
		}
	}
	return nil
}

// seen is the JSON form of an event.
type seen struct {
	ID string `json:"id"`
	api.Event
}

var (
	eventHead   = []string{"TIME", "EVENT", "NAME", "RUN", "TOKEN", "REASON"}
	eventWidths = []int{12, 15, 24, 24, 8, 200}
)

func (w *watch) show(e client.Event) error {
	if w.output == asJSON {
		encoder := json.NewEncoder(w.stdout)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(seen{e.ID, e.Event})
	}
	name, run, why := e.Key+e.Ref, e.RunID, e.Reason
	switch {
	case e.Leader != nil:
		name, why = e.Leader.ID, fmt.Sprintf("term %d", e.Leader.Term)
	case name == "":
		name = e.Session
	}
	if e.Actor != "" {
		why += " (by " + e.Actor + ")"
	}
	var line strings.Builder
	row(&line, e.At.Local().Format(timeOfDay), e.Kind, name, run, token(e.Token), why)
	text := line.String()
	if w.output == asTable {
		cells := strings.Split(strings.TrimSuffix(text, "\n"), "\t")
		text = w.screen.line(eventHead, widened(cells), cells, false) + "\n"
	}
	_, err := io.WriteString(w.stdout, text)
	return err
}

const timeOfDay = "15:04:05.000"

// widened are the columns of a stream, in which later lines are not known: a
// longer cell moves those behind it and loses nothing.
func widened(cells []string) []int {
	widths := slices.Clone(eventWidths)
	for i, cell := range cells {
		widths[i] = max(widths[i], width(cell))
	}
	return widths
}
