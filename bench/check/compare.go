package main

import (
	"bytes"
	"fmt"
	"text/tabwriter"
)

// A column is one of the figures, and how much worse it may get.
type column struct {
	unit   string
	of     func(figures) uint64
	spare  float64
	native bool // comparable on the baseline's own platform only
}

// A figure that got better by more than this should be written down.
const muchBetter = 0.10

var columns = []column{
	{"allocs/op", func(f figures) uint64 { return f.allocations }, 0.01, false},
	{"B/op", func(f figures) uint64 { return f.bytes }, 0.05, false},
	{"instructions/op", func(f figures) uint64 { return f.instructions }, 0.05, true},
}

// changes are what a comparison found, as rows of a table.
type changes struct {
	worse, better []string
	// missing says where benchmarks and baseline do not match.
	missing []string
}

// compare compares what was measured now with the baseline, in the order of the
// names given.
func compare(names []string, base *baseline, now map[string]figures, platform string) changes {
	var found changes
	known := 0
	for _, name := range names {
		was, has := base.of[name]
		if !has {
			found.missing = append(found.missing, name+" is not in the baseline")
			continue
		}
		known++
		for _, c := range columns {
			before, after := c.of(was), c.of(now[name])
			if c.native && (before == 0 || after == 0 || platform != base.platform) {
				continue
			}
			row := fmt.Sprintf("%s\t%d\t%d\t%s\t%s", name, before, after, c.unit, ratio(before, after))
			switch {
			case float64(after) > float64(before)*(1+c.spare):
				found.worse = append(found.worse, row)
			case float64(after) < float64(before)*(1-muchBetter):
				found.better = append(found.better, row)
			}
		}
	}
	if known < len(base.of) {
		found.missing = append(found.missing, fmt.Sprintf("%d of the baseline's lines are of no benchmark that there is", len(base.of)-known))
	}
	return found
}

func ratio(before, after uint64) string {
	if before == 0 {
		return ""
	}
	return fmt.Sprintf("%+.1f %%", 100*(float64(after)/float64(before)-1))
}

// table lays out rows.
func table(rows []string) string {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "  benchmark\tbaseline\tnow\t\t")
	for _, row := range rows {
		fmt.Fprintln(w, "  "+row)
	}
	w.Flush()
	return text.String()
}
