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
	"strings"
	"syscall"

	"lockd/bench/compare"
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
	o, err := parse(ctx, args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "peers: %v\n", err)
		return exitUsage
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not done within -timeout %v", o.timeout))
	defer cancel()
	found := &report.Report{Notes: append(o.plan.Notes(), o.versions...)}
	for _, note := range found.Notes {
		fmt.Fprintln(stderr, note)
	}
	o.plan.Run(ctx, found)
	if err := o.write(found, stdout); err != nil {
		fmt.Fprintf(stderr, "peers: %v\n", err)
		return exitFailed
	}
	if len(found.Failures) > 0 {
		return exitFailed
	}
	return exitOK
}

// write prints the tables, and writes the files that were asked for.
func (o *options) write(found *report.Report, stdout io.Writer) error {
	var tables, chart strings.Builder
	if err := compare.Markdown(&tables, found, o.ours); err != nil {
		return err
	}
	if _, err := io.WriteString(stdout, tables.String()); err != nil {
		return err
	}
	if err := compare.Chart(&chart, found, o.ours); err != nil {
		return err
	}
	title := "# Against others\n\nWritten by `make bench-peers`; see [PERFORMANCE.md](../PERFORMANCE.md) for what is measured.\n\n"
	if o.svg != "" {
		title += fmt.Sprintf("![chart](%s)\n\n", filepath.Base(o.svg))
	}
	return errors.Join(writeFile(o.markdown, title+tables.String()), writeFile(o.svg, chart.String()))
}

func writeFile(path, text string) error {
	if path == "" {
		return nil
	}
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
}
