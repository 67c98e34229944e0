package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"lockd/api"
)

// talk is a client's end of a stream.
type talk struct {
	t    *testing.T
	conn *websocket.Conn
	// unread are entries of the last message that nobody asked for yet.
	unread []api.StreamMessage
	hello  api.StreamHello
}

// talk opens a stream.
func (s *served) talk() *talk {
	s.t.Helper()
	conn, answer, err := websocket.Dial(s.t.Context(), "ws://n1/v1/stream", &websocket.DialOptions{HTTPClient: s.client})
	if err != nil {
		s.t.Fatal(err)
	}
	if answer.Header.Get(api.HeaderNode) != "n1" || answer.Header.Get(api.HeaderIndex) == "" || answer.Header.Get(api.HeaderRequestID) == "" {
		s.t.Errorf("opened with %v", answer.Header)
	}
	conn.SetReadLimit(1 << 20)
	opened := &talk{t: s.t, conn: conn}
	first := opened.next()
	if first.Hello == nil || first.Hello.Node != "n1" || first.Hello.MaxInFlight != api.MaxStreamInFlight {
		s.t.Fatalf("begins with %+v", first)
	}
	opened.hello = *first.Hello
	s.t.Cleanup(func() { conn.CloseNow() })
	return opened
}

func (k *talk) say(message string) {
	k.t.Helper()
	if err := k.conn.Write(k.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		k.t.Fatal(err)
	}
}

// next returns the next entry that the node sends, within ten minutes.
func (k *talk) next() api.StreamMessage {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 10*time.Minute)
	defer cancel()
	for len(k.unread) == 0 {
		_, message, err := k.conn.Read(ctx)
		if err != nil {
			k.t.Fatal(err)
		}
		decoder := json.NewDecoder(strings.NewReader(string(message)))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&k.unread); err != nil {
			k.t.Fatalf("%v: %s", err, message)
		}
	}
	m := k.unread[0]
	k.unread = k.unread[1:]
	return m
}

// answer returns the next answer, and skips who leads.
func (k *talk) answer() api.StreamMessage {
	k.t.Helper()
	for {
		if m := k.next(); m.Leader == nil {
			return m
		}
	}
}

// is fails the test unless the next answer is that one.
func (k *talk) is(id uint64, status int) api.StreamMessage {
	k.t.Helper()
	m := k.answer()
	if m.ID != id || m.Status != status {
		k.t.Fatalf("answer %d with %d: %s, want %d with %d", m.ID, m.Status, m.Body, id, status)
	}
	return m
}

// problem fails the test unless the next answer is a problem of that code.
func (k *talk) problem(id uint64, code api.Code) api.Problem {
	k.t.Helper()
	var p api.Problem
	m := k.is(id, code.Status())
	if err := json.Unmarshal(m.Body, &p); err != nil || p.Code != code || p.Status != m.Status {
		k.t.Fatalf("%s: %v", m.Body, err)
	}
	if waits := m.Status == 429 || m.Status == 503; (m.RetryAfterMS != 0) != waits {
		k.t.Errorf("%d with retry_after_ms %d", m.Status, m.RetryAfterMS)
	}
	return p
}

// ends fails the test unless the stream ends with that code and reason.
func (k *talk) ends(code websocket.StatusCode, reason string) {
	k.t.Helper()
	for {
		_, _, err := k.conn.Read(k.t.Context())
		if err == nil {
			continue
		}
		var closed websocket.CloseError
		if !errors.As(err, &closed) || closed.Code != code || !strings.Contains(closed.Reason, reason) {
			k.t.Errorf("ended with %v, want %d %q", err, code, reason)
		}
		return
	}
}

// withTalk runs the test with a stream to a node.
func withTalk(t *testing.T, test func(t *testing.T, h *harness, k *talk)) {
	withNode(t, func(t *testing.T, h *harness) {
		k := h.serve().talk()
		test(t, h, k)
		k.conn.CloseNow()
		h.server.Close()
	})
}

