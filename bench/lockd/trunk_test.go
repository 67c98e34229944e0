package lockd

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"lockd/bench/system"
)

// streaming is a cluster whose nodes are one server that answers every request
// of a stream with what answer says; false cuts the stream.
func streaming(t *testing.T, answer func(request string) (string, bool)) (c *cluster, streams *atomic.Int32) {
	t.Helper()
	streams = new(atomic.Int32)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		streams.Add(1)
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		for {
			_, message, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			entries := []string{`{"leader":{"id":"n1","client_url":"http://n1","term":1}}`}
			for _, request := range strings.Split(strings.Trim(string(message), "[]"), `,{"id":`) {
				body, ok := answer(request)
				if !ok {
					return
				}
				entries = append(entries, fmt.Sprintf(`{"id":%s,%s}`, strings.SplitN(strings.TrimPrefix(request, `{"id":`), ",", 2)[0], body))
			}
			if err := conn.Write(context.Background(), websocket.MessageText, []byte("["+strings.Join(entries, ",")+"]")); err != nil {
				return
			}
		}
	}))
	u := &trunk{}
	for range nodes {
		u.hosts = append(u.hosts, server.Listener.Addr().String())
	}
	c = &cluster{trunks: [nodes]*trunk{u, u, u}}
	t.Cleanup(func() {
		c.closeTrunks()
		server.Close()
	})
	return c, streams
}

func sharer(t *testing.T, c *cluster, name string) system.Client {
	t.Helper()
	u, err := c.Dial(t.Context(), system.Caller{Name: name, Shared: true})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSharersOfAConnectionGetEachTheirOwnAnswer(t *testing.T) {
	c, streams := streaming(t, func(request string) (string, bool) {
		_, after, _ := strings.Cut(request, `"key":"k`)
		token, _, _ := strings.Cut(after, `"`)
		return `"status":200,"index":1,"body":{"result":"acquired","token":` + token + `}`, true
	})
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			u := sharer(t, c, fmt.Sprint("u", i))
			for n := range 20 {
				fence := uint64(1000*i + n + 1)
				if hold, err := u.TryLock(t.Context(), fmt.Sprint("k", fence)); err != nil || hold.Fence != fence {
					t.Errorf("%+v, %v, want token %d", hold, err, fence)
				}
			}
		})
	}
	all.Wait()
	if n := streams.Load(); n != 1 {
		t.Errorf("%d streams", n)
	}
}

func TestARequestOfABrokenStreamIsRepeatedOnTheNext(t *testing.T) {
	var asked atomic.Int32
	c, streams := streaming(t, func(string) (string, bool) {
		if asked.Add(1) == 1 {
			return "", false
		}
		return `"status":409,"index":1,"body":{"code":"not_held"}`, true
	})
	u := sharer(t, c, "u")
	if err := u.Unlock(t.Context(), system.Hold{Lock: "k", Owner: "u:k", Fence: 5}); err != nil {
		t.Errorf("a release that an earlier attempt may have done: %v", err)
	}
	if n := u.Troubles().Cut; n != 1 || streams.Load() != 2 {
		t.Errorf("cut %d times, %d streams", n, streams.Load())
	}
	if err := u.Unlock(t.Context(), system.Hold{Lock: "k", Owner: "u:k", Fence: 5}); err == nil {
		t.Error("a release of what is not held succeeded")
	}
}

func TestASessionOverAStreamWaitsInLine(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	c, _ := streaming(t, func(request string) (string, bool) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, request)
		switch {
		case strings.Contains(request, `"path":"/v1/sessions"`):
			return `"status":201,"index":1,"body":{"id":"s7","ttl_ms":60000}`, true
		case strings.Contains(request, "acquire"): // the second answer to the same id
			id, _, _ := strings.Cut(strings.TrimPrefix(request, `{"id":`), ",")
			return `"status":202,"index":1,"body":{"result":"queued"}},{"id":` + id +
				`,"status":200,"index":2,"body":{"result":"acquired","token":5}`, true
		}
		return `"status":200,"index":3,"body":{}`, true
	})
	u, err := c.Dial(t.Context(), system.Caller{Name: "u", Shared: true, TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	hold, err := u.Lock(t.Context(), "k")
	if err != nil || hold != (system.Hold{Lock: "k", Owner: "u:k", Fence: 5}) {
		t.Errorf("%+v, %v", hold, err)
	}
	if err := errors.Join(u.Unlock(t.Context(), hold), u.Close(t.Context())); err != nil {
		t.Error(err)
	}
	for i, want := range []string{
		`{"ttl":"1m0s"`, `"session":"s7","seq":1,"acked":0`, `"session":"s7","seq":2,"acked":1`, `"method":"DELETE","path":"/v1/sessions/s7"`,
	} {
		if i >= len(asked) || !strings.Contains(asked[i], want) {
			t.Errorf("asked %q, want %s in number %d", asked, want, i)
		}
	}
}

func TestACallThatEndsWithItsContextLeavesTheStreamToTheOthers(t *testing.T) {
	over := make(chan struct{})
	c, streams := streaming(t, func(request string) (string, bool) {
		if strings.Contains(request, `"key":"slow"`) {
			<-over
		}
		return `"status":200,"index":1,"body":{"result":"acquired","token":5}`, true
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := sharer(t, c, "a").TryLock(ctx, "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(over)
	if _, err := sharer(t, c, "b").TryLock(t.Context(), "k"); err != nil || streams.Load() != 1 {
		t.Errorf("%v, %d streams", err, streams.Load())
	}
}

func TestTheEndOfOneContextDoesNotCutCallsOverAStreamWithAnother(t *testing.T) {
	over := make(chan struct{})
	c, _ := streaming(t, func(request string) (string, bool) {
		if strings.Contains(request, `"key":"slow"`) {
			<-over
		}
		return `"status":200,"index":1,"body":{"result":"acquired","token":5}`, true
	})
	u := sharer(t, c, "u")
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := u.TryLock(ctx, "k"); err != nil {
			t.Error(err)
		}
		cancel()
		if _, err := u.TryLock(ctx, "k"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := u.TryLock(ctx, "slow"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(over)
	if _, err := u.TryLock(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	if got := u.Troubles(); got != (system.Troubles{}) {
		t.Errorf("troubles %+v", got)
	}
}
