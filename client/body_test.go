package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"lockd/api"
)

// filled returns a value whose fields, all the way down, are not empty.
func filled[T any](text string) (value T) {
	fill(reflect.ValueOf(&value).Elem(), text)
	return value
}

func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int64:
		v.SetInt(int64(1500 * time.Millisecond))
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(72)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), text)
		fill(v.Index(1), text)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	default:
		panic("a field of kind " + v.Kind().String())
	}
}

func TestRequestsAreWhatEncodingJSONMakesOfThem(t *testing.T) {
	var requests []any
	for _, text := range []string{"", "plain <text> & more", `quo"ted`, `back\slash`, "tab\t", "é", "\x7f"} {
		acquire, release := filled[api.LockAcquire](text), filled[api.LockRelease](text)
		requests = append(requests, filled[api.KeyAcquire](text), filled[api.KeyRelease](text), acquire, release)
		requests = append(requests, api.LockAcquire{Refs: acquire.Refs}, api.LockRelease{Refs: release.Refs})
		acquire.Ref, acquire.Mode, acquire.Scope, release.Ref, release.Token = "", "", "", "", 0
		requests = append(requests, acquire, release)
	}
	none := api.Duration(0)
	requests = append(requests, api.KeyAcquire{}, api.KeyAcquire{Poll: &none}, api.KeyRelease{}, api.LockAcquire{}, api.LockRelease{},
		api.LockAcquire{Ref: "r"}, api.LockRelease{Ref: "r"}, api.LockAcquire{Refs: []api.LockWant{}}, api.LockRelease{Refs: []api.LockGive{}}, api.SessionOpen{})
	for _, r := range requests {
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(r); err != nil {
			t.Fatal(err)
		}
		if got, err := marshal(r); err != nil || string(got)+"\n" != want.String() {
			t.Errorf("%T: %v\ngot  %s\nwant %s", r, err, got, want.String())
		}
	}
}

func TestTextThatIsNotUTF8IsRefused(t *testing.T) {
	for _, r := range []any{
		api.KeyAcquire{Key: "\xff"}, api.KeyRelease{RunID: "\xff"}, api.LockAcquire{Ref: "r", Reason: "\xff"}, api.LockAcquire{Refs: []api.LockWant{{Ref: "\xff"}}},
		api.LockRelease{Refs: []api.LockGive{{Ref: "r"}}, Session: "\xff"},
	} {
		if b, err := marshal(r); !errors.Is(err, ErrInvalidRequest) {
			t.Errorf("%T: %s, %v", r, b, err)
		}
	}
}

var messages = []string{
	`[]`, ` [ ] `, `[{"id":7,"status":200,"index":71,"body":{"result":"released"}}]`,
	`[ {"id" : 1 , "status":503,"index":9,"body":{"a":[{"b":"]}\"\\"}]},"retry_after_ms":1000} , {"id":2,"status":200,"index":9,"staleness_ms":40,"body":[1]}]`,
	`[{"leader":{"id":"n1","client_url":"http://n1","term":3}},{"id":3,"status":200,"index":5,"body":{}}]`,
	`[{"hello":{"node":"n1","max_in_flight":8}}]`, `[{"lost":{"session":"s1","ended":"expired"}}]`,
	`[{"id":1,"id":2}]`, `[{"ID":4}]`, `[{"i\u0064":4}]`, `[{"id":0}]`, `[{"id":1e3}]`, `[{"id":1.0}]`, `[{"id":007}]`, `[{"id":999999999999999999}]`,
	`[{"id":18446744073709551615}]`, `[{"id":18446744073709551616}]`, `[{"status":99999999999999999999}]`, `[{"id":-1}]`, `[{"id":"1"}]`,
	`[{"body":null}]`, `[{"body":"text"}]`, `[{"body":7}]`, `[{}]`, `[null]`, `null`, `{}`, ``, `[`, `[{`, `[{"id":1`, `[{"id":1}`, `[{"id":1},]`,
	`[{"id":1}] x`, `[{"id":1,}]`, `[{"id" 1}]`, `[{"id":1}{"id":2}]`, `[{"body":{"a"]`, `[{"body":{"a":"\`, `[{"new":1,"id":5}]`, "[{\"id\":1}\x1f]", "\t[\n{ \"id\"\r:1}]", `[[]]`,
}

// same fails the test unless the message is read as encoding/json reads it. What is
// inside a body is another matter: it is read by who asked.
func same(t *testing.T, message []byte) {
	t.Helper()
	var want []api.StreamMessage
	wrong := json.Unmarshal(message, &want)
	got, err := entries(message)
	if err == nil && wrong != nil {
		for _, m := range got {
			if len(m.Body) > 0 && !json.Valid(m.Body) {
				return
			}
		}
	}
	if (err == nil) != (wrong == nil) {
		t.Fatalf("%q: %v, want %v", message, err, wrong)
	}
	if err == nil && (len(got) != len(want) || len(got) > 0 && !reflect.DeepEqual(got, want)) {
		t.Fatalf("%q:\ngot  %+v\nwant %+v", message, got, want)
	}
}

func TestMessagesAreReadAsEncodingJSONReadsThem(t *testing.T) {
	for _, text := range messages {
		same(t, []byte(text))
	}
}

func FuzzMessagesAreReadAsEncodingJSONReadsThem(f *testing.F) {
	for _, text := range messages {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, message []byte) { same(t, message) })
}

func TestAnAnswerStaysWhenTheMessageIsOverwritten(t *testing.T) {
	message := []byte(`[{"id":7,"body":{"result":"released"}}]`)
	all, err := entries(message)
	clear(message)
	if err != nil || len(all) != 1 || string(all[0].Body) != `{"result":"released"}` {
		t.Errorf("%s, %v", all[0].Body, err)
	}
}
