package httpapi

import (
	"strconv"
	"time"
	"unicode/utf8"

	"lockd/gate"
)

// The answers that most requests get are written by hand: encoding/json would
// cost more than all else that the API does for them. What they must equal is
// the JSON of the api types; the tests compare the two.

const hexDigits = "0123456789abcdef"

// escaped are the bytes of ASCII that a string may not have as they are; DEL may
// have them, but some terminals obey it.
var escaped = func() (table [utf8.RuneSelf]bool) {
	for c := range byte(' ') {
		table[c] = true
	}
	table['"'], table['\\'], table[0x7f] = true, true, true
	return table
}()

// appendText appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendText(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				b = append(append(b, s[from:i]...), `\ufffd`...)
				from = i + 1
			}
			i += size
			continue
		}
		if escaped[c] {
			b = append(b, s[from:i]...)
			if c == '"' || c == '\\' {
				b = append(b, '\\', c)
			} else {
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
			}
			from = i + 1
		}
		i++
	}
	return append(append(b, s[from:]...), '"')
}

func appendTime(b []byte, at gate.Wall) []byte {
	b = append(b, '"')
	b = wallTime(at).AppendFormat(b, time.RFC3339Nano)
	return append(b, '"')
}

func appendPrevious(b []byte, e *gate.Ending) []byte {
	if e == nil {
		return b
	}
	b = appendText(append(b, `,"previous":{"run_id":`...), e.Run)
	b = appendText(append(b, `,"end":`...), e.End.String())
	return append(b, '}')
}

// appendSession appends the part that both kinds of acquired have in common.
func appendSession(b []byte, r *gate.Result) []byte {
	if !r.Session.IsZero() {
		b = append(b, `,"session":"`...)
		b = append(append(b, r.Session.String()...), '"')
	}
	return strconv.AppendBool(append(b, `,"reentrant":`...), r.Reentrant)
}

// appendKeyAcquired appends an api.KeyAcquired.
func appendKeyAcquired(b []byte, r *gate.Result) []byte {
	g := &r.Grants[0]
	b = appendText(append(b, `{"result":"acquired","key":`...), g.Name.Text)
	b = appendText(append(b, `,"run_id":`...), r.Run)
	b = strconv.AppendUint(append(b, `,"token":`...), g.Token, 10)
	b = appendSession(b, r)
	b = appendTime(append(b, `,"acquired_at":`...), r.At)
	b = strconv.AppendUint(append(b, `,"limit":`...), uint64(r.Limit), 10)
	return append(appendPrevious(b, g.Previous), '}')
}

// appendLockAcquired appends an api.LockAcquired.
func appendLockAcquired(b []byte, r *gate.Result) []byte {
	b = appendText(append(b, `{"result":"acquired","run_id":`...), r.Run)
	b = appendSession(b, r)
	b = append(b, `,"locks":[`...)
	for i := range r.Grants {
		g := &r.Grants[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(b, `{"ref":`...), g.Name.Text)
		b = appendText(append(b, `,"mode":`...), g.Mode.String())
		b = appendText(append(b, `,"scope":`...), g.Scope.String())
		b = strconv.AppendUint(append(b, `,"token":`...), g.Token, 10)
		b = append(appendPrevious(b, g.Previous), '}')
	}
	b = appendTime(append(b, `],"acquired_at":`...), r.At)
	return append(b, '}')
}

// appendKeyReleased appends an api.KeyReleased.
func appendKeyReleased(b []byte, r *gate.Result) []byte {
	g := &r.Grants[0]
	b = appendText(append(b, `{"result":"released","key":`...), g.Name.Text)
	b = appendText(append(b, `,"run_id":`...), r.Run)
	if g.Token != 0 {
		b = strconv.AppendUint(append(b, `,"token":`...), g.Token, 10)
	}
	return append(b, '}')
}

// appendLockReleased appends an api.LockReleased.
func appendLockReleased(b []byte, r *gate.Result) []byte {
	b = append(b, `{"result":"released","refs":[`...)
	for i := range r.Grants {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, r.Grants[i].Name.Text)
	}
	return append(b, "]}"...)
}
