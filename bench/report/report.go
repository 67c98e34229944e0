package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"lockd/bench/measure"
)

// A Line is what one workload observed of one system in one setting.
type Line struct {
	Workload string `json:"workload"`
	Title    string `json:"title"`
	System   string `json:"system"`
	// Setting tells the lines of a workload apart, such as "16 clients".
	Setting string   `json:"setting"`
	Metrics []Metric `json:"metrics"`
}

// A Metric is one figure. Values has one entry for every round or event; Value
// is their fold.
type Metric struct {
	// Name says what it is and ends in its unit, such as "p50 ms".
	Name   string       `json:"name"`
	Fold   measure.Fold `json:"fold"`
	Value  float64      `json:"value"`
	Values []float64    `json:"values"`
}

// Of makes a metric of one round.
func Of(name string, fold measure.Fold, values ...float64) Metric {
	return Metric{Name: name, Fold: fold, Values: values}
}

// A Report is what a whole run has found. The zero value is empty and ready.
type Report struct {
	// Notes say where and how it was measured.
	Notes []string `json:"notes"`
	Lines []Line   `json:"lines"`
	// Failures are the promises that were seen broken, and the workloads that
	// could not be carried out.
	Failures []string `json:"failures"`
}

// Add takes the line of one round. Lines of the same workload, system and
// setting become one, and so do their metrics of the same name.
func (r *Report) Add(line Line) {
	for i := range r.Lines {
		known := &r.Lines[i]
		if known.Workload == line.Workload && known.System == line.System && known.Setting == line.Setting {
			known.merge(line.Metrics)
			return
		}
	}
	all := line.Metrics
	line.Metrics = nil
	line.merge(all)
	r.Lines = append(r.Lines, line)
}

func (l *Line) merge(metrics []Metric) {
	for _, m := range metrics {
		known := l.metric(m.Name)
		if known == nil {
			l.Metrics = append(l.Metrics, Metric{Name: m.Name, Fold: m.Fold})
			known = &l.Metrics[len(l.Metrics)-1]
		}
		known.Values = append(known.Values, m.Values...)
		// What was not observed at all counts as zero: JSON has no other word.
		if known.Value = known.Fold.Of(known.Values); math.IsNaN(known.Value) {
			known.Value = 0
		}
	}
}

func (l *Line) metric(name string) *Metric {
	for i := range l.Metrics {
		if l.Metrics[i].Name == name {
			return &l.Metrics[i]
		}
	}
	return nil
}

// JSON writes the report as one JSON object.
func (r *Report) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// Table writes one table for each workload.
func (r *Report) Table(w io.Writer) error {
	for _, note := range r.Notes {
		fmt.Fprintln(w, note)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var head []string
	workload, width := "", 0
	for i, line := range r.Lines {
		if workload != line.Workload {
			if err := table.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(w, "\n%s  %s\n", line.Workload, line.Title)
			workload, head, width = line.Workload, nil, labelWidth(r.Lines[i:])
		}
		if columns := line.columns(); !slices.Equal(head, columns) {
			head = columns
			fmt.Fprintf(table, "%*s\t%s\t\n", width, "", strings.Join(head, "\t"))
		}
		fmt.Fprintf(table, "%-*s\t", width, line.label())
		for _, m := range line.Metrics {
			fmt.Fprintf(table, "%s\t", figure(m.Value))
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, failure := range r.Failures {
		if _, err := fmt.Fprintf(w, "\nFAILED: %s\n", failure); err != nil {
			return err
		}
	}
	return nil
}

func (l *Line) label() string { return l.System + ", " + l.Setting }

// labelWidth is that of the longest label of the first line's workload.
func labelWidth(lines []Line) int {
	width := 0
	for _, line := range lines {
		if line.Workload != lines[0].Workload {
			break
		}
		width = max(width, len(line.label()))
	}
	return width
}

func (l *Line) columns() []string {
	var names []string
	for _, m := range l.Metrics {
		names = append(names, m.Name)
	}
	return names
}

// figure writes a number with three digits or more, and no more decimals than
// that needs.
func figure(v float64) string {
	if v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	decimals := 0
	for limit := 100.0; math.Abs(v) < limit && decimals < 3; limit /= 10 {
		decimals++
	}
	return strconv.FormatFloat(v, 'f', decimals, 64)
}
