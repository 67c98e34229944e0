package main

import (
	"io"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"
)

// screen is what is known of where text goes to. The zero value is a file or a
// pipe: no width, no colour.
type screen struct {
	// width is a terminal's in characters, zero for anything else.
	width  int
	colour bool
}

// screenOf looks at w, which is a terminal if it is a file that has a size of
// its own. NO_COLOR (any value) and a dumb terminal turn colour off.
func screenOf(w any, getenv func(string) string) screen {
	size, ok := terminalSize(w)
	if !ok {
		return screen{}
	}
	width := int(size.Col)
	if width == 0 {
		width = defaultWidth
	}
	return screen{width: width, colour: getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"}
}

// terminalSize is false for whatever is no terminal.
func terminalSize(of any) (*unix.Winsize, bool) {
	file, ok := of.(interface{ Fd() uintptr })
	if !ok {
		return nil, false
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	return size, err == nil
}

// The colours, as the terminal's own palette has them.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	plain  = "\x1b[0m"
)

// signalled are the words that are coloured where they stand in one of the
// columns of coloured, and there only: a run may be called "leader", too.
var (
	coloured  = []string{"STATE", "ROLE", "EVENT", "END", "RESULT"}
	signalled = map[string]string{
		"leader": green, "candidate": yellow, "down": red, "shutdown": red,
		"free": green, "acquired": green, "alive": green,
		"waits": yellow, "queued": yellow, "covers": yellow, "delayed": yellow, "moved": yellow, "replaced": yellow,
		"expired": red, "broken": red, "gone": red, "session_expired": red,
	}
	// expendable are the columns that are shortened when the terminal is too
	// narrow, and left out when it is much too narrow, the least important first.
	// After them the names are shortened.
	expendable = []string{
		"REASON", "PEERS", "CLIENT", "SESSION", "CLIENTS", "BY", "VERSION", "OPENED", "DISK", "LEASE", "MODE", "TERM", "HELD",
	}
	names = []string{"BEHIND", "RUN", "NAME", "KEY", "REF", "NODE", "LEADER"}
)

func (s screen) paint(colour, text string) string {
	if !s.colour || colour == "" {
		return text
	}
	return colour + text + plain
}

// table writes rows of cells in aligned columns; the first is the header. On a
// terminal a line is never longer than the terminal is wide.
func (s screen) table(w io.Writer, rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	head := rows[0]
	widths := s.fit(head, rows)
	for i, row := range rows {
		if _, err := io.WriteString(w, s.line(head, widths, row, i == 0)+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// fit returns the columns' widths.
func (s screen) fit(head []string, rows [][]string) []int {
	widths := make([]int, len(head))
	total := -len(gap)
	for i := range head {
		for _, row := range rows {
			if i < len(row) {
				widths[i] = max(widths[i], width(row[i]))
			}
		}
		total += widths[i] + len(gap)
	}
	narrow := func(name string, least int) {
		at := slices.Index(head, name)
		if at < 0 || s.width == 0 || total <= s.width || widths[at] <= least {
			return
		}
		before := widths[at]
		if least > 0 {
			widths[at] = max(least, before-(total-s.width))
			total -= before - widths[at]
		} else {
			widths[at] = 0
			total -= before + len(gap)
		}
	}
	for _, name := range expendable {
		narrow(name, max(leastColumn, width(name)))
	}
	for _, name := range expendable {
		narrow(name, 0)
	}
	for _, name := range names {
		narrow(name, max(leastColumn, width(name)))
	}
	return widths
}

const gap = "  "

// line aligns the cells of one row. A column of no width is left out; a line that
// still does not fit loses its end.
func (s screen) line(head []string, widths []int, row []string, isHead bool) string {
	var b strings.Builder
	used, padding := 0, ""
	for i, cell := range row {
		if i >= len(widths) || widths[i] == 0 {
			continue
		}
		text := shorten(cell, widths[i])
		if s.width > 0 {
			text = shorten(text, s.width-used-len(padding))
		}
		if text == "" {
			break
		}
		b.WriteString(padding)
		switch {
		case isHead:
			b.WriteString(s.paint(bold, text))
		case slices.Contains(coloured, head[i]):
			b.WriteString(s.paint(signalled[cell], text))
		default:
			b.WriteString(text)
		}
		used += len(padding) + width(text)
		padding = strings.Repeat(" ", widths[i]-width(text)) + gap
	}
	return b.String()
}

// shorten cuts text down to that many characters, the last of which then says so.
func shorten(text string, most int) string {
	if width(text) <= most {
		return text
	}
	if most < 1 {
		return ""
	}
	used := 0
	for i, r := range text {
		if used += runeWidth(r); used > most-1 {
			return text[:i] + "…"
		}
	}
	return text
}

// width is how many columns of a terminal the text takes.
func width(text string) int {
	n := 0
	for _, r := range text {
		n += runeWidth(r)
	}
	return n
}

// wide are the scripts whose characters take two columns.
var wide = []*unicode.RangeTable{unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana}

func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case unicode.In(r, wide...), r >= 0xff01 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
		return 2
	}
	return 1
}
