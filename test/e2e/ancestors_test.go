package e2e

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"lockd/api"
	"lockd/test/real"
)

// Every call of these tests goes to another node than the one before.

func TestTheGateOfConcurrencyKeys(t *testing.T) {
	k := newCaller(t, real.Start(t, binaries, 3))

	t.Run("a free key is acquired", func(t *testing.T) {
		if got := k.acquireKey("free", "a"); got.Result != api.Acquired || got.Key != "free" || got.RunID != "a" || got.Reentrant {
			t.Errorf("%+v", got)
		}
	})
	t.Run("its own run acquires it again, with the same token", func(t *testing.T) {
		first := k.acquireKey("again", "a")
		if got := k.acquireKey("again", "a"); !got.Reentrant || got.Token != first.Token {
			t.Errorf("first %+v, then %+v", first, got)
		}
	})
	t.Run("another run is told who holds it", func(t *testing.T) {
		k.acquireKey("taken", "a")
		for range 3 {
			if p := k.refused(api.CodeOccupied, "/v1/keys/acquire", api.KeyAcquire{Key: "taken", RunID: "b"}); p.HolderRunID != "a" || p.Key != "taken" {
				t.Errorf("%+v", p)
			}
		}
	})
	t.Run("only the holder releases it", func(t *testing.T) {
		k.acquireKey("mine", "a")
		p := k.refused(api.CodeNotHeld, "/v1/keys/release", api.KeyRelease{Key: "mine", RunID: "b"})
		if p.AttemptingRunID != "b" || p.Key != "mine" {
			t.Errorf("%+v", p)
		}
		if got := k.key("mine"); !slices.Equal(runs(got.Holders), []string{"a"}) {
			t.Errorf("after a release by another run: %+v", got)
		}
		k.post(http.StatusOK, "/v1/keys/release", api.KeyRelease{Key: "mine", RunID: "a"})
		k.acquireKey("mine", "b")
	})
	t.Run("a key that nobody holds cannot be released", func(t *testing.T) {
		k.refused(api.CodeNotHeld, "/v1/keys/release", api.KeyRelease{Key: "nobody's", RunID: "a"})
	})
	t.Run("asking changes nothing", func(t *testing.T) {
		for range 3 {
			if got := k.key("asked"); got.Occupied || len(got.Holders) != 0 {
				t.Errorf("%+v", got)
			}
		}
		k.acquireKey("asked", "a")
	})
	t.Run("different keys never interfere", func(t *testing.T) {
		k.acquireKey("one", "a")
		k.acquireKey("two", "b")
		k.acquireKey("One", "c")
	})
	t.Run("a key that no URL path can carry is found all the same", func(t *testing.T) {
		k.acquireKey("a//../b", "a")
		if got := read[api.KeyState](k.get("/v1/keys?key=a%2F%2F..%2Fb")); got.HolderRunID != "a" {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheManagerOfWorkflowLocks(t *testing.T) {
	k := newCaller(t, real.Start(t, binaries, 3))

	t.Run("a writer excludes other writers and readers", func(t *testing.T) {
		k.acquireLock(api.LockAcquire{Ref: "w", RunID: "a"})
		for _, mode := range []api.Mode{api.Exclusive, api.Shared} {
			p := k.refused(api.CodeOccupied, "/v1/locks/acquire", api.LockAcquire{Ref: "w", Mode: mode, RunID: "b"})
			if len(p.Conflicts) != 1 || p.Conflicts[0].Ref != "w" || !slices.Equal(runs(p.Conflicts[0].Holders), []string{"a"}) {
				t.Errorf("%s: %+v", mode, p)
			}
		}
	})
	t.Run("any number of readers share it, and a writer waits for all", func(t *testing.T) {
		for _, run := range []string{"a", "b", "c"} {
			k.acquireLock(api.LockAcquire{Ref: "r", Mode: api.Shared, RunID: run})
		}
		k.refused(api.CodeOccupied, "/v1/locks/acquire", api.LockAcquire{Ref: "r", RunID: "d"})
		for _, run := range []string{"a", "b", "c"} {
			k.releaseLock("r", run)
		}
		k.acquireLock(api.LockAcquire{Ref: "r", RunID: "d"})
	})
	t.Run("a writer blocks only its own reference", func(t *testing.T) {
		k.acquireLock(api.LockAcquire{Ref: "x/y", RunID: "a"})
		k.acquireLock(api.LockAcquire{Ref: "x", RunID: "b"})
		k.acquireLock(api.LockAcquire{Ref: "x/y/z", RunID: "c"})
	})
	t.Run("references cannot alias", func(t *testing.T) {
		got := k.acquireLock(api.LockAcquire{Ref: "/p//q/./r/../", RunID: "a"})
		if len(got.Locks) != 1 || got.Locks[0].Ref != "p/q" {
			t.Errorf("%+v", got)
		}
		for _, same := range []string{"p/q", "p/q/", "p/./q", "p/o/../q", "/p/q"} {
			k.refused(api.CodeOccupied, "/v1/locks/acquire", api.LockAcquire{Ref: same, RunID: "b"})
		}
		k.acquireLock(api.LockAcquire{Ref: "u\u0301", RunID: "a"})
		k.refused(api.CodeOccupied, "/v1/locks/acquire", api.LockAcquire{Ref: "\u00fa", RunID: "b"})
	})
	t.Run("a lock exists only while somebody uses it", func(t *testing.T) {
		k.acquireLock(api.LockAcquire{Ref: "gone/soon", RunID: "a"})
		k.releaseLock("gone/soon", "a")
		if got := read[api.LockList](k.get("/v1/locks?prefix=gone")); len(got.Locks) != 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a lock goes with its owner, and the next one is told", func(t *testing.T) {
		session := k.openSession(time.Second)
		k.acquireLock(api.LockAcquire{Ref: "left/behind", RunID: "crashed", Session: session})
		got := k.acquireLock(api.LockAcquire{Ref: "left/behind", RunID: "next", TTL: api.Duration(30 * time.Second), Wait: api.Duration(15 * time.Second)})
		if p := got.Locks[0].Previous; p == nil || p.RunID != "crashed" || p.End != api.Expired {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a reader that needs no quorum gets an answer and its age", func(t *testing.T) {
		if r := k.get("/v1/locks?consistency=stale"); r.header.Get(api.HeaderStaleness) == "" {
			t.Errorf("no %s in %v", api.HeaderStaleness, r.header)
		}
	})
}
