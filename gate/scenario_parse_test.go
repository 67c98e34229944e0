package gate_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockd/gate"
)

// parsed is one line read: the command, and the name that the scenario gives
// to the session it opens.
type parsed struct {
	cmd *gate.Command
	as  string
	// plain are the words that are not option=value; options the others.
	plain   []string
	options map[string]string
}

// parse reads the command of one step.
func (s *scenario) parse(words []string) (*parsed, error) {
	p := &parsed{cmd: &gate.Command{}, options: map[string]string{}}
	for _, word := range words[1:] {
		option, value, isOption := strings.Cut(word, "=")
		if !isOption || option == "key" {
			p.plain = append(p.plain, word)
			continue
		}
		p.options[option] = value
	}
	if len(p.plain) == 0 && words[0] != "expire" {
		return nil, fmt.Errorf("%w: %q names nothing", errScenario, words[0])
	}
	if err := s.parseOp(words[0], p); err != nil {
		return nil, err
	}
	if session, ok := p.options["session"]; ok {
		p.cmd.Session = s.find(session)
	}
	var err error
	for _, field := range []struct {
		option string
		to     *uint64
	}{{"seq", &p.cmd.Seq}, {"acked", &p.cmd.Acked}} {
		if *field.to, err = p.number(field.option); err != nil {
			return nil, err
		}
	}
	if done, ok := p.options["done"]; ok {
		p.cmd.Done, err = numbers(strings.Split(done, ","))
	}
	return p, err
}

// find resolves a session's name; one never opened stays unknown to the table.
func (s *scenario) find(word string) gate.SessionID {
	if id, ok := s.sessions[word]; ok {
		return id
	}
	for _, x := range s.model.sessions {
		if s.sessionWord(x.ID) == word {
			return x.ID
		}
	}
	return gate.SessionID{Number: 404, Nonce: 404}
}

func (s *scenario) parseOp(verb string, p *parsed) error {
	switch verb {
	case "open":
		return s.parseOpen(p)
	case "close":
		p.cmd.Session, p.cmd.Op = s.find(p.plain[0]), &gate.CloseSession{}
		return nil
	case "acquire":
		return s.parseAcquire(p)
	case "release":
		op := &gate.Release{Run: p.plain[0]}
		p.cmd.Op = op
		for _, word := range p.plain[1:] {
			name, token, err := parseName(word)
			if err != nil {
				return err
			}
			op.Gives = append(op.Gives, gate.Give{Name: name, Token: token})
		}
		return nil
	case "downgrade":
		return p.parseDowngrade()
	case "break":
		name, token, err := parseName(p.plain[0])
		p.cmd.Op = &gate.Break{Name: name, Token: token, Reason: "stuck", Actor: "operator"}
		return err
	case "release-run":
		p.cmd.Op = &gate.ReleaseRun{Run: p.plain[0]}
		return nil
	case "term":
		term, err := strconv.ParseUint(p.plain[0], 10, 64)
		p.cmd.Op = &gate.StartTerm{Term: term, Leader: "n1", ClientURL: "http://n1"}
		return err
	case "expire":
		return s.parseExpire(p)
	}
	return fmt.Errorf("%w: command %q", errScenario, verb)
}

func (s *scenario) parseOpen(p *parsed) error {
	op := &gate.OpenSession{TTL: 10 * time.Second, Nonce: uint64(s.applied)}
	p.cmd.Op, p.as = op, p.plain[0]
	return p.durations(map[string]*time.Duration{"ttl": &op.TTL, "delay": &op.LockDelay})
}

func (s *scenario) parseAcquire(p *parsed) error {
	op := &gate.Acquire{Run: p.plain[0]}
	p.cmd.Op, p.as = op, p.options["as"]
	for _, word := range p.plain[1:] {
		want, err := parseWant(word)
		if err != nil {
			return err
		}
		op.Wants = append(op.Wants, want)
	}
	op.Wants = gate.MergeWants(op.Wants)
	limit, err := p.number("limit")
	if err != nil {
		return err
	}
	op.Limit = uint32(limit)
	if _, private := p.options["ttl"]; private {
		op.Nonce = uint64(s.applied)
	}
	if op.Resume, err = p.number("resume"); err != nil {
		return err
	}
	return p.durations(map[string]*time.Duration{"ttl": &op.TTL, "wait": &op.Wait})
}

func (p *parsed) parseDowngrade() error {
	want, err := parseWant(p.plain[1])
	if err != nil {
		return err
	}
	token, err := p.number("token")
	p.cmd.Op = &gate.Downgrade{Run: p.plain[0], Name: want.Name, Token: token, Mode: want.Mode, Scope: want.Scope}
	return err
}

// parseExpire reads what is over: sessions, "#" requests, "@" delays.
func (s *scenario) parseExpire(p *parsed) error {
	op := &gate.Expire{Term: s.model.counters.Term, Seen: s.model.counters.Restart}
	p.cmd.Op = op
	if _, ok := p.options["seen"]; ok {
		seen, err := p.number("seen")
		if err != nil {
			return err
		}
		op.Seen = seen
	}
	if _, ok := p.options["term"]; ok {
		term, err := p.number("term")
		if err != nil {
			return err
		}
		op.Term = term
	}
	for _, word := range p.plain {
		switch word[0] {
		case '#':
			op.Requests = append(op.Requests, s.request(word[1:]))
		case '@':
			token, err := strconv.ParseUint(word[1:], 10, 64)
			if err != nil {
				return err
			}
			op.Delays = append(op.Delays, token)
		default:
			op.Sessions = append(op.Sessions, s.find(word).Number)
		}
	}
	return nil
}

// request resolves a request's number or its run.
func (s *scenario) request(word string) uint64 {
	if r, waits := s.model.waiting(word); waits {
		return r.Number
	}
	number, err := strconv.ParseUint(word, 10, 64)
	if err != nil {
		return 0
	}
	return number
}

// parseWant reads a name with ":shared" and ":tree" behind it.
func parseWant(word string) (gate.Want, error) {
	parts := strings.Split(word, ":")
	name, _, err := parseName(parts[0])
	want := gate.Want{Name: name}
	if slices.Contains(parts[1:], "shared") {
		want.Mode = gate.Shared
	}
	if slices.Contains(parts[1:], "tree") {
		want.Scope = gate.Tree
	}
	return want, err
}

func (p *parsed) number(option string) (uint64, error) {
	text, ok := p.options[option]
	if !ok {
		return 0, nil
	}
	return strconv.ParseUint(text, 10, 64)
}

func numbers(texts []string) ([]uint64, error) {
	var list []uint64
	for _, text := range texts {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

func (p *parsed) durations(to map[string]*time.Duration) error {
	for option, d := range to {
		text, ok := p.options[option]
		if !ok {
			continue
		}
		var err error
		if *d, err = time.ParseDuration(text); err != nil {
			return err
		}
	}
	return nil
}
