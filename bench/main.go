package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"lockd/bench/report"
	"lockd/bench/system"
	"lockd/bench/work"
)

// Exit codes; a usage error has that of sysexits.h.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 64
)

func main() {
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
	found := &report.Report{Notes: notes(o)}
	for _, note := range found.Notes {
		fmt.Fprintln(stderr, note)
	}
	o.measure(ctx, found, stderr)
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

// measure carries out all workloads in every round. Systems take turns within a
// round, so that what else the machine does meets them alike. Each workload has
// a service of its own, so that none measures what another has left.
func (o *options) measure(ctx context.Context, found *report.Report, stderr io.Writer) {
	failed := make(map[string]bool)
	for round := range o.rounds {
		for _, w := range o.workloads {
			for _, driver := range o.drivers {
				id := w.ID + " " + driver.Name()
				if failed[id] || ctx.Err() != nil {
					continue
				}
				fmt.Fprintf(stderr, "round %d of %d: %s on %s\n", round+1, o.rounds, w.ID, driver.Name())
				err := o.once(ctx, w, driver, round, found, stderr)
				switch {
				case errors.Is(err, errors.ErrUnsupported):
					failed[id] = true
					fmt.Fprintf(stderr, "left out: %v\n", err)
				case err != nil:
					failed[id] = true
					found.Failures = append(found.Failures, err.Error())
					fmt.Fprintf(stderr, "FAILED: %v\n", err)
				}
			}
		}
	}
	if ctx.Err() != nil {
		found.Failures = append(found.Failures, "ended early: "+context.Cause(ctx).Error())
	}
}

// once runs one workload on a service of its own.
func (o *options) once(ctx context.Context, w work.Workload, driver system.Driver, round int, found *report.Report, stderr io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "bench-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && !errors.Is(err, errors.ErrUnsupported) && o.keep {
			fmt.Fprintf(stderr, "files of the failed service: %s\n", dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	service, err := driver.Start(ctx, system.Site{Dir: dir, Port: o.port})
	if err != nil {
		return fmt.Errorf("start %s: %w", driver.Name(), err)
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	return w.Run(ctx, work.Round{
		Config: o.config, System: driver.Name(), Service: service, Number: round, Report: found.Add,
		Progress: func(format string, args ...any) {
			fmt.Fprintf(stderr, "%s "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
		},
	})
}