func TestAStreamCarriesEveryCommandAndQueryOfTheAPI(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		var session api.SessionOpened
		k.say(`[{"id":1,"path":"/v1/sessions","body":{"ttl":"1m"}}]`)
		if err := json.Unmarshal(k.is(1, 201).Body, &session); err != nil {
			t.Fatal(err)
		}
		once := func(seq int) string { return fmt.Sprintf(`"run_id":"r","session":%q,"seq":%d`, session.ID, seq) }
		for i, c := range []struct {
			request string
			status  int
			part    string
		}{
			{`"path":"/v1/keys/acquire","body":{"key":"k",` + once(1) + `}`, 200, `"result":"acquired","key":"k","run_id":"r","token":1`},
			{`"path":"/v1/keys/acquire","body":{"key":"k",` + once(1) + `}`, 200, `"token":1`},
			{`"path":"/v1/keys/acquire","body":{"key":"k","run_id":"other"}`, 409, `"code":"occupied"`},
			{`"path":"/v1/locks/acquire","body":{"refs":[{"ref":"a"},{"ref":"b"}],` + once(2) + `}`, 200, `"ref":"b"`},
			{`"path":"/v1/locks/downgrade","body":{"ref":"a","mode":"shared",` + once(3) + `}`, 200, `"mode":"shared"`},
			{`"path":"/v1/locks/release","body":{"ref":"a",` + once(4) + `}`, 200, `{"result":"released","refs":["a"]}`},
			{`"path":"/v1/check","body":{"key":"k","token":1}`, 200, `{"valid":true,"current":[1]`},
			{`"method":"GET","path":"/v1/keys/k"`, 200, `"holder_run_id":"r"`},
			{`"method":"GET","path":"/v1/keys?key=k&consistency=stale"`, 200, `"holder_run_id":"r"`},
			{`"method":"GET","path":"/v1/locks?prefix=b"`, 200, `"ref":"b"`},
			{`"method":"GET","path":"/v1/runs/r"`, 200, `"holds":[`},
			{`"method":"GET","path":"/v1/sessions/` + session.ID + `"`, 200, `"holds":2`},
			{`"path":"/v1/sessions/` + session.ID + `/keepalive"`, 200, `"ttl_ms":60000`},
			{`"path":"/v1/sessions/keepalive","body":{"ids":["` + session.ID + `","x"]}`, 200, `"gone":["x"]`},
			{`"path":"/v1/locks/break","body":{"ref":"b","token":3,"reason":"why"}`, 200, `"result":"broken"`},
			{`"method":"DELETE","path":"/v1/runs/r"`, 200, `{"released":1}`},
			{`"method":"DELETE","path":"/v1/sessions/` + session.ID + `"`, 200, `{"released":0}`},
		} {
			id := uint64(i + 2)
			k.say(fmt.Sprintf(`[{"id":%d,%s}]`, id, c.request))
			var m api.StreamMessage
			for m = k.answer(); m.Lost != nil; m = k.answer() {
			}
			if m.ID != id || m.Status != c.status || !strings.Contains(string(m.Body), c.part) || m.Index == 0 {
				t.Errorf("%s: %d %s at %d", c.request, m.Status, m.Body, m.Index)
			}
		}
	})
}

func TestRequestsOfOneMessageShareALogEntryAndAreAnsweredEachByItsID(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		var requests []string
		for i := range 300 {
			requests = append(requests, fmt.Sprintf(`{"id":%d,"path":"/v1/keys/acquire","body":{"key":"k%d","run_id":"r%d"}}`, 1000-i, i, i))
		}
		k.say("[" + strings.Join(requests, ",\n") + "]")
		indexes := make(map[uint64]bool)
		for range requests {
			m := k.answer()
			if want := fmt.Sprintf(`"key":"k%d"`, 1000-m.ID); m.Status != 200 || !strings.Contains(string(m.Body), want) {
				t.Fatalf("%d: %s", m.ID, m.Body)
			}
			indexes[m.Index] = true
		}
		if len(indexes) != 1 {
			t.Errorf("in %d log entries", len(indexes))
		}
	})
}

