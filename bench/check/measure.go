package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// measurement is one run of the program over all benchmarks.
type measurement struct {
	// root is the repository, and dir a folder for test binaries.
	root, dir string
	// counted says that instructions are counted.
	counted bool
	built   map[string]bool
}

// all measures every benchmark.
func (m *measurement) all(ctx context.Context) (map[string]figures, error) {
	of := make(map[string]figures)
	for i := range benchmarks {
		b := &benchmarks[i]
		f, err := m.one(ctx, b)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", b.name(), err)
		}
		of[b.name()] = f
	}
	return of, nil
}

func (m *measurement) one(ctx context.Context, b *benchmark) (figures, error) {
	if err := m.build(ctx, b.folder); err != nil {
		return figures{}, err
	}
	f, once, err := m.run(ctx, b, b.operations)
	if err != nil || !m.counted {
		return f, err
	}
	// What a process does beside its operations is the same whatever their number.
	_, twice, err := m.run(ctx, b, 2*b.operations)
	if err != nil {
		return f, err
	}
	if twice <= once {
		return f, fmt.Errorf("%d instructions for %d operations, and %d for twice as many", once, b.operations, twice)
	}
	f.instructions = (twice - once) / uint64(b.operations)
	return f, nil
}

func (m *measurement) binary(folder string) string {
	return filepath.Join(m.dir, filepath.Base(folder)+".test")
}

// build builds the tests of a package, once.
func (m *measurement) build(ctx context.Context, folder string) error {
	if m.built[folder] {
		return nil
	}
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", m.binary(folder), "./"+folder)
	cmd.Dir, cmd.Stderr = m.root, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build its tests: %w", err)
	}
	m.built[folder] = true
	return nil
}

// run measures that many operations, and how many instructions the whole process
// took if they are counted.
func (m *measurement) run(ctx context.Context, b *benchmark, operations int) (f figures, instructions uint64, err error) {
	cmd := exec.CommandContext(ctx, m.binary(b.folder), "-test.run=^$", "-test.bench="+b.pattern(), "-test.benchmem",
		"-test.benchtime="+strconv.Itoa(operations)+"x", "-test.cpu=1", "-test.timeout=1m")
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Join(m.root, b.folder), &out, &out
	cmd.Env = append(os.Environ(), "GOGC=off", "GODEBUG=", "GOMEMLIMIT=off")
	if m.counted {
		instructions, err = countDuring(hardwareInstructions, cmd.Run)
	} else {
		err = cmd.Run()
	}
	if err == nil {
		f, err = parseResult(out.String())
	}
	if err != nil {
		return f, 0, fmt.Errorf("%w\n%s", err, out.String())
	}
	return f, instructions, nil
}

// parseResult finds the one line of a benchmark's result.
func parseResult(out string) (figures, error) {
	var f figures
	found := 0
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "Benchmark") {
			continue
		}
		fields := strings.Fields(line)
		for i := 1; i < len(fields); i++ {
			to := &f.bytes
			switch fields[i] {
			case "B/op":
			case "allocs/op":
				to = &f.allocations
			default:
				continue
			}
			n, err := strconv.ParseUint(fields[i-1], 10, 64)
			if err != nil {
				return f, err
			}
			*to = n
			found++
		}
	}
	if found != 2 {
		return f, fmt.Errorf("%d figures were printed, want bytes and allocations of one benchmark", found)
	}
	return f, nil
}
