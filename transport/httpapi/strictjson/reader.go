package strictjson

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Error says what is wrong with a value. Field is its path, such as
// "refs[3].mode"; empty if it is the body as a whole.
type Error struct {
	Field  string
	Detail string
}

// Error returns the field and the detail.
func (e *Error) Error() string {
	if e.Field == "" {
		return "the body " + e.Detail
	}
	return "field " + strconv.Quote(e.Field) + " " + e.Detail
}

// Reader reads one JSON value. The first error sticks: later calls read
// nothing and leave what they were to fill alone. The zero value is ready; one
// goroutine may use it at a time, for one value after the other.
type Reader struct {
	buf []byte
	// text is a copy of buf, once a string is part of it.
	text string
	pos  int
	err  *Error
}

// sharedBytes bounds a body whose strings share one copy of it, lest a short
// string that is kept for long keep a long body.
const sharedBytes = 1024

// Field is one member that an object may have.
type Field[T any] struct {
	Name string
	Read func(r *Reader, into *T)
}

// Object reads body with r, which must not be at anything else. It must be one
// object of the listed fields (at most 64), each at most once. The error is an
// *Error. An empty body is an empty object if optional is set.
func Object[T any](r *Reader, body []byte, optional bool, fields []Field[T], into *T) error {
	*r = Reader{buf: body}
	r.space()
	if r.pos == len(r.buf) && optional {
		return nil
	}
	Members(r, fields, into)
	r.space()
	if r.err == nil && r.pos != len(r.buf) {
		r.Fail("must be one JSON object, with nothing after it")
	}
	if r.err != nil {
		return r.err
	}
	return nil
}

// List reads body, which must be one array of at most max elements. The error is
// an *Error.
func List(body []byte, max int, element func(r *Reader)) error {
	r := Reader{buf: body}
	r.Array(max, element)
	r.space()
	if r.err == nil && r.pos != len(r.buf) {
		r.Fail("must be one JSON array, with nothing after it")
	}
	if r.err != nil {
		return r.err
	}
	return nil
}

// Members reads an object of the listed fields, each at most once. It is quickest
// if they come in the order of the list.
func Members[T any](r *Reader, fields []Field[T], into *T) {
	if !r.open('{', "an object") {
		return
	}
	var seen uint64
	i := -1
	for first := true; r.next('}', first); first = false {
		name, ok := r.name()
		if !ok {
			return
		}
		i = indexOf(fields, name, i+1)
		switch {
		case i < 0:
			r.failAt(string(name), "is unknown; leave it out or correct its name")
			return
		case seen&(1<<i) != 0:
			r.failAt(string(name), "appears twice; send it once")
			return
		}
		seen |= 1 << i
		fields[i].Read(r, into)
		if r.err != nil {
			r.under(fields[i].Name)
			return
		}
	}
}

// indexOf looks at the field at from, at those behind it and then at the others.
func indexOf[T any](fields []Field[T], name []byte, from int) int {
	for i := from; i < len(fields); i++ {
		if fields[i].Name == string(name) {
			return i
		}
	}
	for i := range from {
		if fields[i].Name == string(name) {
			return i
		}
	}
	return -1
}

// Array reads an array of at most max elements.
func (r *Reader) Array(max int, element func(r *Reader)) {
	if !r.open('[', "an array") {
		return
	}
	for i := 0; r.next(']', i == 0); i++ {
		if i == max {
			r.Fail(fmt.Sprintf("has more than %d entries; split the request", max))
			return
		}
		element(r)
		if r.err != nil {
			r.under("[" + strconv.Itoa(i) + "]")
			return
		}
	}
}

// Fail refuses the value that is being read: detail follows the field's name
// in a sentence. Only the first failure counts.
func (r *Reader) Fail(detail string) { r.failAt("", detail) }

func (r *Reader) failAt(field, detail string) {
	if r.err == nil {
		r.err = &Error{Field: field, Detail: detail}
	}
}

// under puts the error below the member or element called name.
func (r *Reader) under(name string) {
	switch {
	case r.err.Field == "":
		r.err.Field = name
	case r.err.Field[0] == '[':
		r.err.Field = name + r.err.Field
	default:
		r.err.Field = name + "." + r.err.Field
	}
}

func (r *Reader) space() {
	if r.pos < len(r.buf) && r.buf[r.pos] <= ' ' {
		r.skipSpace()
	}
}

func (r *Reader) skipSpace() {
	for r.pos < len(r.buf) {
		switch r.buf[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

// open steps over the byte that begins a value of the wanted type.
func (r *Reader) open(begin byte, wanted string) bool {
	if r.err != nil {
		return false
	}
	r.space()
	if r.pos < len(r.buf) && r.buf[r.pos] == begin {
		r.pos++
		return true
	}
	r.wrongType(wanted)
	return false
}

// wrongType refuses the value at the present position.
func (r *Reader) wrongType(wanted string) {
	rest := r.buf[r.pos:]
	is := func(literal string) bool { return bytes.HasPrefix(rest, []byte(literal)) }
	isBody := len(bytes.TrimSpace(r.buf[:r.pos])) == 0
	found := "broken JSON"
	switch {
	case len(rest) == 0 && isBody:
		r.Fail("is empty; send " + wanted)
		return
	case is("null") && isBody:
		r.Fail("is null; send " + wanted)
		return
	case is("null"):
		r.Fail("is null; leave it out, or send " + wanted)
		return
	case len(rest) == 0:
		found = "cut off"
	case is(`"`):
		found = "a string"
	case is("{"):
		found = "an object"
	case is("["):
		found = "an array"
	case is("true") || is("false"):
		found = "a boolean"
	case rest[0] == '-' || rest[0] >= '0' && rest[0] <= '9':
		found = "a number"
	}
	r.Fail("must be " + wanted + " and is " + found)
}

// next reports whether another member follows, having stepped over the comma.
func (r *Reader) next(end byte, first bool) bool {
	if r.err != nil {
		return false
	}
	r.space()
	switch {
	case r.pos == len(r.buf):
		r.Fail("is cut off")
		return false
	case r.buf[r.pos] == end:
		r.pos++
		return false
	case first:
		return true
	case r.buf[r.pos] != ',':
		r.Fail("is broken JSON: a comma or " + strconv.QuoteRune(rune(end)) + " is due at byte " + strconv.Itoa(r.pos))
		return false
	}
	r.pos++
	r.space()
	return true
}

// name reads a member's name and the colon; it is valid until the next read.
func (r *Reader) name() ([]byte, bool) {
	if r.pos == len(r.buf) || r.buf[r.pos] != '"' {
		r.Fail("is broken JSON: a field name in double quotes is due at byte " + strconv.Itoa(r.pos))
		return nil, false
	}
	name, ok := r.quoted()
	if !ok {
		return nil, false
	}
	r.space()
	if r.pos == len(r.buf) || r.buf[r.pos] != ':' {
		r.Fail("is broken JSON: a colon is due at byte " + strconv.Itoa(r.pos))
		return nil, false
	}
	r.pos++
	return name, true
}

// valid refuses text that is not UTF-8.
func (r *Reader) valid(text []byte) bool {
	if !utf8.Valid(text) {
		r.Fail("is not valid UTF-8; encode the body as UTF-8")
		return false
	}
	return true
}
