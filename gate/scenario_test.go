package gate_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lockd/gate"
)

// A scenario file is a list of steps, each on a line of its own:
//
//	COMMAND -> WHAT COMES OF IT
//
// and comments, which begin with "#". Every step is applied to a fresh table
// and to the model beside it; both must do what the line says.
//
//	open SESSION [ttl=10s] [delay=5s]      close SESSION
//	acquire RUN NAME... [limit=N] [wait=20s] [session=S | ttl=10s [as=S]] [seq=N] [acked=N] [done=N,N] [resume=N]
//	release RUN NAME[@TOKEN]... [session=S ...]
//	downgrade RUN NAME [token=N]           break NAME@TOKEN
//	release-run RUN                        term N
//	expire [term=N] SESSION... #REQUEST... @DELAY...
//	show NAME                              check NAME@TOKEN
//	history NAME
//
// NAME is a reference, with ":shared" and ":tree" behind it unless it is meant
// exclusive and for the node alone, or key=KEY. A token stands behind "@". A
// waiting request is meant by "#" and its number or its run, a lock delay by
// "@" and the token of the hold that it came from. A session is meant by the
// name it was opened with, or by "s" and its number.
//
// What comes of a step is its result and then, behind ";", what became of each
// waiting request that ended by it, and each hold that moved and each session
// that ended besides those the command named.
type scenario struct {
	*pair
	sessions map[string]gate.SessionID
}

var errScenario = errors.New("bad scenario")

// rewriteVar names the environment variable that makes the test write what it
// saw into the files instead of comparing.
const rewriteVar = "LOCKD_GATE_REWRITE"

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { runFile(t, file) })
	}
}

