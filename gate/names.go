package gate

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Kind tells the two name spaces apart.
type Kind uint8

const (
	// Key is an opaque concurrency key.
	Key Kind = 1
	// Reference is a slash-separated path in canonical form.
	Reference Kind = 2
)

// String returns the field's name for the kind: "key" or "ref".
func (k Kind) String() string {
	if k == Key {
		return "key"
	}
	return "ref"
}

// Name is what a hold is on. Names are made by ParseKey and ParseReference,
// before a command enters the log; the table compares them byte for byte.
type Name struct {
	Kind Kind
	Text string
}

// String returns the name's text.
func (n Name) String() string { return n.Text }

// ErrBadName is what every error of ParseKey, ParseReference and ParseRun wraps.
var ErrBadName = errors.New("bad name")

// ParseKey returns the key s names: 1 to MaxNameBytes bytes of UTF-8 without
// control characters, otherwise opaque. The error says what is wrong with s.
func ParseKey(s string) (Name, error) {
	if err := checkText(s, MaxNameBytes); err != nil {
		return Name{}, err
	}
	return Name{Kind: Key, Text: s}, nil
}

// ParseReference returns the canonical form of the reference s: Unicode NFC
// (UAX #15), no empty or "." segment, ".." resolved. The error says what is
// wrong: control characters, a path above the root, nothing left, more than
// MaxSegments segments or MaxNameBytes bytes.
func ParseReference(s string) (Name, error) {
	if err := checkText(s, 8*MaxNameBytes); err != nil {
		return Name{}, err
	}
	var path []string
	for segment := range strings.SplitSeq(norm.NFC.String(s), "/") {
		switch segment {
		case "", ".":
		case "..":
			if len(path) == 0 {
				return Name{}, fmt.Errorf("%w: %q leads above the root", ErrBadName, s)
			}
			path = path[:len(path)-1]
		default:
			path = append(path, segment)
		}
	}
	text := strings.Join(path, "/")
	switch {
	case len(path) == 0:
		return Name{}, fmt.Errorf("%w: nothing is left of %q", ErrBadName, s)
	case len(path) > MaxSegments:
		return Name{}, fmt.Errorf("%w: more than %d segments", ErrBadName, MaxSegments)
	case len(text) > MaxNameBytes:
		return Name{}, fmt.Errorf("%w: longer than %d bytes", ErrBadName, MaxNameBytes)
	}
	return Name{Kind: Reference, Text: text}, nil
}

// CheckRun returns an error that says what is wrong with the run id s, if anything is.
func CheckRun(s string) error { return checkText(s, MaxRunBytes) }

func checkText(s string, most int) error {
	switch {
	case s == "":
		return fmt.Errorf("%w: empty", ErrBadName)
	case len(s) > most:
		return fmt.Errorf("%w: longer than %d bytes", ErrBadName, most)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: not UTF-8", ErrBadName)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("%w: has a control character", ErrBadName)
	}
	return nil
}

// parent cuts the last segment off a reference's text; false at the top.
func parent(text string) (string, bool) {
	i := strings.LastIndexByte(text, '/')
	if i < 0 {
		return "", false
	}
	return text[:i], true
}

// below returns the half-open range of texts strictly below a reference:
// '0' is the byte after '/'.
func below(text string) (from, to string) { return text + "/", text + "0" }
