package httpapi_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"lockd/api"
)

func TestReferencesAreCanonicalisedWhereverTheyAppear(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var held api.LockAcquired
		h.post("/v1/locks/acquire", `{"ref":"/a//b/./c/../","run_id":"r"}`).is(200).read(&held)
		if len(held.Locks) != 1 || held.Locks[0].Ref != "a/b" || held.Locks[0].Mode != api.Exclusive || held.Locks[0].Scope != api.Node {
			t.Fatalf("%+v", held)
		}
		for _, path := range []string{"/v1/locks/a/b", "/v1/locks/a//b/", "/v1/locks/x/../a/b", "/v1/locks/a%2Fb", "/v1/locks?ref=/a/b/"} {
			var state api.LockState
			h.get(path).is(200).read(&state)
			if state.Ref != "a/b" || len(state.Holders) != 1 || state.Holders[0].Scope != api.Node {
				t.Errorf("%s: %+v", path, state)
			}
		}
		var released api.LockReleased
		h.post("/v1/locks/release", `{"ref":"a/b/","run_id":"r"}`).is(200).read(&released)
		if !slices.Equal(released.Refs, []string{"a/b"}) {
			t.Errorf("released %v", released.Refs)
		}
	})
}

func TestManyReferencesAreGrantedTogetherOrNotAtAll(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var held api.LockAcquired
		h.post("/v1/locks/acquire", `{"run_id":"r","refs":[{"ref":"b","mode":"shared"},{"ref":"a","scope":"tree"},{"ref":"/b"}]}`).is(200).read(&held)
		if len(held.Locks) != 2 || held.Locks[0].Ref != "a" || held.Locks[0].Scope != api.Tree || held.Locks[1].Ref != "b" || held.Locks[1].Mode != api.Exclusive {
			t.Fatalf("%+v", held)
		}
		p := h.post("/v1/locks/acquire", `{"run_id":"s","refs":[{"ref":"c"},{"ref":"a/deep"},{"ref":"b"}]}`).problem(api.CodeOccupied)
		if len(p.Conflicts) != 2 || p.Conflicts[0].Ref != "a/deep" || p.Conflicts[0].Holders[0].RunID != "r" || p.Conflicts[1].Ref != "b" || p.Holders != nil || p.Waiting != nil {
			t.Errorf("%+v", p)
		}
		var state api.LockState
		if h.get("/v1/locks/c").is(200).read(&state); len(state.Holders) != 0 {
			t.Errorf("c is held: %+v", state)
		}
		if h.get("/v1/locks/a/deep").is(200).read(&state); len(state.CoveredBy) != 1 || state.CoveredBy[0].Scope != api.Tree {
			t.Errorf("covered by %+v", state.CoveredBy)
		}

		_, before := h.version()
		p = h.post("/v1/locks/release", `{"run_id":"r","refs":[{"ref":"a"},{"ref":"c"}]}`).problem(api.CodeNotHeld)
		if _, after := h.version(); after != before || !slices.Equal(p.Refs, []string{"c"}) || p.AttemptingRunID != "r" {
			t.Errorf("%+v", p)
		}
		var released api.LockReleased
		h.post("/v1/locks/release", `{"run_id":"r","refs":[{"ref":"b"},{"ref":"a","token":`+text(held.Locks[0].Token)+`},{"ref":"/b"}]}`).is(200).read(&released)
		if !slices.Equal(released.Refs, []string{"b", "a"}) {
			t.Errorf("released %v", released.Refs)
		}
	})
}

func TestDowngradeKeepsTheTokenAndNeverStrengthens(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var held, weaker api.LockAcquired
		h.post("/v1/locks/acquire", `{"ref":"a","run_id":"r","scope":"tree"}`).is(200).read(&held)
		h.post("/v1/locks/downgrade", `{"ref":"a","run_id":"r","mode":"shared","scope":"tree"}`).is(200).read(&weaker)
		if weaker.Result != api.Acquired || weaker.Locks[0].Token != held.Locks[0].Token || weaker.Locks[0].Mode != api.Shared || weaker.Locks[0].Scope != api.Tree {
			t.Errorf("%+v", weaker)
		}
		h.post("/v1/locks/downgrade", `{"ref":"a","run_id":"r","mode":"exclusive"}`).problem(api.CodeInvalidRequest)
		h.post("/v1/locks/downgrade", `{"ref":"a","run_id":"s","mode":"shared"}`).problem(api.CodeNotHeld)
		h.post("/v1/locks/downgrade", `{"ref":"a","run_id":"r","mode":"shared","token":999}`).problem(api.CodeNotHeld)
	})
}

func TestWhatADowngradeLeavesOutStaysAsItIsHeld(t *testing.T) {
	for _, c := range []struct {
		ask   string
		mode  api.Mode
		scope api.Scope
	}{
		{``, api.Shared, api.Tree},
		{`,"mode":"shared"`, api.Shared, api.Tree},
		{`,"scope":"node"`, api.Exclusive, api.Node},
		{`,"mode":"shared","scope":"node"`, api.Shared, api.Node},
	} {
		withNode(t, func(t *testing.T, h *harness) {
			var weaker api.LockAcquired
			h.post("/v1/locks/acquire", `{"ref":"a","run_id":"r","scope":"tree"}`).is(200)
			h.post("/v1/locks/downgrade", `{"ref":"a","run_id":"r"`+c.ask+`}`).is(200).read(&weaker)
			if got := weaker.Locks[0]; got.Mode != c.mode || got.Scope != c.scope {
				t.Errorf("downgrade with %q: %s %s, want %s %s", c.ask, got.Mode, got.Scope, c.mode, c.scope)
			}
		})
	}
}

