package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"
)

// version is set by the linker in a release.
var version = "0.1.0-dev"

func main() {
	relaxTimers()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Once the first signal was heard the next one has its default effect: it
	// ends the process at once.
	context.AfterFunc(ctx, stop)
	// Without this a log reader that goes away would end the node.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args, os.Environ(), os.Stdout, os.Stderr))
}

// errUsage marks an error that the caller of the command made.
var errUsage = errors.New("usage")

// run is the whole command: it serves until ctx ends and returns the exit code.
func run(ctx context.Context, args, env []string, stdout, complaints io.Writer) int {
	stderr := newLogWriter(complaints)
	defer stderr.close(lastWords)
	o := new(options)
	flags := o.flags()
	app := &cli.App{
		Name:            "lockd",
		Usage:           "one node of a replicated lock service",
		UsageText:       "lockd [flags]",
		Description:     description,
		Version:         version,
		Flags:           flags,
		HideHelpCommand: true,
		Writer:          stdout,
		ErrWriter:       stderr,
		ExitErrHandler:  func(*cli.Context, error) {},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return fmt.Errorf("%w: %w", errUsage, err)
		},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				return fmt.Errorf("%w: unexpected argument %q: lockd takes flags only", errUsage, c.Args().First())
			}
			if err := complete(c, flags, env); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			s, err := o.settle()
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			return serve(ctx, s, stderr)
		},
	}
	switch err := app.RunContext(ctx, args); {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "lockd: %v\nTry: lockd --help\n", err)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "lockd: %v\n", err)
		return exitFailed
	}
}
