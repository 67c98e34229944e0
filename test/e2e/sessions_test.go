package e2e

import (
	"net/http"
	"testing"
	"time"

	"lockd/api"
	"lockd/test/real"
)

func TestASessionExpiresAfterItsTTLAndNotMuchLater(t *testing.T) {
	k := newCaller(t, real.Start(t, binaries, 3))
	const ttl = 2 * time.Second
	session := k.openSession(ttl)
	k.acquireLock(api.LockAcquire{Ref: "r", RunID: "silent", Session: session})
	sent := time.Now()
	k.post(http.StatusOK, "/v1/sessions/"+session+"/keepalive", nil)
	kept := time.Now()
	got := k.acquireLock(api.LockAcquire{Ref: "r", RunID: "next", TTL: api.Duration(time.Minute), Wait: api.Duration(time.Minute)})
	if after := time.Since(sent); after < ttl {
		t.Errorf("granted to the next run %v after a keepalive was sent, the TTL is %v", after, ttl)
	}
	if after := time.Since(kept); after > ttl+time.Second+slow {
		t.Errorf("granted to the next run only %v after the last keepalive, the TTL is %v", after, ttl)
	}
	if p := got.Locks[0].Previous; p == nil || p.RunID != "silent" || p.End != api.Expired {
		t.Errorf("%+v", got)
	}
	k.call(http.StatusNotFound, http.MethodPost, "/v1/sessions/"+session+"/keepalive", nil)
}

func TestASessionThatIsKeptAliveOutlivesItsTTLAndTheLeader(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k := newCaller(t, c)
	const ttl = 3 * time.Second
	session := k.openSession(ttl)
	k.acquireLock(api.LockAcquire{Ref: "r", RunID: "alive", Session: session})
	leader := c.Leader()
	leader.Kill()
	k.nodes = others(c, leader)
	ticker := time.NewTicker(ttl / 10)
	defer ticker.Stop()
	for end := time.Now().Add(2 * ttl); time.Now().Before(end); <-ticker.C {
		if _, err := k.attempt(http.MethodPost, "/v1/sessions/"+session+"/keepalive", nil); err != nil {
			t.Fatal(err)
		}
	}
	k.refused(api.CodeOccupied, "/v1/locks/acquire", api.LockAcquire{Ref: "r", RunID: "other"})
}

func TestAQueuedRequestIsGrantedWithTheRelease(t *testing.T) {
	c := real.Start(t, binaries, 3)
	k := newCaller(t, c)
	for _, node := range c.Nodes {
		k.acquireLock(api.LockAcquire{Ref: "r", RunID: "first"})
		granted := make(chan time.Time, 1)
		go func() {
			r, err := newCaller(t, c).only(node).attempt(http.MethodPost, "/v1/locks/acquire",
				api.LockAcquire{Ref: "r", RunID: "second", TTL: api.Duration(time.Minute), Wait: api.Duration(time.Minute)})
			if err != nil || r.status != http.StatusOK {
				t.Errorf("%s: %v %+v", node.Name, err, r)
			}
			granted <- time.Now()
		}()
		c.Await(mostGap, "the second run waits", func() bool { return len(k.lock("r").Waiters) == 1 })
		began := time.Now()
		k.releaseLock("r", "first")
		if took := (<-granted).Sub(began); took > time.Second+slow {
			t.Errorf("over %s: granted %v after the release began", node.Name, took)
		}
		k.releaseLock("r", "second")
	}
}

func TestAWaitGoesOnOverAnotherNodeInTheSamePlace(t *testing.T) {
	k := newCaller(t, real.Start(t, binaries, 3))
	k.acquireLock(api.LockAcquire{Ref: "r", RunID: "first"})
	session, now := k.openSession(time.Minute), api.Duration(0)
	ask := api.LockAcquire{Ref: "r", RunID: "second", Session: session, Wait: api.Duration(time.Minute), Poll: &now}
	for range 3 {
		queued := read[api.QueuedAnswer](k.post(http.StatusAccepted, "/v1/locks/acquire", ask))
		if queued.Position != 1 || queued.Waiting != 1 || queued.Session != session {
			t.Errorf("%+v", queued)
		}
	}
	k.releaseLock("r", "first")
	if got := k.acquireLock(ask); got.RunID != "second" {
		t.Errorf("%+v", got)
	}
}

func TestAWaitEndsWithItsTime(t *testing.T) {
	k := newCaller(t, real.Start(t, binaries, 3))
	k.acquireKey("k", "first")
	p := k.refused(api.CodeOccupied, "/v1/keys/acquire",
		api.KeyAcquire{Key: "k", RunID: "second", TTL: api.Duration(time.Minute), Wait: api.Duration(300 * time.Millisecond)})
	if p.WaitedMS == nil || *p.WaitedMS < 200 {
		t.Errorf("%+v", p)
	}
	if got := k.key("k"); len(got.Waiters) != 0 {
		t.Errorf("it has not left the queue: %+v", got)
	}
}

func TestACommandWithASeqIsAppliedOnceOverWhicheverNode(t *testing.T) {
	k := newCaller(t, real.Start(t, binaries, 3))
	ask := api.KeyAcquire{Key: "k", RunID: "r", Session: k.openSession(time.Minute), Once: api.Once{Seq: 1}}
	first := read[api.KeyAcquired](k.post(http.StatusOK, "/v1/keys/acquire", ask))
	k.post(http.StatusOK, "/v1/keys/release", api.KeyRelease{Key: "k", RunID: "r"})
	for range 3 {
		if again := read[api.KeyAcquired](k.post(http.StatusOK, "/v1/keys/acquire", ask)); again != first {
			t.Errorf("first %+v, then %+v", first, again)
		}
	}
	if got := k.key("k"); got.Occupied {
		t.Errorf("a repeat took the key again: %+v", got)
	}
}
