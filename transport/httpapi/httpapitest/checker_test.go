package httpapitest_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"lockd/api"
	"lockd/transport/httpapi/httpapitest"
)

const acquire = `{"key":"k","run_id":"r"}`

const acquired = `{"result":"acquired","key":"k","run_id":"r","token":1,"reentrant":false,"acquired_at":"2026-01-02T03:04:05.678Z","limit":1}`

func answer(status int, contentType, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{
		"Content-Type": {contentType}, api.HeaderNode: {"n1"}, api.HeaderIndex: {"7"}, api.HeaderRequestID: {"x-1"},
	}}
}

func request(t *testing.T, method, path, body string) *http.Request {
	r, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1:7410"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", api.ContentJSON)
	return r
}

func TestAnExchangeAsDescribedPassesAndItsBodyCanBeReadAgain(t *testing.T) {
	checker, err := httpapitest.New()
	if err != nil {
		t.Fatal(err)
	}
	got := answer(200, api.ContentJSON, acquired)
	if err := checker.Check(request(t, "POST", "/v1/keys/acquire", acquire), []byte(acquire), got); err != nil {
		t.Error(err)
	}
	if body, err := io.ReadAll(got.Body); err != nil || string(body) != acquired {
		t.Errorf("the body is %q, %v", body, err)
	}
	free := answer(200, api.ContentJSON, `{"key":"a/b c","occupied":false,"holders":[],"waiters":[],"limit":1}`)
	if err := checker.Check(request(t, "GET", "/v1/keys/a/b%20c", ""), nil, free); err != nil {
		t.Error(err)
	}
	page := answer(200, api.ContentJSON, `{"keys":[],"index":3}`)
	if err := checker.Check(request(t, "GET", "/v1/keys?limit=10&prefix=a", ""), nil, page); err != nil {
		t.Error(err)
	}
}

func TestWhatDiffersFromTheDescriptionIsFound(t *testing.T) {
	checker, err := httpapitest.New()
	if err != nil {
		t.Fatal(err)
	}
	problem := func(edit ...string) string {
		return strings.NewReplacer(edit...).Replace(`{"type":"urn:lockd:problem:occupied","title":"Held","status":409,"detail":"d","code":"occupied",` +
			`"retryable":true,"applied":"no","result":"occupied","key":"k","holders":[],"waiting":0}`)
	}
	for _, c := range []struct {
		name string
		got  *http.Response
	}{
		{"a field missing", answer(200, api.ContentJSON, strings.Replace(acquired, `"token":1,`, "", 1))},
		{"a field too many", answer(200, api.ContentJSON, strings.Replace(acquired, `"token":1,`, `"token":1,"other":1,`, 1))},
		{"a wrong type", answer(200, api.ContentJSON, strings.Replace(acquired, `"token":1,`, `"token":"1",`, 1))},
		{"a token of zero", answer(200, api.ContentJSON, strings.Replace(acquired, `"token":1,`, `"token":0,`, 1))},
		{"a time that is none", answer(200, api.ContentJSON, strings.Replace(acquired, "2026-01-02T", "2026-01-02 ", 1))},
		{"another result", answer(200, api.ContentJSON, strings.Replace(acquired, `"result":"acquired"`, `"result":"released"`, 1))},
		{"an undeclared status", answer(204, api.ContentJSON, "")},
		{"another media type", answer(200, "text/plain", acquired)},
		{"a problem that is not declared as one", answer(409, api.ContentJSON, problem())},
		{"an unknown code", answer(409, api.ContentProblem, problem(`"code":"occupied"`, `"code":"busy"`))},
		{"a code of another status", answer(409, api.ContentProblem, problem(`"code":"occupied"`, `"code":"no_leader"`))},
		{"occupied without its holders", answer(409, api.ContentProblem, problem(`"holders":[],`, ""))},
		{"a field of another code", answer(409, api.ContentProblem, problem(`"waiting":0`, `"waiting":0,"cycle":["a"]`))},
		{"a path that does not exist, said so wrongly", answer(404, api.ContentProblem, `{"code":"not_found","status":404}`)},
		{"a refused method without Allow", answer(405, api.ContentProblem,
			`{"type":"urn:lockd:problem:method_not_allowed","title":"The path does not take this method","status":405,"detail":"d","code":"method_not_allowed","retryable":false,"applied":"no"}`)},
	} {
		if err := checker.Check(request(t, "POST", "/v1/keys/acquire", acquire), []byte(acquire), c.got); !errors.Is(err, httpapitest.ErrMismatch) {
			t.Errorf("%s was not found: %v", c.name, err)
		}
	}
	bare := answer(200, api.ContentJSON, acquired)
	bare.Header.Del(api.HeaderIndex)
	if err := checker.Check(request(t, "POST", "/v1/keys/acquire", acquire), []byte(acquire), bare); !errors.Is(err, httpapitest.ErrMismatch) {
		t.Errorf("a missing Lockd-Index was not found: %v", err)
	}
	const unknown = `{"key":"k","run_id":"r","bogus":1}`
	taken := answer(200, api.ContentJSON, acquired)
	if err := checker.Check(request(t, "POST", "/v1/keys/acquire", unknown), []byte(unknown), taken); !errors.Is(err, httpapitest.ErrMismatch) {
		t.Errorf("a request that should not have been taken was not found: %v", err)
	}
}
