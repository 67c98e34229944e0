package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"lockd/api"
)

func (h *harness) history(query string) api.History {
	h.t.Helper()
	var history api.History
	h.get("/v1/history?" + query).is(200).read(&history)
	return history
}

func TestHistoryTellsHowTheLastGrantsOfANameEnded(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var session api.SessionOpened
		var held api.LockAcquired
		h.post("/v1/sessions", `{"ttl":"10s","client":{"name":"deploy","host":"build-7","pid":4711}}`).is(201).read(&session)
		h.post("/v1/locks/acquire", `{"ref":"a/b","run_id":"r1","mode":"shared","reason":"nightly","session":"`+session.ID+`"}`).is(200)
		time.Sleep(1500 * time.Millisecond)
		h.post("/v1/locks/acquire", `{"ref":"a/b","run_id":"r1","scope":"tree"}`).is(200)
		h.call(t.Context(), "DELETE", "/v1/sessions/"+session.ID, "").is(200)
		h.post("/v1/locks/acquire", `{"ref":"a/b","run_id":"r2"}`).is(200)
		h.post("/v1/locks/release", `{"ref":"a/b","run_id":"r2"}`).is(200)
		h.post("/v1/locks/acquire", `{"ref":"a/b","run_id":"r3"}`).is(200).read(&held)
		h.post("/v1/locks/break", `{"ref":"a/b","token":`+text(held.Locks[0].Token)+`,"reason":"stuck","client":{"name":"ann","host":"admin-1","pid":88}}`).is(200)

		got := h.history("ref=/a/./b")
		if got.Ref != "a/b" || got.Key != "" || len(got.Endings) != 4 {
			t.Fatalf("history: %+v", got)
		}
		for i, want := range []struct {
			run   string
			end   api.End
			mode  api.Mode
			scope api.Scope
		}{
			{"r3", api.WasBroken, api.Exclusive, api.Node},
			{"r2", api.WasReleased, api.Exclusive, api.Node},
			{"r1", api.WasClosed, api.Exclusive, api.Tree},
			{"r1", api.WasReplaced, api.Shared, api.Node},
		} {
			e := got.Endings[i]
			if e.RunID != want.run || e.End != want.end || e.Mode != want.mode || e.Scope != want.scope || e.Token != uint64(4-i) {
				t.Errorf("ending %d: %+v, want %+v", i, e, want)
			}
			if (e.By != nil) != (e.End == api.WasBroken) {
				t.Errorf("ending %d: by %+v", i, e.By)
			}
		}
		if by := got.Endings[0].By; by.Reason != "stuck" || *by.Client != (api.Client{Name: "ann", Host: "admin-1", PID: 88}) {
			t.Errorf("broken by %+v", by)
		}
		first := got.Endings[3]
		if first.Reason != "nightly" || *first.Client != (api.Client{Name: "deploy", Host: "build-7", PID: 4711}) {
			t.Errorf("first: %+v", first)
		}
		if first.HeldMS < 1500 || first.HeldMS > 2500 || first.EndedAt.Sub(first.AcquiredAt).Milliseconds() != first.HeldMS {
			t.Errorf("held %d ms from %v to %v", first.HeldMS, first.AcquiredAt, first.EndedAt)
		}
	})
}

func TestHistoryOfAKeyTellsWhoItsSessionLostAndWhereABreakCameFrom(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var held api.KeyAcquired
		h.post("/v1/keys/acquire", `{"key":"a//b","run_id":"r1","ttl":"1s"}`).is(200)
		h.until("the expiry", func() bool { return len(h.history("key=a%2F%2Fb").Endings) == 1 })
		h.post("/v1/keys/acquire", `{"key":"a//b","run_id":"r2"}`).is(200).read(&held)
		h.post("/v1/keys/break", `{"key":"a//b","token":`+text(held.Token)+`,"reason":"stuck"}`).is(200)

		got := h.history("key=a%2F%2Fb&consistency=stale")
		if got.Key != "a//b" || got.Ref != "" || len(got.Endings) != 2 {
			t.Fatalf("history: %+v", got)
		}
		if e := got.Endings[1]; e.End != api.Expired || e.RunID != "r1" || e.Scope != "" || e.By != nil {
			t.Errorf("first: %+v", e)
		}
		if by := got.Endings[0].By; by == nil || by.Reason != "stuck" || by.Client == nil || by.Client.Host != "192.0.2.1" {
			t.Errorf("broken by %+v", by)
		}
	})
}

func TestANameWithoutHistoryHasAnEmptyOne(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r"}`).is(200)
		for query, want := range map[string]string{
			"key=k": `{"key":"k","endings":[]}`,
			"ref=k": `{"ref":"k","endings":[]}`,
		} {
			if got := strings.TrimSpace(string(h.get("/v1/history?" + query).is(200).body)); got != want {
				t.Errorf("%s: %s", query, got)
			}
		}
	})
}
