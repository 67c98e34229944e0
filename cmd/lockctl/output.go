package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lockd/api"
)

// The forms of --output.
const (
	asTable = "table"
	asJSON  = "json"
	asPlain = "plain"
)

var outputs = []string{asTable, asJSON, asPlain}

// print writes an answer to stdout: the API's own JSON, or the rows that table
// writes, of which the first is the header.
func (t *tool) print(answer any, table func(w io.Writer)) error {
	if t.output == asJSON {
		return t.printJSON(answer)
	}
	return t.printRows(t.stdout, t.screen, table)
}

func (t *tool) printJSON(answer any) error {
	encoder := json.NewEncoder(t.stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(answer)
}

// printRows lays out what table writes with row: cells have no tabs and no line
// ends, so that rows are as "plain" wants them already.
func (t *tool) printRows(w io.Writer, on screen, table func(w io.Writer)) error {
	var rows strings.Builder
	table(&rows)
	if t.output == asPlain {
		_, body, _ := strings.Cut(rows.String(), "\n")
		_, err := io.WriteString(w, body)
		return err
	}
	var cells [][]string
	for line := range strings.Lines(rows.String()) {
		cells = append(cells, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return on.table(w, cells)
}

// say tells the person something, on stderr.
func (t *tool) say(format string, args ...any) {
	fmt.Fprintf(t.stderr, "lockctl: "+format+"\n", args...)
}

// row writes the cells of one line of a table.
func row(w io.Writer, cells ...any) {
	for i, c := range cells {
		if i > 0 {
			fmt.Fprint(w, "\t")
		}
		fmt.Fprint(w, cell(c))
	}
	fmt.Fprintln(w)
}

// cell is never empty, so that awk counts the same fields in every line.
func cell(value any) string {
	text := fmt.Sprint(value)
	if text == "" {
		return "-"
	}
	return printable(text)
}

// printable keeps what others chose (keys, reasons) from steering the terminal.
// Control characters do not get into the table of locks; this is the second net.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

// span is a number of milliseconds for people.
func span(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Second:
		return d.String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// lease is how long a hold or session would outlive its client.
func lease(ms *int64) string {
	if ms == nil {
		return ""
	}
	return span(*ms)
}

// who is where a holder said that it runs.
func who(c api.Client) string {
	text := c.Name
	if c.Host != "" {
		text += "@" + c.Host
	}
	if c.PID != 0 {
		text += fmt.Sprintf(" (pid %d)", c.PID)
	}
	return text
}

// holder is who holds: a run, or nobody during a lock delay.
func holder(h api.Hold) string {
	if h.RunID == "" {
		return "(lock delay)"
	}
	return h.RunID
}

func how(h api.Hold) string {
	if h.Scope == "" {
		return string(h.Mode)
	}
	return string(h.Mode) + "/" + string(h.Scope)
}

// holdsHead is the header of holdsTable's rows.
func holdsHead(w io.Writer) {
	row(w, "NAME", "STATE", "RUN", "MODE", "TOKEN", "FOR", "LEASE", "CLIENT", "REASON")
}

// holdsTable writes one line for each hold and each waiting request of a name,
// which is what lead begins the lines with. Who waits has, instead of a reason,
// the runs before it.
func holdsTable(w io.Writer, lead []any, holders []api.Hold, waiters []api.Wait) {
	for _, h := range holders {
		holdRow(w, lead, "holds", h)
	}
	for _, q := range waiters {
		row(w, slices.Concat(lead, []any{"waits", q.RunID, q.Mode, "", span(q.WaitedMS), "", who(q.Client), behind(q.BlockedBy)})...)
	}
}

func holdRow(w io.Writer, lead []any, state string, h api.Hold) {
	row(w, slices.Concat(lead, []any{
		state, holder(h), how(h), h.Token, span(h.HeldMS), lease(h.ExpiresInMS), who(h.Client), h.Reason,
	})...)
}

func behind(runs []string) string {
	if len(runs) == 0 {
		return ""
	}
	return "behind " + strings.Join(runs, " ")
}

// conflictText says who is in the way of a refused acquire.
func conflictText(name string, holders []api.Hold) string {
	if len(holders) == 0 {
		return fmt.Sprintf("%s is wanted by runs that wait already", name)
	}
	h := holders[0]
	text := fmt.Sprintf("%s is held by %s for %s", name, holder(h), span(h.HeldMS))
	if from := who(h.Client); from != "" {
		text += ", " + from
	}
	if h.Reason != "" {
		text += ": " + h.Reason
	}
	if more := len(holders) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return printable(text)
}

// token is a token for people: none is no number.
func token(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
