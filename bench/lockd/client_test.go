package lockd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lockd/bench/system"
)

// answer is one line of a script: what the request must hold, and what is
// answered. The status 0 cuts the connection.
type answer struct {
	request string
	status  int
	body    string
}

const (
	noLeader = `{"code":"no_leader","retryable":true,"applied":"no"}`
	unknown  = `{"code":"outcome_unknown","retryable":true,"applied":"unknown"}`
	notHeld  = `{"code":"not_held","retryable":false,"applied":"no","result":"not_held"}`
	acquired = `{"result":"acquired","key":"k","run_id":"me:k","token":5}`
)

// scripted is a client without a session of a server that answers by script.
func scripted(t *testing.T, script ...answer) *client {
	t.Helper()
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		if err != nil || len(script) == 0 {
			t.Errorf("unexpected: %s %s, %v", r.URL, body, err)
			return
		}
		next := script[0]
		script = script[1:]
		if request := r.URL.String() + " " + string(body); !strings.Contains(request, next.request) {
			t.Errorf("the request was %s, want one with %s", request, next.request)
		}
		if next.status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(next.status)
		if _, err := w.Write([]byte(next.body)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(func() {
		server.Close()
		if len(script) > 0 {
			t.Errorf("never asked: %+v", script)
		}
	})
	c := &cluster{port: server.Listener.Addr().(*net.TCPAddr).Port}
	over := c.connect(0)
	for i := range over.hosts {
		over.hosts[i] = server.Listener.Addr().String()
	}
	u := &client{caller: &caller{carrier: over}, name: "me"}
	t.Cleanup(u.close)
	return u
}

func TestWhatWasRefusedForNowIsRepeated(t *testing.T) {
	u := scripted(t,
		answer{"/v1/keys/acquire", 503, noLeader},
		answer{"/v1/keys/acquire", 0, ""},
		answer{"/v1/keys/acquire", 429, `{"code":"overloaded","applied":"no"}`},
		answer{"/v1/keys/acquire", 503, unknown},
		answer{"/v1/keys/acquire", 200, acquired})
	hold, err := u.TryLock(t.Context(), "k")
	if err != nil || hold != (system.Hold{Lock: "k", Owner: "me:k", Fence: 5}) {
		t.Errorf("%+v, %v", hold, err)
	}
	if got, want := u.Troubles(), (system.Troubles{Refused: 3, Unknown: 1, Cut: 1}); got != want {
		t.Errorf("troubles %+v, want %+v", got, want)
	}
}

func TestTheNextNodeIsAskedWhenOneIsGone(t *testing.T) {
	u := scripted(t, answer{"/v1/keys/acquire", 200, acquired}, answer{"/v1/keys/release", 200, `{"result":"released"}`})
	u.carrier.(*connection).hosts[0] = "127.0.0.1:1" // nobody listens there
	hold, err := u.TryLock(t.Context(), "k")
	if err = errors.Join(err, u.Unlock(t.Context(), hold)); err != nil {
		t.Error(err)
	}
	if got, want := u.Troubles(), (system.Troubles{Cut: 1}); got != want {
		t.Errorf("troubles %+v, want %+v: the client should stay with the node that answers", got, want)
	}
}

func TestARequestInLineIsAskedForAgain(t *testing.T) {
	u := scripted(t,
		answer{`"seq":1`, 202, `{"result":"queued"}`},
		answer{`"seq":1`, 202, `{"result":"queued"}`},
		answer{`"seq":1`, 200, acquired},
		answer{`"seq":2,"acked":1`, 200, `{"result":"released"}`})
	u.session = "s"
	hold, err := u.Lock(t.Context(), "k")
	if err = errors.Join(err, u.Unlock(t.Context(), hold)); err != nil {
		t.Error(err)
	}
}

func TestAnOccupiedLockIsNotTriedAgain(t *testing.T) {
	u := scripted(t, answer{"/v1/keys/acquire", 409, `{"result":"occupied","code":"occupied"}`})
	if _, err := u.TryLock(t.Context(), "k"); !errors.Is(err, system.ErrOccupied) {
		t.Error(err)
	}
}

func TestALostHoldIsToldFromOneGivenBackTwice(t *testing.T) {
	hold := system.Hold{Lock: "k", Owner: "me:k", Fence: 5}
	for name, c := range map[string]struct {
		script  []answer
		session string
		want    error
	}{
		"lost":                          {[]answer{{`"token":5`, 409, notHeld}}, "", system.ErrNotHeld},
		"lost while there is no leader": {[]answer{{"", 503, noLeader}, {"", 409, notHeld}}, "", system.ErrNotHeld},
		"given back twice":              {[]answer{{"", 503, unknown}, {"", 409, notHeld}}, "", nil},
		"cut off":                       {[]answer{{"", 0, ""}, {"", 409, notHeld}}, "", nil},
		// With a seq the second answer is the first one.
		"lost, applied once": {[]answer{{"", 503, unknown}, {"", 409, notHeld}}, "s", system.ErrNotHeld},
	} {
		t.Run(name, func(t *testing.T) {
			u := scripted(t, c.script...)
			u.session = c.session
			if err := u.Unlock(t.Context(), hold); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestAQueryNamesTheFirstHolder(t *testing.T) {
	u := scripted(t,
		answer{"/v1/keys/k ", 200, `{"key":"k","occupied":true,"holder_run_id":"a:k","holders":[{"run_id":"a:k","token":8},{"run_id":"b:k","token":9}]}`},
		answer{"/v1/keys/k?consistency=stale ", 200, `{"key":"k","occupied":false,"holders":[]}`},
		answer{"/v1/keys/k ", 400, `{"code":"invalid_request"}`})
	if found, err := u.Query(t.Context(), "k", false); err != nil || found != (system.Hold{Lock: "k", Owner: "a:k", Fence: 8}) {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := u.Query(t.Context(), "k", true); err != nil || found != (system.Hold{}) {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := u.Query(t.Context(), "k", false); !refusedBecause(err, "invalid_request") {
		t.Error(err)
	}
}

func TestWithoutASessionNobodyWaits(t *testing.T) {
	if _, err := scripted(t).Lock(t.Context(), "k"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	u := scripted(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	// Nobody listens there.
	for i := range u.carrier.(*connection).hosts {
		u.carrier.(*connection).hosts[i] = fmt.Sprintf("127.0.0.1:%d", i+1)
	}
	if _, err := u.TryLock(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if u.Troubles().Cut == 0 {
		t.Error("no broken connection was counted")
	}
}

func TestAMissingBinaryIsExplained(t *testing.T) {
	if err := (Driver{Path: t.TempDir()}).Check(); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Error(err)
	}
}
