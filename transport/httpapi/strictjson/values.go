package strictjson

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// String reads a string.
func (r *Reader) String() string {
	text := r.Text()
	// What had no escapes is part of the body, up to the quote just read.
	from, to := r.pos-1-len(text), r.pos-1
	if len(text) == 0 || len(r.buf) > sharedBytes || &r.buf[from] != &text[0] {
		return string(text)
	}
	if r.text == "" {
		r.text = string(r.buf)
	}
	return r.text[from:to]
}

// Text reads a string. What it returns is part of what is read if that has no
// escapes in it.
func (r *Reader) Text() []byte {
	if r.err != nil {
		return nil
	}
	r.space()
	if r.pos == len(r.buf) || r.buf[r.pos] != '"' {
		r.wrongType("a string")
		return nil
	}
	text, ok := r.quoted()
	if !ok {
		return nil
	}
	return text
}

// Uint reads an integer from least to most, without sign, fraction or exponent.
func (r *Reader) Uint(least, most uint64) uint64 {
	if r.err != nil {
		return 0
	}
	r.space()
	from := r.pos
	var n uint64
	for r.pos < len(r.buf) && r.pos-from < safeDigits && r.buf[r.pos]-'0' <= 9 {
		n = 10*n + uint64(r.buf[r.pos]-'0')
		r.pos++
	}
	plain := r.pos > from && r.pos < len(r.buf) && !isNumberByte(r.buf[r.pos]) && (r.buf[from] != '0' || r.pos == from+1)
	if plain && n >= least && n <= most {
		return n
	}
	return r.oddUint(from, least, most)
}

// safeDigits is how many digits every uint64 can hold.
const safeDigits = 19

// oddUint reads the rest of an integer that is long or no good.
func (r *Reader) oddUint(from int, least, most uint64) uint64 {
	for r.pos < len(r.buf) && isNumberByte(r.buf[r.pos]) {
		r.pos++
	}
	literal := r.buf[from:r.pos]
	if len(literal) == 0 {
		r.wrongType("an integer")
		return 0
	}
	n, ok := parseUint(literal)
	if !ok || n < least || n > most {
		r.Fail(fmt.Sprintf("is %.32s; send an integer from %d to %d", literal, least, most))
		return 0
	}
	return n
}

// Raw steps over one value and returns its bytes, which are part of what is
// read. Only its extent is looked at: read it with Object.
func (r *Reader) Raw() []byte {
	if r.err != nil {
		return nil
	}
	r.space()
	from := r.pos
	for depth := 0; r.pos < len(r.buf); {
		switch c := r.buf[r.pos]; c {
		case '"':
			if !r.skipText() {
				return nil
			}
		case '{', '[':
			depth++
			r.pos++
		case '}', ']', ',':
			if depth == 0 && r.pos > from {
				return r.buf[from:r.pos]
			}
			if depth == 0 {
				r.wrongType("a value")
				return nil
			}
			if c != ',' {
				depth--
			}
			r.pos++
		default:
			r.pos++
		}
	}
	r.Fail("is cut off")
	return nil
}

// skipText steps over the string at the present position.
func (r *Reader) skipText() bool {
	for r.pos++; r.pos < len(r.buf); r.pos++ {
		switch r.buf[r.pos] {
		case '"':
			r.pos++
			return true
		case '\\':
			r.pos++
		}
	}
	r.Fail("is cut off")
	return false
}

func isNumberByte(c byte) bool {
	return c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

func parseUint(literal []byte) (uint64, bool) {
	if len(literal) > 1 && literal[0] == '0' {
		return 0, false
	}
	var n uint64
	for _, c := range literal {
		if c < '0' || c > '9' {
			return 0, false
		}
		digit := uint64(c - '0')
		if n > (math.MaxUint64-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, true
}

// quoted reads the string at the present position, which is a double quote. What
// it returns may be part of the buffer.
func (r *Reader) quoted() ([]byte, bool) {
	r.pos++
	from := r.pos
	var all byte
	for i, c := range r.buf[from:] {
		if !special[c] {
			all |= c
			continue
		}
		r.pos = from + i
		switch {
		case c == '\\':
			return r.escapedText(from)
		case c < ' ':
			r.Fail("has a raw control character; escape it or leave it out")
			return nil, false
		}
		r.pos++
		text := r.buf[from : from+i]
		return text, all < utf8.RuneSelf || r.valid(text)
	}
	r.pos = len(r.buf)
	r.Fail("is cut off")
	return nil, false
}

// special are the bytes of a string that do not stand for themselves.
var special = func() (table [256]bool) {
	for c := range byte(' ') {
		table[c] = true
	}
	table['"'], table['\\'] = true, true
	return table
}()

// escapedText goes on with a string that has a backslash at the present position.
func (r *Reader) escapedText(from int) ([]byte, bool) {
	text := append([]byte(nil), r.buf[from:r.pos]...)
	for r.pos < len(r.buf) {
		c := r.buf[r.pos]
		r.pos++
		switch {
		case c == '"':
			return text, r.valid(text)
		case c == '\\':
			var ok bool
			if text, ok = r.escape(text); !ok {
				r.Fail("has a bad escape sequence before byte " + strconv.Itoa(r.pos))
				return nil, false
			}
		case c < ' ':
			r.Fail("has a raw control character; escape it or leave it out")
			return nil, false
		default:
			text = append(text, c)
		}
	}
	r.Fail("is cut off")
	return nil, false
}

// escape reads what follows a backslash and appends what it stands for. Half a
// surrogate pair stands for nothing.
func (r *Reader) escape(text []byte) ([]byte, bool) {
	if r.pos == len(r.buf) {
		return nil, false
	}
	c := r.buf[r.pos]
	r.pos++
	switch c {
	case '"', '\\', '/':
		return append(text, c), true
	case 'b':
		return append(text, '\b'), true
	case 'f':
		return append(text, '\f'), true
	case 'n':
		return append(text, '\n'), true
	case 'r':
		return append(text, '\r'), true
	case 't':
		return append(text, '\t'), true
	case 'u':
		return r.unicodeEscape(text)
	}
	return nil, false
}

func (r *Reader) unicodeEscape(text []byte) ([]byte, bool) {
	unit, ok := r.hex4()
	if !ok {
		return nil, false
	}
	if !utf16.IsSurrogate(unit) {
		return utf8.AppendRune(text, unit), true
	}
	if r.pos+1 >= len(r.buf) || r.buf[r.pos] != '\\' || r.buf[r.pos+1] != 'u' {
		return nil, false
	}
	r.pos += 2
	low, ok := r.hex4()
	if !ok {
		return nil, false
	}
	full := utf16.DecodeRune(unit, low)
	return utf8.AppendRune(text, full), full != utf8.RuneError
}

func (r *Reader) hex4() (rune, bool) {
	if r.pos+4 > len(r.buf) {
		return 0, false
	}
	var unit rune
	for _, c := range r.buf[r.pos : r.pos+4] {
		switch {
		case c >= '0' && c <= '9':
			unit = unit<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			unit = unit<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			unit = unit<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	r.pos += 4
	return unit, true
}
