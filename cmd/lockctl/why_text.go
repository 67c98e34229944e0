package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lockd/api"
)

// write tells the explanation to a person. Only the commands to copy may be
// longer than the terminal is wide.
func (e *explanation) write(w io.Writer, on screen) error {
	p := &prose{on: on}
	p.line(e.headline(on))
	for _, h := range e.holders {
		p.hold(h, e.runs(h.RunID))
	}
	p.section("Above it", e.aboveLines())
	p.queue(e)
	p.section("In the way elsewhere", e.elsewhere())
	if len(e.Circle) > 0 {
		p.section("Circle", []string{
			strings.Join(e.Circle, " -> ") + " wait for each other: unless somebody else lets go, none of them goes on",
		})
	}
	p.text.WriteString("\n" + on.paint(bold, "Next") + "\n")
	longest := 0
	for _, s := range e.Next {
		longest = max(longest, width(s.Command))
	}
	for _, s := range e.Next {
		fmt.Fprintf(&p.text, "  %s%s  # %s\n", s.Command, strings.Repeat(" ", longest-width(s.Command)), printable(s.Effect))
	}
	_, err := io.WriteString(w, p.text.String())
	return err
}

func (e *explanation) runs(id string) *api.RunState {
	for _, r := range e.Runs {
		if r.RunID == id {
			return r
		}
	}
	return nil
}

func (e *explanation) headline(on screen) string {
	name := printable(string(e.kind) + " " + e.name)
	switch e.State {
	case "free":
		return name + " is " + on.paint(green, "free")
	case "covered":
		return fmt.Sprintf("%s is %s: a lock of the whole tree above it is held by %s", name, on.paint(yellow, "covered"), printable(holder(e.coveredBy[0])))
	case "queued":
		if len(e.waiters) == 0 {
			return name + " is not held, but run " + printable(e.Above[0].RunID) + " " + on.paint(yellow, "waits for all of "+printable(e.Above[0].Ref))
		}
		return name + " is " + on.paint(yellow, "waited for") + " and not held"
	case "delayed":
		return name + " is " + on.paint(yellow, "closed for a while") + ": its holder's session expired, and its lock delay is not over"
	}
	if len(e.holders) == 1 {
		return name + " is " + on.paint(red, "held") + " by " + printable(holder(e.holders[0]))
	}
	return fmt.Sprintf("%s is %s by %d runs", name, on.paint(red, "held"), len(e.holders))
}

// prose is text that is cut at the terminal's edge.
type prose struct {
	on   screen
	text strings.Builder
}

func (p *prose) line(text string) {
	if p.on.width > 0 && !strings.Contains(text, plain) {
		text = shorten(text, p.on.width)
	}
	p.text.WriteString(text + "\n")
}

func (p *prose) section(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.text.WriteString("\n" + p.on.paint(bold, title) + "\n")
	for _, l := range lines {
		p.line("  " + printable(l))
	}
}

func (p *prose) hold(h api.Hold, run *api.RunState) {
	p.text.WriteString("\n")
	fact := func(word, text string) {
		if text != "" {
			p.line(fmt.Sprintf("  %-8s %s", word, printable(text)))
		}
	}
	fact("run", holder(h)+" ("+how(h)+")")
	fact("token", fmt.Sprint(h.Token))
	fact("host", h.Client.Host)
	if h.Client.PID != 0 {
		fact("pid", fmt.Sprint(h.Client.PID))
	}
	fact("program", h.Client.Name)
	fact("since", h.AcquiredAt.Local().Format(time.DateTime)+" ("+span(h.HeldMS)+" ago)")
	fact("reason", h.Reason)
	fact("left", timeLeft(h))
	if run != nil && run.Request != nil {
		fact("waits", "itself for "+strings.Join(wantedBy(run.Request), " ")+", "+behind(run.Request.BlockedBy))
	}
}

