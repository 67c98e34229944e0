package report

import (
	"encoding/json"
	"strings"
	"testing"

	"lockd/bench/measure"
)

func line(setting string, metrics ...Metric) Line {
	return Line{Workload: "W0", Title: "nothing", System: "none", Setting: setting, Metrics: metrics}
}

func TestRoundsOfOneSettingBecomeOneLine(t *testing.T) {
	var r Report
	for _, rate := range []float64{10, 30, 29} {
		r.Add(line("1 client", Of("rate", measure.Median, rate), Of("worst ms", measure.Max, rate, 31)))
	}
	r.Add(line("2 clients", Of("rate", measure.Median, 7)))
	if len(r.Lines) != 2 {
		t.Fatalf("%d lines, want 2", len(r.Lines))
	}
	rate, worst := r.Lines[0].metric("rate"), r.Lines[0].metric("worst ms")
	if rate.Value != 29 || len(rate.Values) != 3 || worst.Value != 31 || len(worst.Values) != 6 {
		t.Errorf("rate %+v, worst %+v", rate, worst)
	}
	if r.Lines[1].metric("rate").Value != 7 {
		t.Errorf("the other setting: %+v", r.Lines[1])
	}
}

func TestATableNamesItsColumnsAndWhatFailed(t *testing.T) {
	r := Report{Notes: []string{"here"}, Failures: []string{"a lock was lost"}}
	r.Add(line("1 client", Of("rate", measure.Median, 12345.6), Of("p50 ms", measure.Median, 0.1234)))
	r.Add(line("2 clients", Of("rate", measure.Median, 5), Of("p50 ms", measure.Median, 12.34)))
	var out strings.Builder
	if err := r.Table(&out); err != nil {
		t.Fatal(err)
	}
	const want = `here

W0  nothing
                    rate  p50 ms
  none, 1 client   12346   0.123
  none, 2 clients      5    12.3

FAILED: a lock was lost
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

func TestAReportWithoutObservationsIsStillJSON(t *testing.T) {
	var r Report
	r.Add(line("1 client", Of("gap ms", measure.Max)))
	var out strings.Builder
	if err := r.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal([]byte(out.String()), &back); err != nil {
		t.Fatal(err)
	}
	if got := back.Lines[0].metric("gap ms"); got == nil || got.Value != 0 || got.Fold != measure.Max {
		t.Errorf("read back %+v", got)
	}
}

func TestFiguresKeepThreeDigits(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{{0, "0"}, {5, "5"}, {0.1234, "0.123"}, {1.234, "1.23"}, {12.34, "12.3"}, {123.4, "123"}, {-12.34, "-12.3"}, {1e6, "1000000"}} {
		if got := figure(c.v); got != c.want {
			t.Errorf("%v: %s, want %s", c.v, got, c.want)
		}
	}
}