func TestAWaitIsToldAtOnceAndItsEndLaterOutOfOrder(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		session := h.open("1h")
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		k.say(`[{"id":1,"path":"/v1/keys/acquire","body":{"key":"k","run_id":"b","session":"` + session + `","wait":"1h","seq":1}}]`)
		if m := k.is(1, 202); !strings.Contains(string(m.Body), `"result":"queued","position":1`) {
			t.Errorf("%s", m.Body)
		}
		time.Sleep(10 * time.Minute)
		k.say(`[{"id":2,"path":"/v1/keys/acquire","body":{"key":"free","run_id":"b"}}]`)
		k.is(2, 200)
		released := h.post("/v1/keys/release", `{"key":"k","run_id":"a"}`).is(200)
		if m := k.is(1, 200); text(m.Index) != released.header.Get(api.HeaderIndex) || !strings.Contains(string(m.Body), `"run_id":"b"`) {
			t.Errorf("granted at %d, released at %s: %s", m.Index, released.header.Get(api.HeaderIndex), m.Body)
		}
		k.say(`[{"id":3,"path":"/v1/keys/acquire","body":{"key":"k","run_id":"c","session":"` + session + `","wait":"30s","seq":2}}]`)
		k.is(3, 202)
		k.problem(3, api.CodeOccupied)
	})
}

func TestACancelledWaitIsNotAnsweredAndStaysQueued(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		session := h.open("1h")
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		wait := func(id int, run string) string {
			return fmt.Sprintf(`{"id":%d,"path":"/v1/keys/acquire","body":{"key":"k","run_id":%q,"session":%q,"wait":"1h"}}`, id, run, session)
		}
		k.say("[" + wait(1, "b") + "]")
		k.is(1, 202)
		k.say(`[{"id":1,"cancel":true},{"id":99,"cancel":true},` + wait(2, "c") + `,{"id":2,"cancel":true}]`)
		synctest.Wait()
		h.post("/v1/keys/release", `{"key":"k","run_id":"a"}`).is(200)
		h.post("/v1/keys/release", `{"key":"k","run_id":"b"}`).is(200)
		h.post("/v1/keys/release", `{"key":"k","run_id":"c"}`).is(200)
		k.say(`[{"id":3,"method":"GET","path":"/v1/keys/k"}]`)
		m := k.answer()
		if m.ID == 2 && m.Status == 202 {
			m = k.answer()
		}
		if m.ID != 3 {
			t.Errorf("%d was answered: %s", m.ID, m.Body)
		}
	})
}

func TestARequestCancelledBeforeItsAnswerTakesNoPlaceForGood(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		session := h.open("1h")
		for id := 0; id <= 2*api.MaxStreamInFlight; {
			var message strings.Builder
			for range 512 {
				id++
				fmt.Fprintf(&message, `,{"id":%d,"path":"/v1/keys/acquire","body":{"key":"k%d","run_id":"r","session":%q,"wait":"1h"}},{"id":%d,"cancel":true}`, id, id, session, id)
			}
			k.say("[" + message.String()[1:] + "]")
			synctest.Wait()
		}
		k.say(`[{"id":100000,"method":"GET","path":"/v1/keys/k1"}]`)
		m := k.answer()
		for m.ID != 100000 { // answered before it was cancelled
			m = k.answer()
		}
		if m.Status != http.StatusOK {
			t.Errorf("status %d: %s", m.Status, m.Body)
		}
	})
}

