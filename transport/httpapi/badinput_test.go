package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lockd/api"
)

// badBodies are refused as invalid_request with a detail that names the field.
// S stands for a live session.
var badBodies = []struct{ path, body, field string }{
	{"/v1/keys/acquire", ``, "body"},
	{"/v1/keys/acquire", `[]`, "body"},
	{"/v1/keys/acquire", `null`, "body"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r"} x`, "body"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r"}{}`, "body"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r"`, "body"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","other":1}`, "other"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","Key":"k"}`, "Key"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","key":"l"}`, "key"},
	{"/v1/keys/acquire", `{"run_id":"r"}`, "key"},
	{"/v1/keys/acquire", `{"key":"","run_id":"r"}`, "key"},
	{"/v1/keys/acquire", `{"key":null,"run_id":"r"}`, "key"},
	{"/v1/keys/acquire", `{"key":7,"run_id":"r"}`, "key"},
	{"/v1/keys/acquire", `{"key":"a\u0000b","run_id":"r"}`, "key"},
	{"/v1/keys/acquire", "{\"key\":\"a\x00b\",\"run_id\":\"r\"}", "key"},
	{"/v1/keys/acquire", `{"key":"a\u0085b","run_id":"r"}`, "key"},
	{"/v1/keys/acquire", "{\"key\":\"\xff\",\"run_id\":\"r\"}", "key"},
	{"/v1/keys/acquire", `{"key":"\ud800","run_id":"r"}`, "key"},
	{"/v1/keys/acquire", `{"key":"` + strings.Repeat("k", 513) + `","run_id":"r"}`, "key"},
	{"/v1/keys/acquire", `{"key":"k"}`, "run_id"},
	{"/v1/keys/acquire", `{"key":"k","run_id":""}`, "run_id"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"a\nb"}`, "run_id"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"` + strings.Repeat("r", 129) + `"}`, "run_id"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","limit":0}`, "limit"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","limit":10001}`, "limit"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","limit":-1}`, "limit"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","limit":1.5}`, "limit"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","limit":"1"}`, "limit"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","ttl":"10s","session":"S"}`, "ttl"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","ttl":"10s","seq":1}`, "ttl"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","ttl":"8760h"}`, "ttl"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","ttl":"999ms"}`, "ttl"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","ttl":"0s"}`, "ttl"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","ttl":10}`, "ttl"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","ttl":"10"}`, "ttl"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","ttl":"9999999999999h"}`, "ttl"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","wait":"5s"}`, "wait"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","wait":"-5s","session":"S"}`, "wait"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","wait":"25h","session":"S"}`, "wait"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","poll":"-1s"}`, "poll"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","poll":"61m"}`, "poll"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","session":""}`, "session"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","seq":1}`, "seq"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","seq":0,"session":"S"}`, "seq"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","acked":1}`, "acked"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","done":[1]}`, "done"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","session":"S","done":[1,"2"]}`, "done[1]"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","reason":"` + strings.Repeat("x", 513) + `"}`, "reason"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","reason":"\u001b[2J"}`, "reason"},
	{"/v1/keys/acquire", `{"key":"k","run_id":"r","mode":"shared"}`, "mode"},
	{"/v1/keys/release", `{"key":"k","run_id":"r","token":0}`, "token"},
	{"/v1/keys/release", `{"key":"k","run_id":"r","token":-1}`, "token"},
	{"/v1/keys/release", `{"key":"k","run_id":"r","token":9007199254740992}`, "token"},
	{"/v1/keys/release", `{"key":"k","run_id":"r","wait":"1s"}`, "wait"},
	{"/v1/keys/release", `{"key":"k"}`, "run_id"},
	{"/v1/keys/break", `{"key":"k","token":1}`, "reason"},
	{"/v1/keys/break", `{"key":"k","reason":"x"}`, "token"},
	{"/v1/keys/break", `{"token":1,"reason":"x"}`, "key"},
	{"/v1/keys/break", `{"key":"k","token":1,"reason":"x","client":"ann"}`, "client"},
	{"/v1/keys/break", `{"key":"k","token":1,"reason":"x","client":{"pid":-1}}`, "client.pid"},
	{"/v1/keys/break", `{"key":"k","token":1,"reason":"x","client":{"user":"ann"}}`, "client.user"},
	{"/v1/locks/acquire", `{"run_id":"r"}`, "ref"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":""}`, "ref"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"a/../../b"}`, "ref"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"a/.."}`, "ref"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"///"}`, "ref"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"` + strings.Repeat("a/", 33) + `"}`, "ref"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"` + strings.Repeat("a", 513) + `"}`, "ref"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"a\u0000"}`, "ref"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"a","refs":[{"ref":"b"}]}`, "ref"},
	{"/v1/locks/acquire", `{"run_id":"r","mode":"shared","refs":[{"ref":"b"}]}`, "mode"},
	{"/v1/locks/acquire", `{"run_id":"r","scope":"tree","refs":[{"ref":"b"}]}`, "scope"},
	{"/v1/locks/acquire", `{"run_id":"r","refs":[]}`, "refs"},
	{"/v1/locks/acquire", `{"run_id":"r","refs":["a"]}`, "refs[0]"},
	{"/v1/locks/acquire", `{"run_id":"r","refs":[{"ref":"a"},{"ref":".."}]}`, "refs[1].ref"},
	{"/v1/locks/acquire", `{"run_id":"r","refs":[{"mode":"shared"}]}`, "refs[0].ref"},
	{"/v1/locks/acquire", `{"run_id":"r","refs":[{"ref":"a","mode":"write"}]}`, "refs[0].mode"},
	{"/v1/locks/acquire", `{"run_id":"r","refs":[` + strings.TrimSuffix(strings.Repeat(`{"ref":"a"},`, 65), ",") + `]}`, "refs"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"a","mode":"Exclusive"}`, "mode"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"a","scope":"subtree"}`, "scope"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"a","limit":2}`, "limit"},
	{"/v1/locks/acquire", `{"run_id":"r","ref":"a","wait":"1s"}`, "wait"},
	{"/v1/locks/release", `{"run_id":"r"}`, "ref"},
	{"/v1/locks/release", `{"run_id":"r","ref":"a","refs":[{"ref":"b"}]}`, "ref"},
	{"/v1/locks/release", `{"run_id":"r","token":1,"refs":[{"ref":"b"}]}`, "token"},
	{"/v1/locks/release", `{"run_id":"r","refs":[{"ref":"b","token":1},{"ref":"/b","token":2}]}`, "refs[1].token"},
	{"/v1/locks/downgrade", `{"run_id":"r","ref":"..","mode":"shared"}`, "ref"},
	{"/v1/locks/downgrade", `{"ref":"a","mode":"shared"}`, "run_id"},
	{"/v1/locks/break", `{"ref":"a","token":1}`, "reason"},
	{"/v1/check", `{"token":1}`, "key"},
	{"/v1/check", `{"key":"k","ref":"a","token":1}`, "ref"},
	{"/v1/check", `{"key":"k"}`, "token"},
	{"/v1/check?consistency=strong", `{"key":"k","token":1}`, "consistency"},
	{"/v1/sessions", ``, "body"},
	{"/v1/sessions", `{}`, "ttl"},
	{"/v1/sessions", `{"ttl":"25h"}`, "ttl"},
	{"/v1/sessions", `{"ttl":"-1s"}`, "ttl"},
	{"/v1/sessions", `{"ttl":"10s","lock_delay":"61s"}`, "lock_delay"},
	{"/v1/sessions", `{"ttl":"10s","lock_delay":"-1s"}`, "lock_delay"},
	{"/v1/sessions", `{"ttl":"10s","client":"me"}`, "client"},
	{"/v1/sessions", `{"ttl":"10s","client":{"user":"me"}}`, "client.user"},
	{"/v1/sessions", `{"ttl":"10s","client":{"name":"` + strings.Repeat("n", 257) + `"}}`, "client.name"},
	{"/v1/sessions", `{"ttl":"10s","client":{"pid":-1}}`, "client.pid"},
	{"/v1/sessions/keepalive", `{}`, "ids"},
	{"/v1/sessions/keepalive", `{"ids":[1]}`, "ids[0]"},
	{"/v1/sessions/keepalive", `{"ids":[` + strings.TrimSuffix(strings.Repeat(`"x",`, 1001), ",") + `]}`, "ids"},
	{"/v1/sessions/S/keepalive", `{"ttl":"10s"}`, "ttl"},
	{"/v1/leader/transfer", `{"to":"nobody"}`, "to"},
	{"/v1/leader/transfer", `{"to":""}`, "to"},
	{"/v1/keys/acquire?wait=5s", `{"key":"k","run_id":"r"}`, "wait"},
}

