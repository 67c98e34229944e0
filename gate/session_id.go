package gate

import (
	"strconv"
	"strings"
)

// String returns the session id that clients see, or "" for no session.
func (id SessionID) String() string {
	if id.IsZero() {
		return ""
	}
	var text [maxSessionIDBytes]byte
	return string(id.append(text[:0]))
}

// maxSessionIDBytes is the length of the longest id.
const maxSessionIDBytes = len("s-") + 2*16

func (id SessionID) append(b []byte) []byte {
	b = append(strconv.AppendUint(append(b, 's'), id.Number, 16), '-')
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[id.Nonce>>shift&0xf])
	}
	return b
}

// ParseSessionID is the inverse of String. It returns false for every string
// that String never returns: such a session never existed.
func ParseSessionID(s string) (SessionID, bool) {
	number, nonce, found := strings.Cut(strings.TrimPrefix(s, "s"), "-")
	if !found {
		return SessionID{}, false
	}
	n, err := strconv.ParseUint(number, 16, 64)
	if err != nil {
		return SessionID{}, false
	}
	x, err := strconv.ParseUint(nonce, 16, 64)
	if err != nil {
		return SessionID{}, false
	}
	id := SessionID{Number: n, Nonce: x}
	var text [maxSessionIDBytes]byte
	return id, id.Number != 0 && string(id.append(text[:0])) == s
}
