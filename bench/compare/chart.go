package compare

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"

	"lockd/bench/report"
)

// The layout of the picture, in pixels.
const (
	panelsAcross = 2
	panelWidth   = 450
	labelWidth   = 130
	valueWidth   = 70
	barWidth     = panelWidth - labelWidth - valueWidth - 2*margin
	barHeight    = 14
	barStep      = 20
	titleHeight  = 34
	margin       = 14
)

// The colours can be read on white and on black alike.
const (
	inkColour   = "#7d8590"
	ourColour   = "#2f81f7"
	otherColour = "#9aa4af"
)

// panel is one setting of one workload.
type panel struct {
	title string
	bars  []bar
}

type bar struct {
	system string
	value  float64
	ours   bool
}

func (p panel) height() int { return titleHeight + barStep*len(p.bars) + margin }

// Chart writes one group of bars for each setting of each workload, ours in a
// colour of their own. It returns an error if nothing can be compared.
func Chart(w io.Writer, r *report.Report, ours []string) error {
	panels := panelsOf(r, ours)
	if len(panels) == 0 {
		return fmt.Errorf("no figures for a chart in %d lines", len(r.Lines))
	}
	var body bytes.Buffer
	top := 0
	for row := range slices.Chunk(panels, panelsAcross) {
		tallest := 0
		for i, p := range row {
			p.draw(&body, i*panelWidth, top)
			tallest = max(tallest, p.height())
		}
		top += tallest
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" font-family="system-ui, sans-serif" font-size="12" fill="%[3]s">
<title>Lock services compared</title>
%[4]s</svg>
`, panelsAcross*panelWidth, top, inkColour, body.Bytes())
	return err
}

func panelsOf(r *report.Report, ours []string) []panel {
	var all []panel
	for _, s := range sections(r) {
		for _, setting := range s.settings {
			p := panel{title: s.quantity.title + " — " + setting}
			for _, system := range s.systems {
				if m, ok := s.figure(system, setting, s.quantity.metric); ok {
					p.bars = append(p.bars, bar{system, m.Value, slices.Contains(ours, system)})
				}
			}
			all = append(all, p)
		}
	}
	return all
}

// draw writes the panel with its upper left corner at x, y.
func (p panel) draw(b *bytes.Buffer, x, y int) {
	text(b, x+margin, y+margin+8, "start", "600", p.title)
	longest := 0.0
	for _, bar := range p.bars {
		longest = max(longest, bar.value)
	}
	for i, bar := range p.bars {
		at := y + titleHeight + i*barStep
		colour, weight := otherColour, "400"
		if bar.ours {
			colour, weight = ourColour, "600"
		}
		length := 0.0
		if longest > 0 && bar.value > 0 {
			length = max(1, bar.value/longest*barWidth)
		}
		left := x + margin + labelWidth
		text(b, left-8, at+barHeight-3, "end", weight, bar.system)
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" rx="2" fill="%s"/>`+"\n", left, at, length, barHeight, colour)
		text(b, left+int(length)+6, at+barHeight-3, "start", weight, short(bar.value))
	}
}

func text(b *bytes.Buffer, x, y int, anchor, weight, words string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="%s" font-weight="%s">`, x, y, anchor, weight)
	if err := xml.EscapeText(b, []byte(words)); err != nil {
		panic("compare: a buffer failed: " + err.Error())
	}
	b.WriteString("</text>\n")
}
