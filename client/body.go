package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"unicode/utf8"

	"lockd/api"
)

// marshal returns the JSON of a request. It refuses text that is not UTF-8, which
// JSON would silently make into other text: two names might become one.
func marshal(body any) ([]byte, error) {
	if b, ok := appendUsual(body); ok {
		return b, nil
	}
	if !plainText(reflect.ValueOf(body)) {
		return nil, fmt.Errorf("%w: some text is not UTF-8", ErrInvalidRequest)
	}
	var buf bytes.Buffer
	encoder := json.NewEncoder(&buf)
	encoder.SetEscapeHTML(false) // a name of 512 bytes stays one
	if err := encoder.Encode(body); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidRequest, err)
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// appendUsual writes the requests that most calls make; false for any other, and
// for text that is better left to encoding/json.
func appendUsual(body any) ([]byte, bool) {
	a := appender{b: make([]byte, 0, usualBodyBytes)}
	switch r := body.(type) {
	case api.KeyAcquire:
		a.text(`{"key":`, r.Key)
		a.text(`,"run_id":`, r.RunID)
		a.options(r.Session, r.TTL, r.Limit, r.Wait, r.Poll, r.Reason, &r.Once)
	case api.KeyRelease:
		a.text(`{"key":`, r.Key)
		a.text(`,"run_id":`, r.RunID)
		a.number(`,"token":`, r.Token)
		a.optional(`,"session":`, r.Session)
		a.once(&r.Once)
	case api.LockAcquire:
		if r.Ref != "" || len(r.Refs) == 0 || r.Mode != "" || r.Scope != "" {
			return nil, false
		}
		for i := range r.Refs {
			a.text(first(i, `{"refs":[{"ref":`, `},{"ref":`), r.Refs[i].Ref)
			a.optional(`,"mode":`, string(r.Refs[i].Mode))
			a.optional(`,"scope":`, string(r.Refs[i].Scope))
		}
		a.text(`}],"run_id":`, r.RunID)
		a.options(r.Session, r.TTL, 0, r.Wait, r.Poll, r.Reason, &r.Once)
	case api.LockRelease:
		if r.Ref != "" || len(r.Refs) == 0 || r.Token != 0 {
			return nil, false
		}
		for i := range r.Refs {
			a.text(first(i, `{"refs":[{"ref":`, `},{"ref":`), r.Refs[i].Ref)
			a.number(`,"token":`, r.Refs[i].Token)
		}
		a.text(`}],"run_id":`, r.RunID)
		a.optional(`,"session":`, r.Session)
		a.once(&r.Once)
	default:
		return nil, false
	}
	return append(a.b, '}'), !a.odd
}

// first is what comes before the ith entry of a list.
func first(i int, begin, separator string) string {
	if i == 0 {
		return begin
	}
	return separator
}

// appender writes a request.
type appender struct {
	b []byte
	// odd says that some text was not plain.
	odd bool
}

func (a *appender) text(name, value string) {
	a.odd = a.odd || !isPlain(value)
	a.b = append(append(append(append(a.b, name...), '"'), value...), '"')
}

// isPlain says whether text stands for itself between quotes.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// appendText writes a string.
func appendText(b []byte, text string) []byte {
	if isPlain(text) {
		return append(append(append(b, '"'), text...), '"')
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		panic("client: a string does not encode: " + err.Error())
	}
	return append(b, quoted...)
}

func (a *appender) optional(name, value string) {
	if value != "" {
		a.text(name, value)
	}
}

func (a *appender) number(name string, n uint64) {
	if n != 0 {
		a.b = strconv.AppendUint(append(a.b, name...), n, 10)
	}
}

func (a *appender) duration(name string, d api.Duration) {
	if d != 0 {
		a.text(name, d.String())
	}
}

// options writes what both acquires end with.
func (a *appender) options(session string, ttl api.Duration, limit uint32, wait api.Duration, poll *api.Duration, reason string, once *api.Once) {
	a.optional(`,"session":`, session)
	a.duration(`,"ttl":`, ttl)
	a.number(`,"limit":`, uint64(limit))
	a.duration(`,"wait":`, wait)
	if poll != nil {
		a.text(`,"poll":`, poll.String())
	}
	a.optional(`,"reason":`, reason)
	a.once(once)
}

func (a *appender) once(o *api.Once) {
	a.number(`,"seq":`, o.Seq)
	a.number(`,"acked":`, o.Acked)
	for i, seq := range o.Done {
		a.b = strconv.AppendUint(append(a.b, first(i, `,"done":[`, `,`)...), seq, 10)
	}
	if len(o.Done) > 0 {
		a.b = append(a.b, ']')
	}
}

// plainText says whether all strings in a request are UTF-8.
func plainText(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		return utf8.ValidString(v.String())
	case reflect.Pointer:
		return v.IsNil() || plainText(v.Elem())
	case reflect.Struct:
		for _, field := range v.Fields() {
			if !plainText(field) {
				return false
			}
		}
	case reflect.Slice:
		if elem := v.Type().Elem().Kind(); elem != reflect.String && elem != reflect.Struct {
			return true
		}
		for i := range v.Len() {
			if !plainText(v.Index(i)) {
				return false
			}
		}
	}
	return true
}
