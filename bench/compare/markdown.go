package compare

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"lockd/bench/report"
)

// cpu is the column of what servers cost.
const cpu = "server CPU s/1000"

// Markdown writes the tables of a report. Ours names the services whose ratios to
// all others are shown.
func Markdown(w io.Writer, r *report.Report, ours []string) error {
	var b bytes.Buffer
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "- %s\n", note)
	}
	for _, s := range sections(r) {
		fmt.Fprintf(&b, "\n## %s: %s\n", s.workload, s.title)
		if _, timed := s.figure(s.systems[0], s.settings[0], "p50 ms"); timed {
			s.matrix(&b, s.quantity.metric, func(system, setting string) string { return s.cell(system, setting, s.quantity.metric) })
			s.matrix(&b, "p50 / p99 in ms", func(system, setting string) string {
				return join(s.cell(system, setting, "p50 ms"), s.cell(system, setting, "p99 ms"))
			})
			s.matrix(&b, "server CPU, seconds for 1\u202f000", func(system, setting string) string { return s.cell(system, setting, cpu) })
		} else {
			s.flat(&b)
		}
		s.ratios(&b, ours)
	}
	for _, failure := range r.Failures {
		fmt.Fprintf(&b, "\n**Failed:** %s\n", failure)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (s *section) cell(system, setting, metric string) string {
	m, ok := s.figure(system, setting, metric)
	if !ok {
		return ""
	}
	return short(m.Value)
}

func join(a, b string) string {
	if a == "" {
		return ""
	}
	return a + " / " + b
}

// matrix writes a table of systems and settings.
func (s *section) matrix(b *bytes.Buffer, corner string, cell func(system, setting string) string) {
	head(b, corner, s.settings)
	for _, system := range s.systems {
		row(b, system, s.settings, func(setting string) string { return cell(system, setting) })
	}
}

// flat writes a table of systems and metrics, for each setting.
func (s *section) flat(b *bytes.Buffer) {
	for _, setting := range s.settings {
		var metrics []string
		for _, system := range s.systems {
			if line := s.lines[[2]string{system, setting}]; line != nil && len(line.Metrics) > len(metrics) {
				metrics = nil
				for _, m := range line.Metrics {
					metrics = append(metrics, m.Name)
				}
			}
		}
		head(b, setting, metrics)
		for _, system := range s.systems {
			row(b, system, metrics, func(metric string) string { return s.cell(system, setting, metric) })
		}
	}
}

// ratios writes how many times better ours are than each other.
func (s *section) ratios(b *bytes.Buffer, ours []string) {
	var rows bytes.Buffer
	for _, our := range ours {
		for _, other := range s.systems {
			if slices.Contains(ours, other) || !slices.Contains(s.systems, our) {
				continue
			}
			row(&rows, our+" : "+other, s.settings, func(setting string) string {
				ratio, ok := s.ratio(our, other, setting)
				if !ok {
					return ""
				}
				return short(ratio) + " ×"
			})
		}
	}
	if rows.Len() > 0 {
		head(b, "times better, "+s.quantity.metric, s.settings)
		b.Write(rows.Bytes())
	}
}

func head(b *bytes.Buffer, corner string, columns []string) {
	fmt.Fprintf(b, "\n| %s | %s |\n|---|%s\n", corner, strings.Join(columns, " | "), strings.Repeat("---:|", len(columns)))
}

func row(b *bytes.Buffer, label string, columns []string, cell func(column string) string) {
	fmt.Fprintf(b, "| %s |", label)
	for _, column := range columns {
		fmt.Fprintf(b, " %s |", cell(column))
	}
	b.WriteByte('\n')
}