// timeLeft says when the hold ends if its client does nothing more.
func timeLeft(h api.Hold) string {
	switch {
	case h.ExpiresInMS != nil:
		return span(*h.ExpiresInMS) + " of its lease, if its client does not renew it"
	case h.RunID == "":
		return "what is left of the lock delay of a session that " + string(h.Ended)
	case h.Session == "":
		return "no end: it has no session and stays until it is released or broken"
	}
	return "until its session " + h.Session + " ends"
}

func (e *explanation) aboveLines() []string {
	var lines []string
	for _, h := range e.coveredBy {
		line := fmt.Sprintf("run %s holds a whole tree (%s) for %s, token %d", holder(h), how(h), span(h.HeldMS), h.Token)
		if from := who(h.Client); from != "" {
			line += ", " + from
		}
		if h.Reason != "" {
			line += ": " + h.Reason
		}
		lines = append(lines, line)
	}
	for _, a := range e.Above {
		lines = append(lines, fmt.Sprintf("run %s waits for all of %s: newcomers wait behind it", a.RunID, a.Ref))
	}
	return lines
}

// queue is who waits, in order, and behind whom.
func (p *prose) queue(e *explanation) {
	if len(e.waiters) == 0 {
		return
	}
	rows := [][]string{{"QUEUE", "RUN", "MODE", "WAITS", "BEHIND", "CLIENT"}}
	for _, q := range e.waiters {
		rows = append(rows, []string{
			fmt.Sprint(q.Position), cell(q.RunID), cell(q.Mode), span(q.WaitedMS), cell(strings.Join(q.BlockedBy, " ")), cell(who(q.Client)),
		})
	}
	p.text.WriteString("\n")
	_ = p.on.table(&p.text, rows) // a Builder takes everything
}

// elsewhere is what those in the way hold beside the name: below a reference for
// whose tree somebody waits, or what a holder waits for.
func (e *explanation) elsewhere() []string {
	here, told := make(map[string]bool), make(map[uint64]bool)
	for _, h := range e.holders {
		here[h.RunID] = true
	}
	for _, h := range e.coveredBy {
		told[h.Token] = true
	}
	var lines []string
	for _, run := range e.Runs {
		for _, h := range run.Holds {
			name := h.Key + h.Ref
			if name == e.name || told[h.Token] || here[run.RunID] && !strings.HasPrefix(name, e.name+"/") {
				continue
			}
			lines = append(lines, fmt.Sprintf("run %s holds %s (%s) for %s, token %d", run.RunID, name, how(h.Hold), span(h.HeldMS), h.Token))
		}
	}
	return lines
}

// steps are what can be done, as commands to copy.
func steps(e *explanation) []step {
	name := e.kind.option() + quoted(e.name)
	if e.State == "free" {
		return []step{{"lockctl run " + name + " -- CMD", "take it"}}
	}
	place := len(e.waiters) + 1
	all := []step{
		{"lockctl run " + name + " -- CMD", fmt.Sprintf("wait for it, as number %d of the queue", place)},
		{"lockctl watch " + quoted(e.name), "see when something happens to it"},
		{"lockctl history " + name, "how its last holds ended"},
	}
	for _, h := range e.holders {
		if h.RunID != "" {
			all = append(all, step{breakLine(e.named, h, "WHY"), "take it away from " + h.RunID + ", if that is dead"})
		}
	}
	for _, h := range e.coveredBy {
		if h.RunID != "" {
			all = append(all, step{"lockctl runs show " + quoted(h.RunID), "see the tree that covers it"})
		}
	}
	for _, a := range e.Above {
		all = append(all, step{"lockctl why " + quoted(a.Ref), "see what " + a.RunID + " waits for"})
	}
	return all
}

// breakLine is the command that breaks one hold.
func breakLine(n *named, h api.Hold, reason string) string {
	return fmt.Sprintf("lockctl break %s%s --token %d --reason %s", n.kind.option(), quoted(n.name), h.Token, quoted(reason))
}