func TestBadBodiesAreRefusedByFieldAndChangeNothing(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		session := h.open("24h")
		index, hash := h.version()
		for _, c := range badBodies {
			path, body := strings.ReplaceAll(c.path, "/S/", "/"+session+"/"), strings.ReplaceAll(c.body, `"S"`, `"`+session+`"`)
			name := fmt.Sprintf("%s %.80q", c.path, c.body)
			got := h.post(path, body)
			if got.status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", name, got.status, got.body)
				continue
			}
			p := got.problem(api.CodeInvalidRequest)
			field := fmt.Sprintf("field %q ", c.field)
			if c.field == "body" {
				field = "the body "
			}
			if !strings.HasPrefix(p.Detail, field) || p.Retryable || p.Applied != api.AppliedNo {
				t.Errorf("%s: %+v", name, p)
			}
			if after, same := h.version(); after != index || same != hash {
				t.Fatalf("%s: changed the table", name)
			}
		}
	})
}

func TestBadPathsAndQueriesAreRefusedByField(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		for _, c := range []struct{ path, detail string }{
			{"/v1/keys/a//b", "?key="},
			{"/v1/keys/a/../b", "?key="},
			{"/v1/keys/./a", "?key="},
			{"/v1/keys/%2e%2e/a", "?key="},
			{"/v1/keys/a/", "?key="},
			{"/v1/keys/", "?key="},
			{"/v1/keys/a%00b", `"key"`},
			{"/v1/keys/%ff", `"key"`},
			{"/v1/keys?key=", `"key"`},
			{"/v1/keys?key=a&prefix=b", `"prefix"`},
			{"/v1/keys?key=a&key=b", `"key"`},
			{"/v1/keys?limit=0", `"limit"`},
			{"/v1/keys?limit=1001", `"limit"`},
			{"/v1/keys?limit=-1", `"limit"`},
			{"/v1/keys?limit=", `"limit"`},
			{"/v1/keys?prefix=%ff", `"prefix"`},
			{"/v1/keys?after=%00", `"after"`},
			{"/v1/keys?ref=a", `"ref"`},
			{"/v1/keys?prefix=%zz", `"query"`},
			{"/v1/keys/k?consistency=", `"consistency"`},
			{"/v1/keys/k?consistency=eventual", `"consistency"`},
			{"/v1/locks?ref=a/../..", `"ref"`},
			{"/v1/locks/a/../../b", `"ref"`},
			{"/v1/history", `"key"`},
			{"/v1/history?key=", `"key"`},
			{"/v1/history?key=a&ref=a", `"ref"`},
			{"/v1/history?key=&ref=a", `"ref"`},
			{"/v1/history?key=a%00", `"key"`},
			{"/v1/history?ref=..", `"ref"`},
			{"/v1/history?key=a&prefix=b", `"prefix"`},
			{"/v1/history?key=a&consistency=eventual", `"consistency"`},
			{"/v1/runs/a%00", `"run_id"`},
			{"/v1/runs/" + strings.Repeat("r", 129), `"run_id"`},
			{"/v1/sessions?after=x", `"after"`},
			{"/v1/events?kind=nothing", `"kind"`},
			{"/v1/events?prefix=%00", `"prefix"`},
			{"/v1/status?verbose=1", `"verbose"`},
		} {
			p := h.get(c.path).problem(api.CodeInvalidRequest)
			if !strings.Contains(p.Detail, c.detail) {
				t.Errorf("%s: %s", c.path, p.Detail)
			}
		}
		for _, id := range []string{"x", "1", "-1", "1-", "1-x", "-1-1", "1-99999999999"} {
			p := h.call(t.Context(), http.MethodGet, "/v1/events", "", "Last-Event-ID", id).problem(api.CodeInvalidRequest)
			if !strings.Contains(p.Detail, "Last-Event-ID") {
				t.Errorf("%s: %s", id, p.Detail)
			}
		}
	})
}

