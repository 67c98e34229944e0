package gate_test

import (
	"fmt"
	"strings"

	"lockd/gate"
)

// commandText writes a command as a scenario file does. Sessions are named by
// their number.
func commandText(cmd *gate.Command) string {
	var w lines
	switch op := cmd.Op.(type) {
	case *gate.Acquire:
		w.add("acquire %s %s", op.Run, wantsWords(op.Wants))
		w.some("limit", op.Limit)
		w.some("wait", op.Wait)
		w.some("ttl", op.TTL)
		w.some("resume", op.Resume)
	case *gate.Release:
		w.add("release %s", op.Run)
		for _, give := range op.Gives {
			w.add("%s", nameWord(give.Name)+tokenWord(give.Token))
		}
	case *gate.Downgrade:
		w.add("downgrade %s %s", op.Run, wantsWords([]gate.Want{{Name: op.Name, Mode: op.Mode, Scope: op.Scope}}))
		w.some("token", op.Token)
	case *gate.Break:
		w.add("break %s", nameWord(op.Name)+tokenWord(op.Token))
	case *gate.OpenSession:
		w.add("open ttl=%v", op.TTL)
		w.some("delay", op.LockDelay)
	case *gate.CloseSession:
		w.add("close s%d", cmd.Session.Number)
		return strings.Join(w, " ")
	case *gate.ReleaseRun:
		w.add("release-run %s", op.Run)
	case *gate.StartTerm:
		w.add("term %d", op.Term)
	case *gate.Expire:
		w.add("expire term=%d", op.Term)
		w.each("s", op.Sessions)
		w.each("#", op.Requests)
		w.each("@", op.Delays)
	}
	if !cmd.Session.IsZero() {
		w.add("session=s%d", cmd.Session.Number)
	}
	w.some("seq", cmd.Seq)
	w.some("acked", cmd.Acked)
	if len(cmd.Done) > 0 {
		w.add("done=%s", strings.Trim(strings.ReplaceAll(fmt.Sprint(cmd.Done), " ", ","), "[]"))
	}
	return strings.Join(w, " ")
}

// some writes word=value unless the value is its type's zero.
func (w *lines) some(word string, value any) {
	if text := fmt.Sprint(value); text != "0" && text != "0s" {
		w.add("%s=%s", word, text)
	}
}

func (w *lines) each(mark string, numbers []uint64) {
	for _, n := range numbers {
		w.add("%s%d", mark, n)
	}
}

func nameWord(name gate.Name) string {
	if name.Kind == gate.Key {
		return "key=" + name.Text
	}
	return name.Text
}

func tokenWord(token uint64) string {
	if token == 0 {
		return ""
	}
	return fmt.Sprintf("@%d", token)
}

func wantsWords(wants []gate.Want) string {
	var words []string
	for _, w := range wants {
		word := nameWord(w.Name)
		if w.Mode == gate.Shared {
			word += ":shared"
		}
		if w.Scope == gate.Tree {
			word += ":tree"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

var codeWords = [...]string{
	gate.Acquired: "acquired", gate.Queued: "queued", gate.Occupied: "occupied", gate.Released: "released",
	gate.NotHeld: "not_held", gate.Deadlock: "deadlock", gate.AlreadyWaiting: "already_waiting",
	gate.LimitMismatch: "limit_mismatch", gate.StaleRequest: "stale_request", gate.SeqReused: "seq_reused",
	gate.Overloaded: "overloaded", gate.SessionNotFound: "session_not_found", gate.NotWeaker: "not_weaker",
	gate.Downgraded: "downgraded", gate.Broken: "broken", gate.SessionOpened: "opened",
	gate.SessionClosed: "closed", gate.RunReleased: "released", gate.TermStarted: "started", gate.Expired: "expired",
}

// resultText writes what a scenario says of a result.
func resultText(r gate.Result) string {
	var w lines
	w.add("%s", codeWords[r.Code])
	switch r.Code {
	case gate.Acquired, gate.Downgraded, gate.Released, gate.Broken:
		if r.Code == gate.Broken {
			w.add("%s", runWord(r.Run))
		}
		for _, g := range r.Grants {
			w.add("%s", grantText(g))
		}
		if r.Code == gate.Acquired && r.Limit > 1 {
			w.add("limit=%d", r.Limit)
		}
		if r.Reentrant {
			w.add("reentrant")
		}
	case gate.Queued:
		w.add("position=%d of %d", r.Position, r.Waiting)
	case gate.Occupied:
		if r.Withdrawn {
			w.add("withdrawn")
			break
		}
		for _, c := range r.Conflicts {
			w.add("%s", conflictText(c))
		}
	case gate.NotHeld:
		for _, name := range r.Missing {
			w.add("%s", nameWord(name))
		}
	case gate.Deadlock:
		w.add("%s", strings.Join(r.Cycle, ">"))
	case gate.LimitMismatch:
		w.add("limit=%d", r.Limit)
	case gate.SessionClosed, gate.RunReleased, gate.Expired:
		w.add("%d", r.Count)
	}
	return strings.Join(w, " ")
}

func grantText(g gate.Grant) string {
	text := nameWord(g.Name)
	if g.Token == 0 {
		return text + " (request)"
	}
	if g.Name.Kind == gate.Reference && g.Mode == gate.Shared {
		text += ":shared"
	}
	if g.Scope == gate.Tree {
		text += ":tree"
	}
	text += tokenWord(g.Token)
	if g.Previous != nil {
		text += fmt.Sprintf(" (previous %s %v)", g.Previous.Run, g.Previous.End)
	}
	return text
}

func conflictText(c gate.Conflict) string {
	var runs []string
	for _, h := range c.Holders {
		runs = append(runs, runWord(h.Run))
	}
	text := nameWord(c.Name)
	if len(runs) > 0 {
		text += " by " + strings.Join(runs, ",")
	}
	if c.Waiting > 0 {
		text += fmt.Sprintf(" waiting=%d", c.Waiting)
	}
	return text
}

// runWord writes a run, or what stands for a hold of no run.
func runWord(run string) string {
	if run == "" {
		return "(delay)"
	}
	return run
}
