package httpapi_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"lockd/api"
)

func TestASessionIsOpenedKeptAndClosedWithItsHolds(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var opened api.SessionOpened
		h.post("/v1/sessions", `{"ttl":"10s","lock_delay":"5s","client":{"name":"worker","host":"h1","pid":7}}`).is(http.StatusCreated).read(&opened)
		if opened.TTLMS != 10_000 || opened.LockDelayMS != 5_000 || opened.ExpiresInMS <= 0 || opened.ExpiresInMS > 10_000 || opened.ID == "" {
			t.Fatalf("%+v", opened)
		}
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r","session":"`+opened.ID+`"}`).is(200)
		for range 5 {
			time.Sleep(6 * time.Second)
			var kept api.SessionKept
			h.post("/v1/sessions/"+opened.ID+"/keepalive", "").is(200).read(&kept)
			if kept.ID != opened.ID || kept.TTLMS != 10_000 || kept.ExpiresInMS <= 9_000 || kept.Lost != 0 {
				t.Fatalf("%+v", kept)
			}
		}
		var state api.SessionState
		h.get("/v1/sessions/" + opened.ID).is(200).read(&state)
		if state.Holds != 1 || state.Requests != 0 || state.Private || state.Client != (api.Client{Name: "worker", Host: "h1", PID: 7}) || state.ExpiresInMS == nil {
			t.Errorf("%+v", state)
		}
		var key api.KeyState
		if h.get("/v1/keys/k").is(200).read(&key); key.Holders[0].Client.Name != "worker" {
			t.Errorf("%+v", key.Holders[0])
		}
		var count api.ReleasedCount
		h.delete("/v1/sessions/" + opened.ID).is(200).read(&count)
		if count.Released != 1 {
			t.Errorf("released %d", count.Released)
		}
		h.delete("/v1/sessions/" + opened.ID).problem(api.CodeSessionNotFound)
	})
}

func TestAnExpiredSessionIsGoneAndItsHoldStaysClosedForTheLockDelay(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var opened api.SessionOpened
		h.post("/v1/sessions", `{"ttl":"2s","lock_delay":"10s"}`).is(http.StatusCreated).read(&opened)
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r","session":"`+opened.ID+`"}`).is(200)
		time.Sleep(4 * time.Second)
		h.post("/v1/sessions/"+opened.ID+"/keepalive", "{}").problem(api.CodeSessionNotFound)
		p := h.post("/v1/keys/acquire", `{"key":"k","run_id":"s"}`).problem(api.CodeOccupied)
		if p.HolderRunID != "" || len(p.Holders) != 1 || p.Holders[0].Ended != api.Expired || p.Holders[0].RunID != "" {
			t.Errorf("%+v", p)
		}
		time.Sleep(10 * time.Second)
		var next api.KeyAcquired
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"s"}`).is(200).read(&next)
		if next.Previous == nil || *next.Previous != (api.Previous{RunID: "r", End: api.Expired}) {
			t.Errorf("%+v", next)
		}
	})
}

func TestBatchKeepaliveTellsTheLivingFromTheGone(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		a, b := h.open("10s"), h.open("1m")
		h.delete("/v1/sessions/" + b).is(200)
		var kept api.KeptAlive
		h.post("/v1/sessions/keepalive", `{"ids":["`+a+`","`+b+`","no id of ours"]}`).is(200).read(&kept)
		slices.Sort(kept.Gone)
		if len(kept.Alive) != 1 || kept.Alive[0].ID != a || kept.Alive[0].ExpiresInMS <= 9_000 || !slices.Equal(kept.Gone, []string{"no id of ours", b}) {
			t.Errorf("%+v", kept)
		}
		h.post("/v1/sessions/keepalive", `{"ids":[]}`).is(200).read(&kept)
		if len(kept.Alive) != 0 || len(kept.Gone) != 0 {
			t.Errorf("%+v", kept)
		}
	})
}

func TestLostCountsWhatBreakTook(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		session := h.open("1m")
		var held api.KeyAcquired
		var kept api.SessionKept
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r","session":"`+session+`"}`).is(200).read(&held)
		h.post("/v1/keys/break", `{"key":"k","token":`+text(held.Token)+`,"reason":"stuck"}`).is(200)
		h.post("/v1/sessions/"+session+"/keepalive", "").is(200).read(&kept)
		if kept.Lost != 1 {
			t.Errorf("%+v", kept)
		}
	})
}

func TestSessionsAreListedInTheOrderOfOpening(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		ids := []string{h.open("1m"), h.open("1m"), h.open("1m")}
		var page, rest api.SessionList
		h.get("/v1/sessions?limit=2").is(200).read(&page)
		h.get("/v1/sessions?after=" + page.Next).is(200).read(&rest)
		if len(page.Sessions) != 2 || page.Sessions[0].ID != ids[0] || page.Next != ids[1] || len(rest.Sessions) != 1 || rest.Sessions[0].ID != ids[2] || rest.Next != "" {
			t.Errorf("%+v then %+v", page, rest)
		}
	})
}

func TestIDsThatTheServerNeverGaveNameNoSession(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		for _, id := range []string{"x", "s1", "s1-0", "s0-0000000000000001", "s1-0000000000000001", "S1-0000000000000001", "s01-0000000000000001", "%FF", "a%2Fb"} {
			h.get("/v1/sessions/" + id).problem(api.CodeSessionNotFound)
			h.delete("/v1/sessions/" + id).problem(api.CodeSessionNotFound)
			h.post("/v1/sessions/"+id+"/keepalive", "").problem(api.CodeSessionNotFound)
		}
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r","session":"mine"}`).problem(api.CodeSessionNotFound)
	})
}
