package gate

import (
	"fmt"
	"strconv"
	"strings"
)

// String returns the session id that clients see, or "" for no session.
func (id SessionID) String() string {
	if id.IsZero() {
		return ""
	}
	return fmt.Sprintf("s%x-%016x", id.Number, id.Nonce)
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
	return id, id.Number != 0 && id.String() == s
}
