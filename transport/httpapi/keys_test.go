package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockd/api"
)

func TestAKeyIsAcquiredReenteredRefusedAndReleased(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var first, again api.KeyAcquired
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200).read(&first)
		if first.Result != api.Acquired || first.Key != "k" || first.RunID != "a" || first.Token == 0 || first.Reentrant || first.Limit != 1 ||
			time.Since(first.AcquiredAt).Abs() > time.Second || first.AcquiredAt.Location() != time.UTC {
			t.Errorf("acquired: %+v", first)
		}
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200).read(&again)
		if !again.Reentrant || again.Token != first.Token {
			t.Errorf("reentered: %+v", again)
		}

		refused := h.post("/v1/keys/acquire", `{"key":"k","run_id":"b"}`).problem(api.CodeOccupied)
		if refused.Result != api.Occupied || refused.Key != "k" || refused.HolderRunID != "a" || len(refused.Holders) != 1 ||
			refused.Holders[0].Token != first.Token || *refused.Waiting != 0 || !refused.Retryable || refused.Applied != api.AppliedNo || refused.WaitedMS != nil {
			t.Errorf("occupied: %+v", refused)
		}
		index, hash := h.version()
		denied := h.post("/v1/keys/release", `{"key":"k","run_id":"b"}`).problem(api.CodeNotHeld)
		if denied.Result != api.NotHeld || denied.AttemptingRunID != "b" || denied.Key != "k" {
			t.Errorf("not_held: %+v", denied)
		}
		if after, same := h.version(); same != hash || after < index {
			t.Error("a refused release changed the table")
		}

		var released api.KeyReleased
		h.post("/v1/keys/release", `{"key":"k","run_id":"a"}`).is(200).read(&released)
		if released != (api.KeyReleased{Result: api.Released, Key: "k", RunID: "a", Token: first.Token}) {
			t.Errorf("released: %+v", released)
		}
	})
}

func TestLookingAtAKeyTellsWhoHoldsItAndWhoWaits(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var state api.KeyState
		h.get("/v1/keys/k").is(200).read(&state)
		if state.Occupied || state.Holders == nil || state.Waiters == nil || state.Limit != 1 {
			t.Errorf("free: %+v", state)
		}
		session := h.open("1m")
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a","session":"`+session+`","reason":"nightly"}`).is(200)
		waiting := h.later(t.Context(), "/v1/keys/acquire", `{"key":"k","run_id":"b","session":"`+session+`","wait":"10s"}`)
		time.Sleep(3 * time.Second)

		for _, path := range []string{"/v1/keys/k", "/v1/keys?key=k"} {
			state = api.KeyState{}
			h.get(path).is(200).read(&state)
			holder, waiter := state.Holders[0], state.Waiters[0]
			if !state.Occupied || state.HolderRunID != "a" || holder.RunID != "a" || holder.Session != session || holder.Reason != "nightly" ||
				holder.HeldMS != 3000 || holder.Scope != "" || holder.Mode != api.Exclusive || holder.ExpiresInMS == nil || *holder.ExpiresInMS > 57_000 {
				t.Errorf("%s: held: %+v", path, holder)
			}
			if waiter.RunID != "b" || waiter.Position != 1 || waiter.WaitedMS != 3000 || len(waiter.BlockedBy) != 1 || waiter.BlockedBy[0] != "a" {
				t.Errorf("%s: waits: %+v", path, waiter)
			}
		}
		stale := h.get("/v1/keys/k?consistency=stale").is(200)
		state = api.KeyState{}
		stale.read(&state)
		if stale.header.Get(api.HeaderStaleness) != "0" || state.HolderRunID != "a" || state.Holders[0].ExpiresInMS != nil {
			t.Errorf("stale: %v %+v", stale.header, state)
		}
		if p := (<-waiting).problem(api.CodeOccupied); *p.WaitedMS != 10_000 || *p.Waiting != 0 || p.HolderRunID != "a" || p.Withdrawn {
			t.Errorf("after its wait: %+v", p)
		}
	})
}

func TestAWaitingRequestIsAnsweredWhenItIsGranted(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		waiting := h.later(t.Context(), "/v1/keys/acquire", `{"key":"k","run_id":"b","ttl":"10s","wait":"1m"}`)
		time.Sleep(30 * time.Second)
		h.post("/v1/keys/release", `{"key":"k","run_id":"a"}`).is(200)
		var granted api.KeyAcquired
		got := (<-waiting).is(200)
		got.read(&granted)
		if granted.RunID != "b" || granted.Reentrant || granted.Session == "" {
			t.Errorf("granted: %+v", granted)
		}
		h.post("/v1/sessions/"+granted.Session+"/keepalive", "").is(200)
	})
}

