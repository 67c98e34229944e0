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
	"time"
)

// limit bounds everything, on a machine however busy.
const limit = 10 * time.Minute

func main() {
	update := flag.Bool("update", false, "write the baseline instead of comparing with it")
	root := flag.String("root", "..", "the repository")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	good, err := run(ctx, *root, *update, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-check:", err)
	}
	if err != nil || !good {
		os.Exit(1)
	}
}

// run measures, and compares with the baseline or writes it. It reports whether
// nothing got worse.
func run(ctx context.Context, root string, update bool, out io.Writer) (good bool, err error) {
	root, err = filepath.Abs(root)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "bench-check-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	_, err = countDuring(hardwareInstructions, func() error { return nil })
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return false, err
	}
	m := &measurement{root: root, dir: dir, counted: err == nil, built: make(map[string]bool)}
	if !m.counted {
		fmt.Fprintf(out, "Instructions are not compared: %v\n", err)
	}
	now, err := m.all(ctx)
	if err != nil {
		return false, err
	}
	file := filepath.Join(root, "bench", "check", "baseline.txt")
	if update {
		b := &baseline{platform: here(), of: now}
		return true, os.WriteFile(file, b.format(), 0o644)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return false, err
	}
	base, err := parseBaseline(text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", file, err)
	}
	var names []string
	for i := range benchmarks {
		names = append(names, benchmarks[i].name())
	}
	found := compare(names, base, now, here())
	found.report(out, base, m.counted)
	return len(found.worse)+len(found.missing) == 0, nil
}

// report says what was found, and what to do about it.
func (c *changes) report(out io.Writer, base *baseline, counted bool) {
	if base.platform != here() {
		fmt.Fprintf(out, "The baseline is from %s and this is %s: small differences may be theirs.\n", base.platform, here())
	}
	if counted && !base.counted() {
		fmt.Fprintln(out, "This machine counts instructions and the baseline has none: make bench-baseline adds them.")
	}
	if len(c.worse) > 0 {
		fmt.Fprintf(out, "Worse than the baseline:\n%sIf that is meant: make bench-baseline, and say in the commit why.\n", table(c.worse))
	}
	if len(c.missing) > 0 {
		fmt.Fprintf(out, "The baseline is of other benchmarks; make bench-baseline writes it anew:\n  %s\n", strings.Join(c.missing, "\n  "))
	}
	if len(c.better) > 0 {
		fmt.Fprintf(out, "Better by more than 10 %%; make bench-baseline keeps it so:\n%s", table(c.better))
	}
	if len(c.worse)+len(c.missing) == 0 {
		fmt.Fprintf(out, "%d benchmarks are no worse than the baseline.\n", len(benchmarks))
	}
}

// counted reports whether the baseline has instructions.
func (b *baseline) counted() bool {
	for _, f := range b.of {
		if f.instructions > 0 {
			return true
		}
	}
	return false
}
