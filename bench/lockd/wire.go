package lockd

import (
	"bytes"
	"strconv"
	"time"

	"lockd/bench/system"
)

// Bodies and answers, written and read without reflection. Names are the load
// generator's own: printable ASCII, for which Go's quotes are JSON's.

// appendText appends a string; strconv looks at each byte for longer.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return strconv.AppendQuote(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// once makes a command of a session apply once; the zero value is no part of a
// body.
type once struct {
	session string
	seq     uint64
}

func (o once) append(b []byte) []byte {
	if o.session == "" {
		return append(b, '}')
	}
	b = appendText(append(b, `,"session":`...), o.session)
	b = strconv.AppendUint(append(b, `,"seq":`...), o.seq, 10)
	// Calls of one client follow each other: every earlier answer was seen.
	b = strconv.AppendUint(append(b, `,"acked":`...), o.seq-1, 10)
	return append(b, '}')
}

// appendAcquire writes the body of an acquire of what appendNames began with, that
// waits for at most wait.
func appendAcquire(b, names []byte, wait time.Duration, o once) []byte {
	b = append(b, names...)
	if wait > 0 {
		b = appendText(append(b, `,"wait":`...), wait.String())
		b = appendText(append(b, `,"poll":`...), poll.String())
	}
	return o.append(b)
}

func appendRelease(b, names []byte, token uint64, o once) []byte {
	b = append(b, names...)
	b = strconv.AppendUint(append(b, `,"token":`...), token, 10)
	return o.append(b)
}

func appendNames(b []byte, lock, run string) []byte {
	b = appendText(append(b, `{"key":`...), lock)
	return appendText(append(b, `,"run_id":`...), run)
}

func appendOpen(b []byte, ttl time.Duration) []byte {
	b = appendText(append(b, `{"ttl":`...), ttl.String())
	return append(b, `,"client":{"name":"bench"}}`...)
}

func appendRenew(b []byte, ids []string) []byte {
	b = append(b, `{"ids":[`...)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, id)
	}
	return append(b, `]}`...)
}

func queryPath(lock string, stale bool) string {
	if stale {
		return "/v1/keys/" + lock + "?consistency=stale"
	}
	return "/v1/keys/" + lock
}

// holderOf reads the answer to a query.
func holderOf(lock string, answer []byte) system.Hold {
	owner := textOf(answer, "holder_run_id")
	if owner == "" {
		return system.Hold{}
	}
	return system.Hold{Lock: lock, Owner: owner, Fence: numberOf(answer, "token")}
}

// textOf returns the first string called name in an answer, without undoing
// escapes; empty if there is none.
func textOf(answer []byte, name string) string {
	rest, ok := after(answer, name)
	if !ok || len(rest) == 0 || rest[0] != '"' {
		return ""
	}
	end := bytes.IndexByte(rest[1:], '"')
	if end < 0 {
		return ""
	}
	return string(rest[1 : 1+end])
}

// numberOf returns the first number called name in an answer; zero if there is
// none.
func numberOf(answer []byte, name string) uint64 {
	rest, ok := after(answer, name)
	if !ok {
		return 0
	}
	end := 0
	for end < len(rest) && '0' <= rest[end] && rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(string(rest[:end]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// after returns what follows the first member called name.
func after(answer []byte, name string) ([]byte, bool) {
	for i := 0; ; {
		at := bytes.Index(answer[i:], []byte(name))
		if at < 0 {
			return nil, false
		}
		start, end := i+at, i+at+len(name)
		if start > 0 && answer[start-1] == '"' && end+1 < len(answer) && answer[end] == '"' {
			rest := bytes.TrimLeft(answer[end+1:], " ")
			if len(rest) > 0 && rest[0] == ':' {
				return bytes.TrimLeft(rest[1:], " "), true
			}
		}
		i = end
	}
}
