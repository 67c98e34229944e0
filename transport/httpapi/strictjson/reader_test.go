package strictjson_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"lockd/transport/httpapi/strictjson"
)

type leaf struct {
	Name string `json:"name"`
}

type body struct {
	Text  string   `json:"text"`
	Count uint64   `json:"count"`
	List  []uint64 `json:"list"`
	Leaf  leaf     `json:"leaf"`
	Many  []leaf   `json:"many"`
}

var leafFields = []strictjson.Field[leaf]{
	{Name: "name", Read: func(r *strictjson.Reader, into *leaf) { into.Name = r.String() }},
}

var bodyFields = []strictjson.Field[body]{
	{Name: "text", Read: func(r *strictjson.Reader, into *body) { into.Text = r.String() }},
	{Name: "count", Read: func(r *strictjson.Reader, into *body) { into.Count = r.Uint(1, 100) }},
	{Name: "list", Read: func(r *strictjson.Reader, into *body) {
		r.Array(3, func(r *strictjson.Reader) { into.List = append(into.List, r.Uint(0, 9)) })
	}},
	{Name: "leaf", Read: func(r *strictjson.Reader, into *body) { strictjson.Members(r, leafFields, &into.Leaf) }},
	{Name: "many", Read: func(r *strictjson.Reader, into *body) {
		r.Array(3, func(r *strictjson.Reader) {
			var l leaf
			strictjson.Members(r, leafFields, &l)
			into.Many = append(into.Many, l)
		})
	}},
}