func TestPollAnswers202AndTheSameBodyResumesInTheSamePlace(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		session := h.open("10m")
		const wait = `"wait":"5m"`
		early := h.later(t.Context(), "/v1/keys/acquire", `{"key":"k","run_id":"early","session":"`+session+`",`+wait+`}`)
		body := `{"key":"k","run_id":"b","session":"` + session + `",` + wait + `,"poll":"2s","seq":1}`
		var queued api.QueuedAnswer
		begun := time.Now()
		h.post("/v1/keys/acquire", body).is(http.StatusAccepted).read(&queued)
		if time.Since(begun) != 2*time.Second || queued.Result != api.Queued || queued.Position != 2 || queued.Waiting != 2 ||
			queued.WaitLeftMS != 298_000 || queued.Session != session {
			t.Errorf("after %v: %+v", time.Since(begun), queued)
		}
		resumed := h.later(t.Context(), "/v1/keys/acquire", body)
		h.post("/v1/keys/release", `{"key":"k","run_id":"early"}`).is(200)
		if p := (<-early).problem(api.CodeOccupied); !p.Withdrawn {
			t.Errorf("withdrawn: %+v", p)
		}
		(<-resumed).is(http.StatusAccepted).read(&queued)
		if queued.Position != 1 || queued.Waiting != 1 || queued.WaitLeftMS != 296_000 {
			t.Errorf("resumed: %+v", queued)
		}
		again := h.later(t.Context(), "/v1/keys/acquire", body)
		h.post("/v1/keys/release", `{"key":"k","run_id":"a"}`).is(200)
		var granted, repeated api.KeyAcquired
		(<-again).is(200).read(&granted)
		h.post("/v1/keys/acquire", body).is(200).read(&repeated)
		if granted.Token == 0 || repeated.Token != granted.Token || repeated.Reentrant {
			t.Errorf("granted %+v, repeated %+v", granted, repeated)
		}
	})
}

func TestADefaultPollIs50SecondsAndAPollOfZeroAnswersAtOnce(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		begun := time.Now()
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"b","ttl":"2m","wait":"5m"}`).is(http.StatusAccepted)
		if time.Since(begun) != api.DefaultPoll {
			t.Errorf("answered after %v", time.Since(begun))
		}
		begun = time.Now()
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"c","ttl":"2m","wait":"5m","poll":"0s"}`).is(http.StatusAccepted)
		if time.Since(begun) > time.Second {
			t.Errorf("answered after %v", time.Since(begun))
		}
	})
}

func TestARequestStaysQueuedWhenItsClientGoesAway(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		session := h.open("10m")
		ctx, hangUp := context.WithCancel(t.Context())
		gone := h.later(ctx, "/v1/keys/acquire", `{"key":"k","run_id":"b","session":"`+session+`","wait":"5m"}`)
		hangUp()
		<-gone
		var state api.KeyState
		h.get("/v1/keys/k").is(200).read(&state)
		if len(state.Waiters) != 1 || state.Waiters[0].RunID != "b" {
			t.Fatalf("waiters: %+v", state.Waiters)
		}
		h.post("/v1/keys/release", `{"key":"k","run_id":"a"}`).is(200)
		h.get("/v1/keys/k").is(200).read(&state)
		if state.HolderRunID != "b" {
			t.Errorf("held by %q", state.HolderRunID)
		}
	})
}

func TestDrainingAnswers202ToThoseWhoWait(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		waiting := h.later(t.Context(), "/v1/keys/acquire", `{"key":"k","run_id":"b","ttl":"2m","wait":"5m"}`)
		begun := time.Now()
		h.server.Drain()
		(<-waiting).is(http.StatusAccepted)
		if time.Since(begun) != 0 {
			t.Errorf("answered after %v", time.Since(begun))
		}
	})
}

