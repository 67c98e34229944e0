package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// marshal returns the JSON of a request. It refuses text that is not UTF-8, which
// JSON would silently make into other text: two names might become one.
func marshal(body any) ([]byte, error) {
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
