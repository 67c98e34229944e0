package api_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"lockd/api"
)

func TestDurationIsAGoDurationStringBothWays(t *testing.T) {
	b, err := json.Marshal(api.Duration(90 * time.Second))
	if err != nil || string(b) != `"1m30s"` {
		t.Fatalf("marshalled as %s, %v", b, err)
	}
	var d api.Duration
	if err := json.Unmarshal([]byte(`"250ms"`), &d); err != nil || time.Duration(d) != 250*time.Millisecond {
		t.Fatalf("read as %v, %v", d, err)
	}
}

func TestDurationRefusesWhatIsNoDurationString(t *testing.T) {
	for _, body := range []string{`5`, `1.5`, `true`, `{}`, `[]`, `""`, `"5"`, `"five seconds"`, `"1y"`} {
		var d api.Duration
		if err := json.Unmarshal([]byte(body), &d); !errors.Is(err, api.ErrBadDuration) {
			t.Errorf("%s: got %v, %v", body, d, err)
		}
	}
}

func TestEveryCodeHasAStatusAndATitle(t *testing.T) {
	for _, code := range api.Codes() {
		p := api.NewProblem(code, "detail")
		if http.StatusText(p.Status) == "" || p.Status < 400 || p.Status != code.Status() {
			t.Errorf("%s: status %d", code, p.Status)
		}
		if p.Title == "" || p.Type != "urn:lockd:problem:"+string(code) || p.Error() != string(code)+": detail" {
			t.Errorf("%s: %+v", code, p)
		}
		if (p.Applied != api.AppliedNo) && (p.Applied != api.AppliedUnknown) {
			t.Errorf("%s: applied %q", code, p.Applied)
		}
	}
}

func TestACodeThatIsNoneIsAnInternalError(t *testing.T) {
	if got := api.Code("made_up").Status(); got != http.StatusInternalServerError {
		t.Errorf("status %d", got)
	}
}

func TestZeroIsOmittedWhereAbsentMeansTheSameAndKeptElsewhere(t *testing.T) {
	zero := int64(0)
	for _, c := range []struct {
		value any
		want  string
	}{
		{api.KeyAcquire{Key: "k", RunID: "r"}, `{"key":"k","run_id":"r"}`},
		{api.KeyAcquire{Key: "k", RunID: "r", TTL: api.Duration(time.Second), Once: api.Once{Seq: 1}}, `{"key":"k","run_id":"r","ttl":"1s","seq":1}`},
		{api.KeyAcquire{Key: "k", RunID: "r", Poll: new(api.Duration)}, `{"key":"k","run_id":"r","poll":"0s"}`},
		{api.LockAcquire{Ref: "a", RunID: "r"}, `{"ref":"a","run_id":"r"}`},
		{api.SessionState{ExpiresInMS: &zero}.ExpiresInMS, `0`},
		{api.KeyState{Key: "k", Holders: []api.Hold{}, Waiters: []api.Wait{}, Limit: 1}, `{"key":"k","occupied":false,"holders":[],"waiters":[],"limit":1}`},
		{api.KeyReleased{Result: api.Released, Key: "k", RunID: "r"}, `{"result":"released","key":"k","run_id":"r"}`},
		{api.History{Name: api.Name{Ref: "a"}, Endings: []api.Ending{}}, `{"ref":"a","endings":[]}`},
		{
			api.Ending{RunID: "r", Token: 7, Mode: api.Shared, End: api.WasReplaced, AcquiredAt: time.UnixMilli(1).UTC(), EndedAt: time.UnixMilli(2).UTC(), HeldMS: 1},
			`{"run_id":"r","token":7,"mode":"shared","end":"replaced","acquired_at":"1970-01-01T00:00:00.001Z","ended_at":"1970-01-01T00:00:00.002Z","held_ms":1}`,
		},
		{
			api.NamedHold{Key: "k", Hold: api.Hold{Token: 7, Mode: api.Exclusive, AcquiredAt: time.UnixMilli(1).UTC()}},
			`{"key":"k","token":7,"mode":"exclusive","acquired_at":"1970-01-01T00:00:00.001Z","held_ms":0,"client":{}}`,
		},
	} {
		got, err := json.Marshal(c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("got  %s, %v\nwant %s", got, err, c.want)
		}
	}
}