func TestADeadlockIsRefusedWithItsCycle(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		session := h.open("10m")
		h.post("/v1/locks/acquire", `{"ref":"x","run_id":"a","session":"`+session+`"}`).is(200)
		h.post("/v1/locks/acquire", `{"ref":"y","run_id":"b","session":"`+session+`"}`).is(200)
		waiting := h.later(t.Context(), "/v1/locks/acquire", `{"ref":"y","run_id":"a","session":"`+session+`","wait":"5s"}`)
		p := h.post("/v1/locks/acquire", `{"ref":"x","run_id":"b","session":"`+session+`","wait":"5s"}`).problem(api.CodeDeadlock)
		if p.Result != api.Deadlock || !slices.Equal(p.Cycle, []string{"b", "a", "b"}) {
			t.Errorf("%+v", p)
		}
		h.post("/v1/locks/acquire", `{"ref":"z","run_id":"b","session":"`+session+`"}`).is(200)
		h.post("/v1/locks/acquire", `{"ref":"z","run_id":"a","session":"`+session+`","wait":"5s"}`).problem(api.CodeAlreadyWaiting)
		(<-waiting).problem(api.CodeOccupied)
	})
}

func TestLocksAreListedBrokenAndChecked(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		var held api.LockAcquired
		var page api.LockList
		var checked api.Checked
		h.post("/v1/locks/acquire", `{"refs":[{"ref":"p/a"},{"ref":"p/b"},{"ref":"q"}],"run_id":"r"}`).is(200).read(&held)
		h.get("/v1/locks?prefix=p/&limit=1").is(200).read(&page)
		if len(page.Locks) != 1 || page.Locks[0].Ref != "p/a" || page.Next != "p/a" {
			t.Errorf("%+v", page)
		}
		token := text(held.Locks[2].Token)
		h.post("/v1/check", `{"ref":"/q","token":`+token+`}`).is(200).read(&checked)
		if !checked.Valid {
			t.Errorf("%+v", checked)
		}
		h.post("/v1/locks/break", `{"ref":"q","token":`+token+`,"reason":"stuck"}`).is(200)
		h.post("/v1/check", `{"ref":"q","token":`+token+`}`).is(200).read(&checked)
		if checked.Valid {
			t.Errorf("%+v", checked)
		}
	})
}

func TestARunShowsAndGivesBackAllItHas(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		session := h.open("10m")
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"team/42","session":"`+session+`"}`).is(200)
		h.post("/v1/locks/acquire", `{"ref":"a","run_id":"team/42","session":"`+session+`","scope":"tree"}`).is(200)
		h.post("/v1/locks/acquire", `{"ref":"b","run_id":"other"}`).is(200)
		waiting := h.later(t.Context(), "/v1/locks/acquire", `{"refs":[{"ref":"b","mode":"shared"},{"ref":"c"}],"run_id":"team/42","session":"`+session+`","wait":"1h","reason":"why"}`)
		time.Sleep(2 * time.Second)
		var run api.RunState
		h.get("/v1/runs/team%2F42").is(200).read(&run)
		if run.RunID != "team/42" || len(run.Holds) != 2 || run.Holds[0].Key != "k" || run.Holds[1].Ref != "a" || run.Holds[1].Scope != api.Tree {
			t.Errorf("holds: %+v", run.Holds)
		}
		q := run.Request
		if q == nil || len(q.Refs) != 2 || q.Refs[0] != (api.LockWant{Ref: "b", Mode: api.Shared, Scope: api.Node}) || q.WaitedMS != 2000 ||
			q.WaitMS != 3_600_000 || q.Position != 1 || !slices.Equal(q.BlockedBy, []string{"other"}) || q.Session != session || q.Reason != "why" {
			t.Errorf("request: %+v", q)
		}
		var count api.ReleasedCount
		h.delete("/v1/runs/team%2F42").is(200).read(&count)
		if count.Released != 2 {
			t.Errorf("released %d", count.Released)
		}
		(<-waiting).problem(api.CodeOccupied)
		var empty api.RunState
		h.get("/v1/runs/team%2F42").is(200).read(&empty)
		if empty.Holds == nil || len(empty.Holds) != 0 || empty.Request != nil {
			t.Errorf("%+v", empty)
		}
	})
}

func TestTheSameSeqIsAnsweredOnceAndForAll(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		session := h.open("10m")
		body := `{"key":"k","run_id":"r","session":"` + session + `","seq":1}`
		var first, again api.KeyAcquired
		h.post("/v1/keys/acquire", body).is(200).read(&first)
		h.post("/v1/keys/acquire", body).is(200).read(&again)
		if again.Reentrant || again.Token != first.Token {
			t.Errorf("first %+v, again %+v", first, again)
		}
		h.post("/v1/keys/acquire", `{"key":"other","run_id":"r","session":"`+session+`","seq":1}`).problem(api.CodeSeqReused)
		h.post("/v1/keys/release", `{"key":"k","run_id":"r","session":"`+session+`","seq":2,"acked":1,"done":[5]}`).is(200)
		h.post("/v1/keys/acquire", body).problem(api.CodeStaleRequest)
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r","session":"`+session+`","seq":5}`).problem(api.CodeStaleRequest)
	})
}

func TestHeadAnswersLikeGetWithoutABody(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		got := h.call(t.Context(), http.MethodHead, "/v1/keys/k", "").is(200)
		if got.header.Get(api.HeaderIndex) == "" || got.header.Get("Content-Length") == "" {
			t.Errorf("%v", got.header)
		}
	})
}
