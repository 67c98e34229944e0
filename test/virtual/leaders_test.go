package virtual

import (
	"net/http"
	"testing"
	"time"

	"lockd/api"
	"lockd/cluster"
)

// Chance seldom brings about what the cases of this file need: a leader that does
// not know yet that it is none, or not any more.

func untuned(*cluster.Config) {}

// takeKey has a new run take the key and notes the grant; false if nobody grants it.
func (w *world) takeKey(node, key string, limit time.Duration) bool {
	from, run := w.book.begin(), w.run("taker")
	a := w.send(node, http.MethodPost, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: run}, limit)
	if !a.ok() {
		return false
	}
	var g api.KeyAcquired
	a.into(w, &g)
	w.book.granted(from, a.index, &hold{name: name{key, 1}, run: run, token: g.Token})
	return true
}

// look reads the key through the node; what it shows is held against the book.
func (w *world) look(node, key string, limit time.Duration) bool {
	a := w.send(node, http.MethodGet, "/v1/keys?key="+key, nil, limit)
	if !a.ok() {
		return false
	}
	var s api.KeyState
	a.into(w, &s)
	w.book.read(name{key, 1}, a.sent, tokensOf(s.Holders))
	w.book.answered(a.from, a.index, "GET "+key)
	return true
}

// A leader whose main loop is busy keeps its office for seconds after
// the others have elected another one and have let its sessions expire.
func TestDeposedLeaderThatIsBusyAcknowledgesNoKeepalive(t *testing.T) {
	inWorld(t, untuned, func(w *world) {
		old := w.leader()
		others := w.followers(old)
		l := w.sleeper(old, "k")
		w.occupy(old, 2900*time.Millisecond)
		time.Sleep(20 * time.Millisecond)
		w.isolate(old)
		granted := make(chan struct{})
		w.work.Go(func() {
			for {
				select {
				case <-granted:
					return
				case <-time.After(100 * time.Millisecond):
				}
				a := w.send(old, http.MethodPost, "/v1/sessions/"+l.id+"/keepalive", nil, 90*time.Millisecond)
				w.book.kept(l, a.sent, a.ok())
			}
		})
		for !w.takeKey(others[0], "k", time.Second) && !w.isOver() {
			time.Sleep(10 * time.Millisecond)
		}
		if w.leader() == old {
			t.Error("nobody was elected while the old leader was busy")
		}
		w.sleep(time.Millisecond)
		if w.look(old, "k", 200*time.Millisecond) {
			t.Error("the old leader confirmed a read")
		}
		close(granted)
		w.network.heal()
	})
}

// sleeper has a new run take the key in a session with a TTL of a second.
func (w *world) sleeper(node, key string) *lease {
	a := w.send(node, http.MethodPost, "/v1/sessions", api.SessionOpen{TTL: api.Duration(time.Second)}, time.Second)
	var s api.SessionOpened
	a.into(w, &s)
	l := w.book.opened(s.ID, time.Second, a.sent)
	from, run := w.book.begin(), w.run("sleeper")
	a = w.send(node, http.MethodPost, "/v1/keys/acquire", api.KeyAcquire{Key: key, RunID: run, Session: s.ID}, time.Second)
	var g api.KeyAcquired
	a.into(w, &g)
	w.book.granted(from, a.index, &hold{name: name{key, 1}, run: run, token: g.Token, lease: l})
	return l
}

// Two answers to heartbeats of before the election are late. One keeps the old
// leader in office, the other comes when a read waits for the proof that it leads.
// Neither proves anything about the time when the read began.
func TestAnswersOfBeforeTheElectionConfirmNoRead(t *testing.T) {
	inWorld(t, untuned, func(w *world) {
		tried := 0
		for range 20 {
			tried += w.readBehindTheElection()
			w.recover("an election behind the leader's back")
			w.sleep(time.Second)
		}
		if tried < 3 {
			t.Errorf("only %d reads of 20 came in time", tried)
		}
	})
}

// readBehindTheElection returns 1 if it could read when it wanted to.
func (w *world) readBehindTheElection() int {
	old := w.leader()
	others, key := w.followers(old), w.run("k")
	w.network.delay(others[0], old, 850*time.Millisecond)
	w.network.delay(others[1], old, 920*time.Millisecond)
	w.occupy(old, 900*time.Millisecond)
	began := time.Now()
	w.sleep(60 * time.Millisecond)
	w.isolate(old)
	for time.Since(began) < 840*time.Millisecond {
		if w.takeKey(others[0], key, 850*time.Millisecond-time.Since(began)) {
			w.sleep(time.Millisecond)
			w.look(old, key, time.Second)
			return 1
		}
		w.sleep(5 * time.Millisecond)
	}
	return 0
}

// What the old leader acknowledged last, the new one has in its log and does not
// know to be committed. It must not serve before it does.
func TestNewLeaderShowsWhatTheOldOneAcknowledgedLast(t *testing.T) {
	inWorld(t, untuned, func(w *world) {
		for range 20 {
			old := w.leader()
			others, key := w.followers(old), w.run("k")
			for _, name := range others {
				w.disks[name].slow(func() time.Duration { return 40 * time.Millisecond })
			}
			if !w.takeKey(old, key, time.Second) {
				w.violated("no grant in calm times")
			}
			w.crash(old)
			for n := 0; !w.look(others[n%2], key, 20*time.Millisecond) && !w.isOver(); n++ {
				w.sleep(time.Millisecond)
			}
			w.recover("the loss of the leader")
			w.sleep(time.Second)
		}
	})
}

// A release reaches the leader, and its answer is lost with the connection. The
// node that forwarded it must not send it again: it would be told that nothing is
// held, by whom it was released a moment ago.
func TestForwardedReleaseWhoseAnswerIsLostIsNotSentAgain(t *testing.T) {
	inWorld(t, untuned, func(w *world) {
		leader := w.leader()
		follower := w.followers(leader)[0]
		take := api.KeyAcquire{Key: "k", RunID: w.run("owner")}
		if a := w.send(follower, http.MethodPost, "/v1/keys/acquire", take, time.Second); !a.ok() {
			t.Fatalf("no grant in calm times: %s", a.body)
		}
		w.setCalm(false)
		w.network.cut(leader, follower)
		w.work.Go(func() {
			w.sleep(silenceNoticed + 300*time.Millisecond)
			w.network.heal()
		})
		give := api.KeyRelease{Key: take.Key, RunID: take.RunID}
		if a := w.send(follower, http.MethodPost, "/v1/keys/release", give, requestLimit); a.code != api.CodeOutcomeUnknown || a.status == 0 {
			t.Errorf("answer %d %s, want %s", a.status, a.code, api.CodeOutcomeUnknown)
		}
	})
}
