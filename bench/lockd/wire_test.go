package lockd

import (
	"encoding/json"
	"maps"
	"testing"
	"time"

	"lockd/bench/system"
)

func TestBodiesAreTheOnesOfTheAPI(t *testing.T) {
	hold := system.Hold{Lock: "w1.r0.own.3", Owner: "client-3:w1.r0.own.3", Fence: 17}
	begun := appendNames(nil, hold.Lock, hold.Owner)
	names := map[string]any{"key": hold.Lock, "run_id": hold.Owner}
	with := func(more map[string]any) map[string]any {
		all := maps.Clone(names)
		maps.Copy(all, more)
		return all
	}
	for name, c := range map[string]struct {
		body []byte
		want map[string]any
	}{
		"try":              {appendAcquire(nil, begun, 0, once{}), names},
		"wait, once":       {appendAcquire(nil, begun, time.Minute, once{"s-1", 4}), with(map[string]any{"wait": "1m0s", "poll": poll.String(), "session": "s-1", "seq": 4.0, "acked": 3.0})},
		"release":          {appendRelease(nil, begun, hold.Fence, once{}), with(map[string]any{"token": 17.0})},
		"release, once":    {appendRelease(nil, begun, hold.Fence, once{"s-1", 1}), with(map[string]any{"token": 17.0, "session": "s-1", "seq": 1.0, "acked": 0.0})},
		"open a session":   {appendOpen(nil, 1500*time.Millisecond), map[string]any{"ttl": "1.5s", "client": map[string]any{"name": "bench"}}},
		"renew no session": {appendRenew(nil, nil), map[string]any{"ids": []any{}}},
		"renew sessions":   {appendRenew(nil, []string{"a", "b"}), map[string]any{"ids": []any{"a", "b"}}},
	} {
		var got map[string]any
		if err := json.Unmarshal(c.body, &got); err != nil {
			t.Errorf("%s: %s: %v", name, c.body, err)
			continue
		}
		want, err := json.Marshal(c.want)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := json.Marshal(got); err != nil || string(back) != string(want) {
			t.Errorf("%s: %s, want %s", name, back, want)
		}
	}
}

func TestTextsThatNeedQuotesGetThem(t *testing.T) {
	for _, text := range []string{"", "plain-1:x", `a"b`, `a\b`, "tab\t"} {
		var got string
		if err := json.Unmarshal(appendText(nil, text), &got); err != nil || got != text {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestAnswersAreScanned(t *testing.T) {
	const acquired = `{"result":"acquired","key":"token","run_id":"code","token":42,"reentrant":false,"previous":{"token":7}}`
	if got := numberOf([]byte(acquired), "token"); got != 42 {
		t.Errorf("token %d, want 42", got)
	}
	if got := textOf([]byte(acquired), "run_id"); got != "code" {
		t.Errorf("run %q, want code", got)
	}
	const spaced = `{ "code" : "occupied", "token" : 9 }`
	if code, token := textOf([]byte(spaced), "code"), numberOf([]byte(spaced), "token"); code != "occupied" || token != 9 {
		t.Errorf("%q and %d", code, token)
	}
	for _, other := range []string{``, `{}`, `{"token":"x"}`, `{"code":7}`, `{"mytoken":3}`, `{"code":"cut`, `{"token"`, `"code"`} {
		if code, token := textOf([]byte(other), "code"), numberOf([]byte(other), "token"); code != "" || token != 0 {
			t.Errorf("%s: %q and %d", other, code, token)
		}
	}
}
