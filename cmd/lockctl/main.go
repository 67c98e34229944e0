package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"lockd/client"
)

// version is set by the linker in a release.
var version = "0.1.0-dev"

func main() {
	t := &tool{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Environ()}
	os.Exit(t.run(context.Background(), os.Args))
}

// tool is one run of lockctl.
type tool struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            []string

	// command is what followed "--".
	command []string
	// output is one of outputs.
	output string
	// screen is stdout's, errScreen stderr's.
	screen, errScreen screen
	relay             *relay
}

// getenv is a variable of the environment, or "".
func (t *tool) getenv(name string) string {
	for _, e := range t.env {
		if value, found := strings.CutPrefix(e, name+"="); found {
			return value
		}
	}
	return ""
}

// run does what args ask and returns the exit code.
func (t *tool) run(ctx context.Context, args []string) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.screen, t.errScreen = screenOf(t.stdout, t.getenv), screenOf(t.stderr, t.getenv)
	t.relay = newRelay(func(s syscall.Signal) { cancel(interrupted{s}) })
	defer t.relay.stop()

	err := t.dispatch(ctx, args)
	var own *exitError
	if err != nil && !(errors.As(err, &own) && own.err == nil) {
		t.say("%s", explain(err))
	}
	if errors.As(context.Cause(ctx), new(interrupted)) && err != nil && own == nil {
		return exitCode(context.Cause(ctx))
	}
	return exitCode(err)
}

func (t *tool) dispatch(ctx context.Context, args []string) error {
	app := t.app()
	arranged, command, err := arrange(app, args)
	if err != nil {
		return err
	}
	t.command = command
	if err := knownFlags(app, arranged); err != nil {
		return err
	}
	return app.RunContext(ctx, arranged)
}

// explain adds what to do to errors that do not say it themselves.
func explain(err error) string {
	var lines []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		lines = append(lines, printable(line))
	}
	text := strings.Join(lines, "\n")
	var refused *client.Error
	var own *exitError
	switch {
	case errors.As(err, &own) && own.code == exitUsage:
		return text + "\nTry: lockctl --help"
	case errors.As(err, &refused):
		return text
	case errors.Is(err, client.ErrUnreachable):
		return text + "\nIs the cluster running, and does LOCKD_ADDR (or --addr) name its client URLs? \"make cluster\" starts a local one."
	}
	return text
}

func (t *tool) app() *cli.App {
	app := &cli.App{
		Name:            "lockctl",
		Usage:           "locks of a lockd cluster, for scripts and people",
		UsageText:       "lockctl COMMAND [flags] [arguments]",
		Description:     description,
		Version:         version,
		HideHelpCommand: true,
		Writer:          t.stdout,
		ErrWriter:       t.stderr,
		ExitErrHandler:  func(*cli.Context, error) {},
		Flags:           t.commonFlags(),
		Commands: []*cli.Command{
			t.runCommand(),
			t.deadmanCommand(),
			t.holdCommand(),
			t.releaseCommand(),
			t.keepaliveCommand(),
			t.whyCommand(),
			t.listCommand(),
			t.watchCommand(),
			t.breakCommand(),
			t.historyCommand(),
			group("key", "concurrency keys", t.keyAcquire(), t.keyRelease(), t.getCommand(keyKind), t.pageCommand(keyKind)),
			group("lock", "reference locks", t.lockAcquire(), t.lockRelease(), t.lockDowngrade(), t.getCommand(refKind), t.pageCommand(refKind)),
			group("session", "sessions", t.sessionOpen(), t.sessionKeepalive(), t.sessionClose(), t.sessionList()),
			group("runs", "what a run holds and waits for", t.runsShow(), t.runsRelease()),
			t.statusCommand(),
			t.checkCommand(),
			group("leader", "the cluster's leader", t.leaderShow(), t.leaderTransfer()),
			t.completionCommand(),
			t.candidatesCommand(),
			t.manCommand(),
		},
		Action: needsCommand,
	}
	for _, c := range app.Commands {
		t.finish(c, app.Name)
	}
	app.Setup()
	for _, c := range app.Commands {
		c.HelpName = app.Name + " " + c.Name // Setup puts the app's name before it once more
	}
	return app
}

const description = `LOCKD_ADDR names the nodes' client URLs, separated by commas; the default is a
local cluster on ports 7410, 7420 and 7430. Flags may stand anywhere before "--".

Exit codes: 0 done, 1 not held or refused, 64 usage, 69 no cluster or no quorum,
75 occupied or the wait was over, 77 denied, 79 the lock was lost, 125 lockctl
failed, 126 and 127 CMD cannot be executed or is not found.`

func group(name, usage string, commands ...*cli.Command) *cli.Command {
	return &cli.Command{Name: name, Usage: usage, Subcommands: commands, Action: needsCommand}
}

// needsCommand shows what there is to somebody who named only half a command.
func needsCommand(c *cli.Context) error {
	c.App.Writer = c.App.ErrWriter
	if err := cli.ShowSubcommandHelp(c); err != nil {
		return err
	}
	return usageError("a command is needed")
}

// finish gives every command what all have: the common flags, its whole name,
// and usage errors as values.
func (t *tool) finish(c *cli.Command, above string) {
	c.HideHelpCommand = true
	c.HelpName = above + " " + c.Name
	if c.OnUsageError == nil {
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
			return usageError("%s: %w", c.HelpName, err)
		}
	}
	if len(c.Subcommands) == 0 {
		c.Flags = append(c.Flags, t.commonFlags()...)
	}
	for _, f := range c.Flags {
		if b, ok := f.(*cli.BoolFlag); ok {
			b.DisableDefaultText = true
		}
	}
	for _, s := range c.Subcommands {
		t.finish(s, c.HelpName)
	}
}

// arguments returns a command's arguments, which must be from least to most; a
// negative most means any number.
func arguments(c *cli.Context, least, most int) ([]string, error) {
	given := c.Args().Slice()
	if len(given) < least || most >= 0 && len(given) > most {
		return nil, usageError("%s: expected %s, got %d arguments", c.Command.HelpName, expected(least, most), len(given))
	}
	return given, nil
}

func expected(least, most int) string {
	switch {
	case most < 0:
		return fmt.Sprintf("at least %d", least)
	case least == most:
		return fmt.Sprintf("%d", least)
	}
	return fmt.Sprintf("%d to %d", least, most)
}