// runFile runs each part of a file on a new table. A part begins with a
// comment after an empty line.
func runFile(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	s := newScenario()
	previous := ""
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if previous == "" && strings.HasPrefix(line, "#") {
			s = newScenario()
		}
		previous = line
		command, want, isStep := strings.Cut(line, "->")
		if !isStep && (line == "" || strings.HasPrefix(line, "#")) {
			seen = append(seen, line)
			continue
		}
		command, want = strings.TrimSpace(command), strings.TrimSpace(want)
		got, err := s.step(command)
		if err != nil {
			t.Fatalf("%s:%d: %s: %v", file, i+1, command, err)
		}
		seen = append(seen, fmt.Sprintf("%-58s -> %s", command, got))
		if got != want && os.Getenv(rewriteVar) == "" {
			t.Errorf("%s:%d: %s\n got %s\nwant %s", file, i+1, command, got, want)
		}
	}
	if os.Getenv(rewriteVar) != "" {
		if err := os.WriteFile(file, []byte(strings.Join(seen, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func newScenario() *scenario {
	return &scenario{pair: newPair(nil, nil), sessions: map[string]gate.SessionID{}}
}

// step runs one step on the table and the model, and writes what came of it.
func (s *scenario) step(text string) (string, error) {
	words := strings.Fields(text)
	if len(words) > 1 && slices.Contains([]string{"show", "check", "history"}, words[0]) {
		return s.look(words[0], words[1])
	}
	p, err := s.parse(words)
	if err != nil {
		return "", err
	}
	s.mention(p.cmd)
	waiting := map[uint64]string{}
	for _, r := range s.model.requests {
		waiting[r.Number] = r.Run
	}
	out, err := s.apply(p.cmd, 1000)
	if err != nil {
		return "", err
	}
	if p.as != "" {
		s.sessions[p.as] = out.Result.Session
	}
	return s.outcomeText(p.cmd, out, waiting), nil
}

// mention adds the command's names and runs to those that are compared.
func (s *scenario) mention(cmd *gate.Command) {
	switch op := cmd.Op.(type) {
	case *gate.Acquire:
		s.runs = append(s.runs, op.Run)
		for _, w := range op.Wants {
			s.names = append(s.names, w.Name)
		}
	case *gate.Release:
		for _, give := range op.Gives {
			s.names = append(s.names, give.Name)
		}
	}
}

func (s *scenario) outcomeText(cmd *gate.Command, out gate.Outcome, waiting map[uint64]string) string {
	text := resultText(out.Result)
	if out.Result.Code == gate.Queued {
		if r, waits := s.model.waiting(out.Result.Run); waits {
			text += " blocked_by=" + strings.Join(s.model.blockedBy(r), ",")
		}
	}
	if a, ok := cmd.Op.(*gate.Acquire); ok && a.TTL > 0 && !out.Result.Session.IsZero() {
		text += " session=" + s.sessionWord(out.Result.Session)
	}
	parts := []string{text}
	for _, a := range out.Answers {
		parts = append(parts, waiting[a.Request]+" "+resultText(a.Result))
	}
	for _, e := range out.Events {
		switch {
		case e.Kind == gate.EventMoved:
			parts = append(parts, fmt.Sprintf("moved %s to %s", nameWord(e.Name), s.sessionWord(e.Session)))
		case e.Kind == gate.EventSessionClosed && cmd.Session != e.Session:
			parts = append(parts, s.sessionWord(e.Session)+" ended")
		}
	}
	return strings.Join(parts, "; ")
}

func (s *scenario) sessionWord(id gate.SessionID) string {
	for word, known := range s.sessions {
		if known == id {
			return word
		}
	}
	return "s" + strconv.FormatUint(id.Number, 10)
}

// look writes what a reader of the table sees.
func (s *scenario) look(command, word string) (string, error) {
	name, token, err := parseName(word)
	if err != nil {
		return "", err
	}
	v := s.table.Snapshot()
	switch command {
	case "check":
		valid, current := v.Valid(name, token)
		return fmt.Sprintf("valid=%t current=%v", valid, current), nil
	case "history":
		return historySeen(v.History(name)), nil
	}
	lock := v.Lock(name)
	if got, want := lockText(lock), lockText(s.model.Lock(name)); got != want {
		return "", differ("lock "+name.Text, got, want)
	}
	return s.lockSeen(lock), nil
}

func historySeen(endings []*gate.Ending) string {
	var parts []string
	for _, e := range endings {
		part := fmt.Sprintf("%s%s %v", e.Run, tokenWord(e.Token), e.End)
		if e.By != nil {
			part += fmt.Sprintf(" by %s: %s", e.By.Actor, e.By.Reason)
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

func (s *scenario) lockSeen(lock gate.Lock) string {
	var parts []string
	for _, h := range lock.Holders {
		parts = append(parts, "held by "+s.holdSeen(h))
	}
	for _, x := range lock.Waiters {
		part := fmt.Sprintf("%s waits at %d", x.Request.Run, x.Position)
		if len(x.BlockedBy) > 0 {
			part += " for " + strings.Join(x.BlockedBy, ",")
		}
		parts = append(parts, part)
	}
	for _, h := range lock.CoveredBy {
		parts = append(parts, fmt.Sprintf("covered by %s on %s", s.holdSeen(h), h.Name.Text))
	}
	if lock.Limit > 1 {
		parts = append(parts, fmt.Sprintf("limit=%d", lock.Limit))
	}
	if len(parts) == 0 {
		return "free"
	}
	return strings.Join(parts, "; ")
}

func (s *scenario) holdSeen(h gate.Hold) string {
	text := runWord(h.Run) + tokenWord(h.Token)
	if h.Name.Kind == gate.Reference && h.Mode == gate.Shared {
		text += " shared"
	}
	if h.Scope == gate.Tree {
		text += " tree"
	}
	if !h.Session.IsZero() {
		text += " in " + s.sessionWord(h.Session)
	}
	return text
}

// parseName reads NAME or NAME@TOKEN.
func parseName(word string) (gate.Name, uint64, error) {
	text, number, hasToken := cutLast(word, "@")
	var token uint64
	if hasToken {
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return gate.Name{}, 0, fmt.Errorf("%w: token %q", errScenario, number)
		}
		token = n
	}
	if key, isKey := strings.CutPrefix(text, "key="); isKey {
		name, err := gate.ParseKey(key)
		return name, token, err
	}
	name, err := gate.ParseReference(text)
	return name, token, err
}

func cutLast(text, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(text, sep); i >= 0 {
		return text[:i], text[i+len(sep):], true
	}
	return text, "", false
}
