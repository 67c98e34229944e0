package httpapi_test

import (
	"testing"

	"lockd/api"
)

func TestWhatASessionLosesIsToldOverItsStream(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		kept, other, closed := h.open("10s"), h.open("1h"), h.open("1h")
		k.say(`[{"id":1,"path":"/v1/sessions/` + kept + `/keepalive"},{"id":2,"path":"/v1/sessions/keepalive","body":{"ids":["` + kept + `","` + closed + `"]}}]`)
		k.answer()
		k.answer()
		for _, key := range []string{"a", "b"} {
			h.post("/v1/keys/acquire", `{"key":"`+key+`","run_id":"r","session":"`+kept+`"}`).is(200)
			h.post("/v1/keys/acquire", `{"key":"`+key+`2","run_id":"r","session":"`+other+`"}`).is(200)
		}
		h.post("/v1/keys/break", `{"key":"a2","token":2,"reason":"not this session"}`).is(200)
		h.post("/v1/keys/break", `{"key":"a","token":1,"reason":"why"}`).is(200)
		if m := k.answer(); m.Lost == nil || m.Lost.Session != kept || m.Lost.Lost != 1 || m.Lost.Event.Kind != api.EventBroken || m.Lost.Event.Token != 1 {
			t.Errorf("%+v", m)
		}
		h.post("/v1/keys/acquire", `{"key":"b","run_id":"r","session":"`+other+`"}`).is(200)
		if m := k.answer(); m.Lost == nil || m.Lost.Session != kept || m.Lost.Lost != 2 || m.Lost.Event.Kind != api.EventMoved || m.Lost.Event.Key != "b" {
			t.Errorf("%+v", m)
		}
		h.delete("/v1/sessions/" + closed).is(200)
		if m := k.answer(); m.Lost == nil || m.Lost.Session != closed || m.Lost.Ended != "closed" {
			t.Errorf("%+v", m)
		}
		if m := k.answer(); m.Lost == nil || m.Lost.Session != kept || m.Lost.Ended != "expired" {
			t.Errorf("%+v", m)
		}
	})
}
