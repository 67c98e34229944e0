package main

import (
	"errors"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"
)

var one = []string{"gate/X"}

func compared(before, after figures, platform string) changes {
	base := &baseline{platform: "here", of: map[string]figures{"gate/X": before}}
	return compare(one, base, map[string]figures{"gate/X": after}, platform)
}

func TestWhatGotWorseIsFoundAndWhatGotMuchBetterIsTold(t *testing.T) {
	was := figures{allocations: 200, bytes: 1000, instructions: 10_000}
	for _, c := range []struct {
		name          string
		now           figures
		platform      string
		worse, better string
	}{
		{"the same", was, "here", "", ""},
		{"an allocation within 1 %", figures{202, 1000, 10_000}, "here", "", ""},
		{"allocations", figures{203, 1000, 10_000}, "here", "allocs/op", ""},
		{"bytes within 5 %", figures{200, 1050, 10_000}, "here", "", ""},
		{"bytes", figures{200, 1051, 10_000}, "here", "B/op", ""},
		{"instructions", figures{200, 1000, 10_501}, "here", "instructions/op", ""},
		{"instructions of another platform", figures{200, 1000, 99_999}, "elsewhere", "", ""},
		{"instructions that were not counted", figures{200, 1000, 0}, "here", "", ""},
		{"a little better", figures{181, 901, 9001}, "here", "", ""},
		{"much better", figures{179, 1000, 10_000}, "here", "", "allocs/op"},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := compared(was, c.now, c.platform)
			wantRow(t, "worse", found.worse, c.worse)
			wantRow(t, "better", found.better, c.better)
		})
	}
}

// wantRow wants one row with that unit, or none for "".
func wantRow(t *testing.T, which string, rows []string, unit string) {
	t.Helper()
	switch {
	case unit == "" && len(rows) > 0:
		t.Errorf("%s: %q, want nothing", which, rows)
	case unit != "" && (len(rows) != 1 || !strings.Contains(rows[0], unit)):
		t.Errorf("%s: %q, want %s alone", which, rows, unit)
	}
}

func TestTheFirstAllocationOfAFunctionWithoutAnyIsFound(t *testing.T) {
	if found := compared(figures{}, figures{allocations: 1}, "here"); len(found.worse) != 1 {
		t.Errorf("worse: %q", found.worse)
	}
}

func TestABaselineThatLacksABenchmarkOrHasOneTooManyIsIncomplete(t *testing.T) {
	base := &baseline{of: map[string]figures{"gate/Y": {}}}
	if found := compare(one, base, map[string]figures{"gate/X": {}}, ""); len(found.missing) != 2 {
		t.Errorf("missing: %q, want gate/X and one line too many", found.missing)
	}
}

func TestABaselineReadsAsItWasWritten(t *testing.T) {
	want := &baseline{platform: "go1.26 linux/amd64", of: map[string]figures{
		"gate/X": {12, 1024, 0}, "fsm/Y": {1, 16, 800},
	}}
	text := want.format()
	if at := strings.Index(string(text), "fsm/Y"); at < 0 || at > strings.Index(string(text), "gate/X") {
		t.Errorf("not sorted:\n%s", text)
	}
	got, err := parseBaseline(text)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	for _, bad := range []string{"gate/X 1 2", "gate/X 1 x -"} {
		if _, err := parseBaseline([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestOnlyTheResultOfOneBenchmarkIsTaken(t *testing.T) {
	const line = "BenchmarkX/10 \t 1000\t 8245 ns/op\t 1024 B/op\t 12 allocs/op\n"
	got, err := parseResult("goos: linux\n" + line + "PASS\n")
	if err != nil || got != (figures{allocations: 12, bytes: 1024}) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"PASS\n", line + line, "BenchmarkX 1 7 ns/op\n"} {
		if _, err := parseResult(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestBenchmarksAreSortedAndNamedOnce(t *testing.T) {
	var names []string
	for i := range benchmarks {
		names = append(names, benchmarks[i].name())
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error(names)
	}
	if got, want := (&benchmark{"gate", "X/10", 1}).pattern(), "^BenchmarkX$/^10$"; got != want {
		t.Errorf("pattern %s, want %s", got, want)
	}
}

func TestWhatIsCountedIsTheProcessesStarted(t *testing.T) {
	count := func(script string) uint64 {
		n, err := countDuring(testEvent, exec.Command("sh", "-c", script).Run)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("this kernel counts no events: run on Linux with perf_event_open (kernel.perf_event_paranoid of 2 or less): ", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	const loop = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
	idle, busy, deeper := count("true"), count(loop), count("("+loop+")& wait")
	if idle == 0 || busy < 3*idle || deeper < 3*idle {
		t.Errorf("counted %d for nothing, %d for a loop and %d for one in a process below", idle, busy, deeper)
	}
}