func TestABodyThatIsNotJSONIsRefusedWithTheRemedy(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		const body = `{"key":"k","run_id":"r"}`
		for _, media := range []string{"application/x-www-form-urlencoded", "text/plain", "application/json; charset=latin1", "application/xml", "nonsense"} {
			p := h.call(t.Context(), http.MethodPost, "/v1/keys/acquire", body, "Content-Type", media).problem(api.CodeUnsupportedMediaType)
			if !strings.Contains(p.Detail, "-H 'Content-Type: application/json'") {
				t.Errorf("%s: %s", media, p.Detail)
			}
		}
		h.call(t.Context(), http.MethodPost, "/v1/keys/acquire", body, "Content-Encoding", "gzip").problem(api.CodeUnsupportedMediaType)
		for _, media := range []string{"", "application/json", "application/json; charset=UTF-8", "Application/JSON"} {
			h.call(t.Context(), http.MethodPost, "/v1/keys/acquire", body, "Content-Type", media).is(200)
		}
	})
}

func TestABodyOver64KiBIsRefused(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		index, _ := h.version()
		for _, size := range []int{api.MaxBodyBytes + 1, 10 << 20} {
			h.post("/v1/keys/acquire", `{"key":"`+strings.Repeat("k", size)).problem(api.CodeTooLarge)
		}
		fits := `{"key":"k","run_id":"r"}`
		h.post("/v1/keys/acquire", fits+strings.Repeat(" ", api.MaxBodyBytes-len(fits))).is(200)
		if after, _ := h.version(); after != index+1 {
			t.Errorf("applied %d commands, want 1", after-index)
		}
	})
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		for _, path := range []string{"/", "/v1", "/v1/", "/v2/keys", "/v1/keysx", "//v1/keys", "/v1//keys", "/v1/sessions/", "/v1/runs/a/b", "/v1/sessions/a/b", "/favicon.ico"} {
			h.get(path).problem(api.CodeNotFound)
		}
		for _, c := range []struct{ method, path, allow string }{
			{"PUT", "/v1/keys/acquire", "GET, HEAD, POST"},
			{"DELETE", "/v1/keys/k", "GET, HEAD"},
			{"POST", "/v1/status", "GET, HEAD"},
			{"PUT", "/v1/runs/r", "DELETE, GET, HEAD"},
			{"GET", "/v1/leader/transfer", "POST"},
			{"OPTIONS", "/v1/sessions", "GET, HEAD, POST"},
		} {
			got := h.call(t.Context(), c.method, c.path, "")
			got.problem(api.CodeMethodNotAllowed)
			if got.header.Get("Allow") != c.allow {
				t.Errorf("%s %s: Allow %q", c.method, c.path, got.header.Get("Allow"))
			}
		}
	})
}

func TestAWebPageOfAnotherOriginMayNotChangeLocks(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		const body = `{"key":"k","run_id":"r"}`
		h.call(t.Context(), http.MethodPost, "/v1/keys/acquire", body, "Sec-Fetch-Site", "cross-site").problem(api.CodeForbidden)
		h.call(t.Context(), http.MethodPost, "/v1/keys/acquire", body, "Origin", "http://evil.test").problem(api.CodeForbidden)
		h.call(t.Context(), http.MethodPost, "/v1/keys/acquire", body, "Sec-Fetch-Site", "same-origin").is(200)
	})
}
