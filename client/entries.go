package client

import (
	"bytes"
	"encoding/json"

	"lockd/api"
)

// entries reads a message of a node. Most of its entries are answers and nothing
// else, which are read by hand; encoding/json reads the others, and says what is
// wrong with a message that is none.
func entries(message []byte) (all []api.StreamMessage, err error) {
	s := scanner{rest: message}
	all = make([]api.StreamMessage, 0, 1+len(message)/usualAnswerBytes)
	if s.next('[') && !s.next(']') {
		for {
			m, ok := s.answer()
			if !ok {
				break
			}
			all = append(all, m)
			if !s.next(',') {
				if s.next(']') && s.ends() {
					return all, nil
				}
				break
			}
		}
	}
	all = nil
	err = json.Unmarshal(message, &all)
	return all, err
}

// scanner reads JSON from the front. It finds out where values end, not whether
// they are right.
type scanner struct{ rest []byte }

// ends says whether nothing but space is left.
func (s *scanner) ends() bool {
	for i, c := range s.rest {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			s.rest = s.rest[i:]
			return false
		}
	}
	return true
}

// next steps over c, if that is what comes next.
func (s *scanner) next(c byte) bool {
	if s.ends() || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// answer reads an entry that has the members of an answer only, of which the body
// is copied; false for every other.
func (s *scanner) answer() (m api.StreamMessage, ok bool) {
	if !s.next('{') {
		return m, false
	}
	for {
		name, ok := s.name()
		if !ok {
			return m, false
		}
		switch string(name) {
		case "id":
			m.ID, ok = s.number()
		case "index":
			m.Index, ok = s.number()
		case "status":
			m.Status, ok = s.int()
		case "retry_after_ms":
			var ms int
			ms, ok = s.int()
			m.RetryAfterMS = int64(ms)
		case "staleness_ms":
			var ms int
			ms, ok = s.int()
			m.StalenessMS = int64(ms)
		case "body":
			var body []byte
			body, ok = s.value()
			m.Body = bytes.Clone(body)
		default:
			return m, false
		}
		if !ok {
			return m, false
		}
		if !s.next(',') {
			return m, s.next('}')
		}
	}
}

// name reads the name of a member, and the colon behind it.
func (s *scanner) name() ([]byte, bool) {
	if !s.next('"') {
		return nil, false
	}
	for i, c := range s.rest {
		switch c {
		case '\\':
			return nil, false
		case '"':
			name := s.rest[:i]
			s.rest = s.rest[i+1:]
			return name, s.next(':')
		}
	}
	return nil, false
}

// number reads a whole number that is neither long nor odd.
func (s *scanner) number() (n uint64, ok bool) {
	const digits = 18 // of which an int can hold all
	if s.ends() || s.rest[0] == '0' {
		return 0, false
	}
	for i, c := range s.rest {
		if c < '0' || c > '9' {
			s.rest = s.rest[i:]
			return n, i > 0 && c != '.' && c|0x20 != 'e'
		}
		if i == digits {
			return 0, false
		}
		n = 10*n + uint64(c-'0')
	}
	return 0, false
}

func (s *scanner) int() (int, bool) {
	n, ok := s.number()
	return int(n), ok
}

// value steps over an object or an array, and returns its text.
func (s *scanner) value() ([]byte, bool) {
	if s.ends() || s.rest[0] != '{' && s.rest[0] != '[' {
		return nil, false
	}
	depth, quoted := 0, false
	for i := 0; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				value := s.rest[:i+1]
				s.rest = s.rest[i+1:]
				return value, true
			}
		}
	}
	return nil, false
}
