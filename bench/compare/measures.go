package compare

import (
	"math"
	"slices"
	"strconv"

	"lockd/bench/measure"
	"lockd/bench/report"
)

// A quantity is the figure by which services are compared in one workload.
type quantity struct {
	metric, title string
	// less says that a smaller figure is the better one.
	less bool
	// paired says that the values of two services come from the same rounds, one
	// of each: then ratios are taken round by round.
	paired bool
}

// quantities has one of each workload that is compared.
var quantities = map[string]quantity{
	"W1":  {"cycles/s", "Own locks without a session, cycles a second", false, true},
	"W1s": {"cycles/s", "Own locks, cycles a second", false, true},
	"W2":  {"hand-offs/s", "One lock handed on, hand-offs a second", false, true},
	"W3":  {"tries/s", "Tries of a lock that is held, a second", false, true},
	"W4":  {"queries/s", "Who holds it, queries a second", false, true},
	"W5":  {"bytes/lock, median node", "Memory of a held lock, bytes (less is better)", true, true},
	"W6":  {"killed to next holds, median ms", "Holder gone until next holds, ms (less is better)", true, false},
	"W7":  {"gap median ms", "Leader kill gap, ms (less is better)", true, false},
}

// section is the lines of one workload.
type section struct {
	workload, title string
	quantity        quantity
	systems         []string
	settings        []string
	lines           map[[2]string]*report.Line
}

// sections are the workloads of a report that can be compared, in its order.
func sections(r *report.Report) []*section {
	var all []*section
	byID := make(map[string]*section)
	for i := range r.Lines {
		line := &r.Lines[i]
		q, known := quantities[line.Workload]
		if !known {
			continue
		}
		s := byID[line.Workload]
		if s == nil {
			s = &section{workload: line.Workload, title: line.Title, quantity: q, lines: make(map[[2]string]*report.Line)}
			byID[line.Workload] = s
			all = append(all, s)
		}
		if !slices.Contains(s.systems, line.System) {
			s.systems = append(s.systems, line.System)
		}
		if !slices.Contains(s.settings, line.Setting) {
			s.settings = append(s.settings, line.Setting)
		}
		s.lines[[2]string{line.System, line.Setting}] = line
	}
	return all
}

// figure returns one figure of a service; false if it was not measured.
func (s *section) figure(system, setting, metric string) (report.Metric, bool) {
	line := s.lines[[2]string{system, setting}]
	if line == nil {
		return report.Metric{}, false
	}
	i := slices.IndexFunc(line.Metrics, func(m report.Metric) bool { return m.Name == metric })
	if i < 0 {
		return report.Metric{}, false
	}
	return line.Metrics[i], true
}

// ratio says how many times better one service is than another; false if one was
// not measured or the figures allow none.
func (s *section) ratio(better, than, setting string) (float64, bool) {
	a, ok := s.figure(better, setting, s.quantity.metric)
	b, also := s.figure(than, setting, s.quantity.metric)
	if !ok || !also {
		return 0, false
	}
	as, bs := []float64{a.Value}, []float64{b.Value}
	if s.quantity.paired && len(a.Values) == len(b.Values) {
		as, bs = a.Values, b.Values
	}
	if s.quantity.less {
		as, bs = bs, as
	}
	var all []float64
	for i := range as {
		all = append(all, as[i]/bs[i])
	}
	median := measure.Median.Of(all)
	return median, median > 0 && !math.IsInf(median, 0)
}

// short writes a figure with three digits, thousands in groups.
func short(v float64) string {
	decimals := 0
	for limit := 100.0; math.Abs(v) < limit && decimals < 2; limit /= 10 {
		decimals++
	}
	if v == math.Trunc(v) {
		decimals = 0
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if decimals > 0 {
		return text
	}
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}