func TestASemaphoreAdmitsAsManyAsItsLimit(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a","limit":2}`).is(200)
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"b","limit":2}`).is(200)
		if p := h.post("/v1/keys/acquire", `{"key":"k","run_id":"c"}`).problem(api.CodeOccupied); len(p.Holders) != 2 || p.HolderRunID != "a" {
			t.Errorf("occupied: %+v", p)
		}
		if p := h.post("/v1/keys/acquire", `{"key":"k","run_id":"c","limit":3}`).problem(api.CodeLimitMismatch); p.Limit != 2 {
			t.Errorf("limit_mismatch: %+v", p)
		}
	})
}

func TestBreakTakesTheHoldWithTheTokenAndTheNextOwnerIsTold(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var held, next api.KeyAcquired
		var broken api.BrokenAnswer
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200).read(&held)
		if p := h.post("/v1/keys/break", `{"key":"k","token":99,"reason":"stuck"}`).problem(api.CodeNotHeld); !strings.Contains(p.Detail, "no hold has this token") {
			t.Errorf("a break of another token: %s", p.Detail)
		}
		if p := h.post("/v1/keys/release", `{"key":"k","run_id":"b"}`).problem(api.CodeNotHeld); !strings.Contains(p.Detail, "the run does not hold this") {
			t.Errorf("a release by another run: %s", p.Detail)
		}
		h.post("/v1/keys/break", `{"key":"k","token":`+text(held.Token)+`,"reason":"stuck"}`).is(200).read(&broken)
		if broken != (api.BrokenAnswer{Result: api.Broken, RunID: "a", Token: held.Token}) {
			t.Errorf("broken: %+v", broken)
		}
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"b"}`).is(200).read(&next)
		if next.Previous == nil || *next.Previous != (api.Previous{RunID: "a", End: api.WasBroken}) || next.Token <= held.Token {
			t.Errorf("next: %+v", next)
		}
	})
}

func TestCheckTellsWhetherATokenIsStillAHold(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var held api.KeyAcquired
		var checked api.Checked
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200).read(&held)
		for _, query := range []string{"", "?consistency=stale"} {
			h.post("/v1/check"+query, `{"key":"k","token":`+text(held.Token)+`}`).is(200).read(&checked)
			if !checked.Valid || len(checked.Current) != 1 || checked.Current[0] != held.Token || checked.Highest != held.Token {
				t.Errorf("%s: %+v", query, checked)
			}
		}
		h.post("/v1/keys/release", `{"key":"k","run_id":"a"}`).is(200)
		h.post("/v1/check", `{"key":"k","token":`+text(held.Token)+`}`).is(200).read(&checked)
		if checked.Valid || checked.Current == nil || len(checked.Current) != 0 || checked.Highest != held.Token {
			t.Errorf("released: %+v", checked)
		}
	})
}

func TestNamesThatDoNotSurviveAPathAreReadByQuery(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		for _, c := range []struct{ key, path string }{
			{"a/b", "/v1/keys/a/b"}, {"a/b", "/v1/keys/a%2Fb"}, {"a//b", "/v1/keys/a%2F%2Fb"}, {"a//b", "/v1/keys?key=a%2F%2Fb"},
			{"..", "/v1/keys?key=.."}, {"acquire", "/v1/keys/acquire"}, {"é x", "/v1/keys/%C3%A9%20x"}, {"a%b", "/v1/keys/a%25b"}, {"a/", "/v1/keys/a%2F"},
		} {
			var state api.KeyState
			if h.get(c.path).is(200).read(&state); state.Key != c.key {
				t.Errorf("%s is %q, want %q", c.path, state.Key, c.key)
			}
		}
	})
}

func TestListsArePagedInOrderAndEachPageIsOneVersion(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		for _, key := range []string{"b", "a", "ab", "c"} {
			h.post("/v1/keys/acquire", `{"key":"`+key+`","run_id":"r"}`).is(200)
		}
		var names []string
		path, pages := "/v1/keys?limit=2", 0
		for after := ""; ; pages++ {
			var page api.KeyList
			got := h.get(path + after).is(200)
			got.read(&page)
			if text(page.Index) != got.header.Get(api.HeaderIndex) {
				t.Errorf("index %d, header %s", page.Index, got.header.Get(api.HeaderIndex))
			}
			for _, k := range page.Keys {
				names = append(names, k.Key)
			}
			if page.Next == "" {
				break
			}
			after = "&after=" + page.Next
		}
		if pages != 1 || len(names) != 4 || names[0] != "a" || names[1] != "ab" || names[2] != "b" || names[3] != "c" {
			t.Errorf("%v on %d pages", names, pages+1)
		}
		var page api.KeyList
		if h.get("/v1/keys?prefix=a").is(200).read(&page); len(page.Keys) != 2 || page.Next != "" {
			t.Errorf("prefix: %+v", page)
		}
		if h.get("/v1/keys?prefix=zz").is(200).read(&page); page.Keys == nil || len(page.Keys) != 0 {
			t.Errorf("nothing: %+v", page)
		}
	})
}

func TestWaitersEndWithTheirSession(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		session := h.open("1m")
		waiting := h.later(t.Context(), "/v1/keys/acquire", `{"key":"k","run_id":"b","session":"`+session+`","wait":"30s"}`)
		h.delete("/v1/sessions/" + session).is(200)
		(<-waiting).problem(api.CodeSessionNotFound)
		synctest.Wait()
	})
}
