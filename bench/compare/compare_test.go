package compare

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"lockd/bench/measure"
	"lockd/bench/report"
)

// sample has two systems, of which the second is thrice as slow in every round
// although the machine was slow in other rounds of it.
func sample() *report.Report {
	r := &report.Report{Notes: []string{"here"}}
	for system, rates := range map[string][]float64{"lockd": {300, 3000, 600}, "a<b": {100, 1000, 200}} {
		for _, rate := range rates {
			r.Add(report.Line{Workload: "W1s", Title: "own", System: system, Setting: "1 client", Metrics: []report.Metric{
				report.Of("cycles/s", measure.Median, rate), report.Of("p50 ms", measure.Median, 1.5),
				report.Of("p99 ms", measure.Median, 20), report.Of(cpu, measure.Median, 0.25),
			}})
		}
	}
	r.Add(report.Line{Workload: "W7", Title: "kill", System: "lockd", Setting: "16 clients", Metrics: []report.Metric{
		report.Of("kills", measure.Sum, 1), report.Of("gap median ms", measure.Median, 500)}})
	r.Add(report.Line{Workload: "W7", Title: "kill", System: "a<b", Setting: "16 clients", Metrics: []report.Metric{
		report.Of("kills", measure.Sum, 1), report.Of("gap median ms", measure.Median, 1250)}})
	return r
}

func TestTablesShowFiguresAndHowMuchBetterOursAre(t *testing.T) {
	var out strings.Builder
	if err := Markdown(&out, sample(), []string{"lockd"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"- here", "## W1s: own", "| cycles/s | 1 client |\n|---|---:|", "| lockd | 600 |", "| a<b | 200 |",
		"| lockd | 1.50 / 20 |", "| lockd | 0.25 |", "| lockd : a<b | 3 × |",
		"| 16 clients | kills | gap median ms |", "| a<b | 1 | 1\u202f250 |", "| lockd : a<b | 2.50 × |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	r := &report.Report{}
	for _, pair := range [][2]float64{{100, 50}, {1000, 500}, {40, 10}} {
		r.Add(report.Line{Workload: "W3", System: "lockd", Setting: "s", Metrics: []report.Metric{report.Of("tries/s", measure.Median, pair[0])}})
		r.Add(report.Line{Workload: "W3", System: "other", Setting: "s", Metrics: []report.Metric{report.Of("tries/s", measure.Median, pair[1])}})
	}
	if got, ok := sections(r)[0].ratio("lockd", "other", "s"); !ok || got != 2 {
		t.Errorf("%v, %v, want 2", got, ok)
	}
	if _, ok := sections(r)[0].ratio("lockd", "nobody", "s"); ok {
		t.Error("a ratio to what was not measured")
	}
}

func TestAChartIsAPictureOfEveryFigure(t *testing.T) {
	var out strings.Builder
	if err := Chart(&out, sample(), []string{"lockd"}); err != nil {
		t.Fatal(err)
	}
	decoder := xml.NewDecoder(strings.NewReader(out.String()))
	bars := 0
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, out.String())
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 4 {
		t.Errorf("%d bars, want 4", bars)
	}
	if err := Chart(io.Discard, &report.Report{}, nil); err == nil {
		t.Error("a chart of nothing")
	}
}

func TestFiguresAreShort(t *testing.T) {
	for _, c := range []struct {
		v    float64
		want string
	}{{0, "0"}, {0.123, "0.12"}, {1.234, "1.23"}, {12.34, "12.3"}, {123.4, "123"}, {1234.5, "1\u202f234"}, {-1000000, "-1\u202f000\u202f000"}} {
		if got := short(c.v); got != c.want {
			t.Errorf("%v: %s, want %s", c.v, got, c.want)
		}
	}
}
