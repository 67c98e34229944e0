package main

import (
	"bufio"
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// figures are what one operation costs.
type figures struct {
	allocations, bytes uint64
	// instructions is zero where they were not counted.
	instructions uint64
}

// A baseline is what was measured once.
type baseline struct {
	// platform is the version of Go and the kind of machine. Other ones allocate
	// otherwise, and have other instructions.
	platform string
	of       map[string]figures
}

// here is the platform that this program runs on.
func here() string { return runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH }

const (
	platformMark   = "# platform: "
	notCounted     = "-"
	baselineHeader = `# What one operation costs. Written by make bench-baseline; do not edit.
` + platformMark + `%s
# benchmark, allocations, bytes, instructions (- where they could not be counted)
`
)

// format returns the baseline as text, one line a benchmark, sorted.
func (b *baseline) format() []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, baselineHeader, b.platform)
	var names []string
	for name := range b.of {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		f := b.of[name]
		fmt.Fprintf(&text, "%-36s %8d %10d %10s\n", name, f.allocations, f.bytes, instructions(f.instructions))
	}
	return text.Bytes()
}

func instructions(n uint64) string {
	if n == 0 {
		return notCounted
	}
	return strconv.FormatUint(n, 10)
}

// parseBaseline is the inverse of format.
func parseBaseline(text []byte) (*baseline, error) {
	b := &baseline{of: make(map[string]figures)}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if platform, found := strings.CutPrefix(line, platformMark); found {
			b.platform = platform
		}
		if line == "" || line[0] == '#' {
			continue
		}
		fields := strings.Fields(line)
		if len(fields) != 4 {
			return nil, fmt.Errorf("line %d: %d columns, want 4", n, len(fields))
		}
		if fields[3] == notCounted {
			fields[3] = "0"
		}
		var numbers [3]uint64
		for i, field := range fields[1:] {
			number, err := strconv.ParseUint(field, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			numbers[i] = number
		}
		b.of[fields[0]] = figures{numbers[0], numbers[1], numbers[2]}
	}
	return b, lines.Err()
}