func TestGoodBodiesAreReadAsEncodingJSONReadsThem(t *testing.T) {
	for _, text := range []string{
		`{}`, ` { } `, "\t{\r\n}", `{"text":""}`, `{"text":"a\/b\\c\"d\b\f\n\r\t"}`, `{"text":"\u00e9\u20AC\ud83d\uDE00"}`,
		`{"text":"é€😀"}`, `{"text":"plain\u0041tail"}`, `{"count":1}`, `{"count": 100 , "text" : "x"}`,
		`{"list":[]}`, `{"list":[1, 2 ,0]}`, `{"leaf":{}}`, `{"leaf":{"name":"n"}}`, `{"many":[{"name":"a"},{}]}`,
		`{"te\u0078t":"escaped name"}`,
	} {
		var got, want body
		if err := strictjson.Object(new(strictjson.Reader), []byte(text), false, bodyFields, &got); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprintf("%v", got) != fmt.Sprintf("%v", want) {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}

func TestStringsStayWhenTheBodyIsOverwritten(t *testing.T) {
	for _, text := range []string{
		`{"text":"first","leaf":{"name":"second"}}`, `{"text":"\u0066irst","leaf":{"name":"second"}}`,
		`{"text":"first","leaf":{"name":"second"}` + strings.Repeat(" ", 5000) + `}`,
	} {
		var r strictjson.Reader
		for range 2 {
			var got body
			buf := []byte(text)
			if err := strictjson.Object(&r, buf, false, bodyFields, &got); err != nil {
				t.Fatal(err)
			}
			clear(buf)
			if got.Text != "first" || got.Leaf.Name != "second" {
				t.Errorf("%.50s: %+v", text, got)
			}
		}
	}
}

func TestAnEmptyBodyIsAnEmptyObjectOnlyWhereAllowed(t *testing.T) {
	var got body
	if err := strictjson.Object(new(strictjson.Reader), []byte("\n"), true, bodyFields, &got); err != nil {
		t.Error(err)
	}
	if err := strictjson.Object(new(strictjson.Reader), nil, false, bodyFields, &got); err == nil {
		t.Error("an empty body passed for an object")
	}
}

func TestBadBodiesAreRefusedWithTheFieldAndARemedy(t *testing.T) {
	for _, c := range []struct{ text, field, detail string }{
		{`{"other":1}`, "other", "unknown"},
		{`{"Text":"x"}`, "Text", "unknown"},
		{`{"text":"a","text":"b"}`, "text", "twice"},
		{`{"text":1}`, "text", "must be a string and is a number"},
		{`{"text":null}`, "text", "null; leave it out"},
		{`{"text":true}`, "text", "is a boolean"},
		{`{"text":["x"]}`, "text", "is an array"},
		{`{"text":{}}`, "text", "is an object"},
		{`{"text":"\ud800"}`, "text", "escape"},
		{`{"text":"\ud800\u0041"}`, "text", "escape"},
		{`{"text":"\udc00\ud800"}`, "text", "escape"},
		{`{"text":"\x"}`, "text", "escape"},
		{`{"text":"\u12"}`, "text", "escape"},
		{"{\"text\":\"\xff\"}", "text", "UTF-8"},
		{"{\"text\":\"\\n\xc3\"}", "text", "UTF-8"},
		{"{\"text\":\"a\x00b\"}", "text", "control"},
		{"{\"text\":\"\\t\x01\"}", "text", "control"},
		{`{"text":"abc`, "text", "cut off"},
		{`{"text":"abc\`, "text", "escape"},
		{`{"text":"\n`, "text", "cut off"},
		{`{"text":`, "text", "cut off"},
		{`{"count":0}`, "count", "integer from 1 to 100"},
		{`{"count":101}`, "count", "integer from 1 to 100"},
		{`{"count":-1}`, "count", "is -1"},
		{`{"count":1.0}`, "count", "is 1.0"},
		{`{"count":1e1}`, "count", "is 1e1"},
		{`{"count":007}`, "count", "is 007"},
		{`{"count":18446744073709551617}`, "count", "is 18446744073709551617"},
		{`{"count":"1"}`, "count", "must be an integer and is a string"},
		{`{"list":[1,"2"]}`, "list[1]", "is a string"},
		{`{"list":[1,2,3,4]}`, "list", "more than 3"},
		{`{"list":[1 2]}`, "list", "comma"},
		{`{"list":[1,]}`, "list[1]", "integer"},
		{`{"leaf":{"nam":"x"}}`, "leaf.nam", "unknown"},
		{`{"many":[{},{"name":2}]}`, "many[1].name", "is a number"},
		{``, "", "is empty; send an object"}, {"\n", "", "is empty; send an object"}, {`null`, "", "is null; send an object"},
		{`[]`, "", "object"}, {`"x"`, "", "object"}, {`key=1`, "", "must be an object and is broken JSON"},
		{`no=1`, "", "must be an object and is broken JSON"}, {`to=1`, "", "must be an object and is broken JSON"},
		{`{`, "", "cut off"}, {`{"text":"x"`, "", "cut off"}, {`{"text"}`, "", "colon"}, {`{text:1}`, "", "double quotes"},
		{`{"text":"x",}`, "", "double quotes"}, {`{"text":"x"}}`, "", "nothing after"}, {`{} {}`, "", "nothing after"},
		{"\xef\xbb\xbf{}", "", "object"}, {"{\"\xff\":1}", "", "UTF-8"},
	} {
		var got body
		err := strictjson.Object(new(strictjson.Reader), []byte(c.text), false, bodyFields, &got)
		var wrong *strictjson.Error
		if !errors.As(err, &wrong) {
			t.Errorf("%s: not refused: %v", c.text, got)
			continue
		}
		if wrong.Field != c.field || !strings.Contains(wrong.Detail, c.detail) {
			t.Errorf("%s: field %q, %q", c.text, wrong.Field, wrong.Detail)
		}
		if c.field != "" && !strings.Contains(err.Error(), c.field) {
			t.Errorf("%s: %q does not name the field", c.text, err)
		}
	}
}

func FuzzWhatIsAcceptedIsWhatEncodingJSONReads(f *testing.F) {
	for _, seed := range []string{`{}`, `{"text":"\ud83d\ude00","count":3,"list":[1],"leaf":{"name":"x"},"many":[{}]}`, `{"text":null}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got, want body
		if strictjson.Object(new(strictjson.Reader), text, false, bodyFields, &got) != nil {
			return
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("accepted %q: %v", text, err)
		}
		if fmt.Sprintf("%v", got) != fmt.Sprintf("%v", want) {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
	})
}
