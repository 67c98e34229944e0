package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"lockd/bench/process"
	"lockd/bench/report"
)

// Exit codes; a usage error has that of sysexits.h.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 64
)

func main() {
	process.RelaxTimers()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// Once the first signal was heard the next one has its default effect: it
	// ends the process at once, and the servers with it.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done within -timeout %v", o.timeout))
	defer cancel()
	o.plan.Progress = stderr
	found := &report.Report{Notes: o.plan.Notes()}
	for _, note := range found.Notes {
		fmt.Fprintln(stderr, note)
	}
	o.plan.Run(ctx, found)
	print := found.Table
	if o.json {
		print = found.JSON
	}
	if err := print(stdout); err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return exitFailed
	}
	if len(found.Failures) > 0 {
		return exitFailed
	}
	return exitOK
}