func TestABadRequestIsRefusedAloneAndABadMessageEndsTheStream(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		k.say(`[{"id":1,"path":"/v1/keys/acquire","body":{"key":"k","run_id":"r","colour":"red"}},
			{"id":2,"path":"/v1/nowhere"},
			{"id":3,"method":"PUT","path":"/v1/keys/acquire"},
			{"id":4,"method":"GET","path":"/v1/events"},
			{"id":5,"path":"/v1/keys/acquire"},
			{"id":6,"path":"/v1/keys/acquire","body":{"key":"k","run_id":"` + strings.Repeat("r", api.MaxBodyBytes) + `"}},
			{"id":7,"path":"/v1/keys/release?x=1","body":{"key":"k","run_id":"r"}},
			{"id":8,"path":"/v1/keys/release","body":{"key":"k","run_id":"r",}},
			{"id":9,"method":"GET","path":"/v1/keys/free"}]`)
		if p := k.problem(1, api.CodeInvalidRequest); !strings.Contains(p.Detail, "colour") {
			t.Errorf("%+v", p)
		}
		k.problem(2, api.CodeNotFound)
		k.problem(3, api.CodeMethodNotAllowed)
		k.problem(4, api.CodeNotFound)
		k.problem(5, api.CodeInvalidRequest)
		k.problem(6, api.CodeTooLarge)
		k.problem(7, api.CodeInvalidRequest)
		k.problem(8, api.CodeInvalidRequest)
		k.is(9, 200)
	})
	for message, reason := range map[string]string{
		`{"id":1}`:                       "must be an array",
		`[{"id":1,"path":"/v1/x"`:        "cut off",
		`[{"path":"/v1/check"}]`:         "no id",
		`[{"id":0}]`:                     "id",
		`[{"id":1,"colour":"red"}]`:      "colour",
		`[{"id":1,"cancel":false}]`:      "cancel",
		`[] []`:                          "nothing after",
		"[{\"id\":1,\"path\":\"\xff\"}]": "UTF-8",
	} {
		withTalk(t, func(t *testing.T, h *harness, k *talk) {
			k.say(message)
			k.ends(websocket.StatusInvalidFramePayloadData, reason)
		})
	}
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		k.say("[" + strings.Repeat(" ", api.MaxStreamBytes) + "]")
		k.ends(websocket.StatusMessageTooBig, "")
	})
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		if err := k.conn.Write(t.Context(), websocket.MessageBinary, []byte("[]")); err != nil {
			t.Fatal(err)
		}
		k.ends(websocket.StatusUnsupportedData, "text")
	})
}

func TestAStreamMustBeAskedForAsAWebSocket(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		upgrade := []string{"Connection", "keep-alive, Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg=="}
		ask := func(fields ...string) *answer {
			return h.call(t.Context(), http.MethodGet, "/v1/stream", "", append(upgrade, fields...)...)
		}
		h.get("/v1/stream").problem(api.CodeUpgradeRequired)
		ask("Upgrade", "h2c").problem(api.CodeUpgradeRequired)
		ask("Sec-WebSocket-Version", "8").problem(api.CodeInvalidRequest)
		ask("Sec-WebSocket-Key", "short").problem(api.CodeInvalidRequest)
		ask("Origin", "http://elsewhere").problem(api.CodeForbidden)
		h.server.Drain()
		ask().problem(api.CodeShuttingDown)
	})
}

func TestADrainingNodeSaysGoodbyeAndLeavesRequestsQueued(t *testing.T) {
	withTalk(t, func(t *testing.T, h *harness, k *talk) {
		session := h.open("1h")
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		k.say(`[{"id":1,"path":"/v1/keys/acquire","body":{"key":"k","run_id":"b","session":"` + session + `","wait":"1h"}}]`)
		k.is(1, 202)
		h.server.Drain()
		k.ends(websocket.StatusGoingAway, "shutting down")
		synctest.Wait()
		if got := h.get("/v1/keys/k"); !strings.Contains(string(got.body), `"position":1`) {
			t.Errorf("%s", got.body)
		}
	})
}
