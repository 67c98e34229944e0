package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

// pipes is a listener whose connections are net.Pipes, which virtual time knows.
type pipes struct {
	ends   chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.ends:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.ends <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// served is the harness behind a real http.Server.
type served struct {
	*harness
	pipes  *pipes
	client *http.Client
}

func (h *harness) serve() *served {
	s := &served{harness: h, pipes: &pipes{ends: make(chan net.Conn), closed: make(chan struct{})}}
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return s.pipes.dial() }}
	s.client = &http.Client{Transport: transport}
	server := h.server.HTTPServer()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(s.pipes) }()
	h.t.Cleanup(func() {
		h.server.Drain()
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			h.t.Errorf("shutdown: %v", err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			h.t.Errorf("serve: %v", err)
		}
	})
	return s
}

// message is one message of a stream, with the comments before it.
type message struct {
	id, event, data, comments string
}

// stream is an open stream of events.
type stream struct {
	t     *testing.T
	body  io.ReadCloser
	lines *bufio.Scanner
}

func (s *served) stream(query, lastID string) *stream {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://n1/v1/events"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	got, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != api.ContentEvents || got.Header.Get(api.HeaderIndex) == "" {
		s.t.Fatalf("%d %v", got.StatusCode, got.Header)
	}
	opened := &stream{t: s.t, body: got.Body, lines: bufio.NewScanner(got.Body)}
	if first, ok := opened.next(); !ok || first.comments == "" {
		s.t.Fatalf("begins with %+v", first)
	}
	return opened
}

// next reads one message; false at the end of the stream.
func (s *stream) next() (m message, ok bool) {
	for s.lines.Scan() {
		line := s.lines.Text()
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data += value
		case "":
			if line == "" {
				return m, true
			}
			m.comments += value
		}
	}
	return m, false
}

// event reads the next message that is an event.
func (s *stream) event() (id string, e api.Event) {
	s.t.Helper()
	for {
		m, ok := s.next()
		if !ok {
			s.t.Fatal("the stream ended")
		}
		if m.event == "" {
			continue
		}
		if err := json.Unmarshal([]byte(m.data), &e); err != nil || string(e.Kind) != m.event {
			s.t.Fatalf("%+v: %v", m, err)
		}
		return m.id, e
	}
}

func TestEventsTellWhatChangesAndResumeBehindAnID(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		s := h.serve()
		live := s.stream("", "")
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"r","reason":"why"}`).is(200)
		h.post("/v1/locks/acquire", `{"ref":"a","run_id":"r","scope":"tree","mode":"shared"}`).is(200)
		h.post("/v1/keys/release", `{"key":"k","run_id":"r"}`).is(200)
		first, a := live.event()
		_, b := live.event()
		_, c := live.event()
		if a.Kind != api.EventAcquired || a.Key != "k" || a.RunID != "r" || a.Token == 0 || a.Reason != "why" || a.Mode != api.Exclusive || a.Scope != "" || a.At.IsZero() {
			t.Errorf("%+v", a)
		}
		if b.Kind != api.EventAcquired || b.Ref != "a" || b.Scope != api.Tree || b.Mode != api.Shared || c.Kind != api.EventReleased {
			t.Errorf("%+v, %+v", b, c)
		}
		resumed := s.stream("", first)
		if _, again := resumed.event(); again != b {
			t.Errorf("resumed with %+v", again)
		}
		_ = live.body.Close()
		_ = resumed.body.Close()
	})
}

func TestEventsAreFilteredByPrefixAndKind(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		s := h.serve()
		named, kinds := s.stream("?prefix=team/", ""), s.stream("?kind=session_opened,released&kind=leader", "")
		h.post("/v1/keys/acquire", `{"key":"other","run_id":"r"}`).is(200)
		session := h.open("1m")
		h.post("/v1/keys/acquire", `{"key":"team/x","run_id":"r"}`).is(200)
		h.post("/v1/keys/release", `{"key":"team/x","run_id":"r"}`).is(200)
		if _, e := named.event(); e.Key != "team/x" || e.Kind != api.EventAcquired {
			t.Errorf("%+v", e)
		}
		if _, e := kinds.event(); e.Kind != api.EventSessionOpened || e.Session != session || e.Key != "" {
			t.Errorf("%+v", e)
		}
		if _, e := kinds.event(); e.Kind != api.EventReleased {
			t.Errorf("%+v", e)
		}
		_ = named.body.Close()
		_ = kinds.body.Close()
	})
}

func TestAQuietStreamShowsSignsOfLifeAndMovesItsPlaceOn(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		s := h.serve()
		quiet := s.stream("?prefix=team/", "")
		h.post("/v1/keys/acquire", `{"key":"other","run_id":"r"}`).is(200)
		begun := time.Now()
		beat, _ := quiet.next()
		if waited := time.Since(begun); waited < 9*time.Second || waited > 21*time.Second || beat.comments == "" || beat.data != "" || beat.id == "" {
			t.Errorf("after %v: %+v", waited, beat)
		}
		if beat, _ = quiet.next(); beat.comments == "" || beat.id != "" {
			t.Errorf("%+v", beat)
		}
		_ = quiet.body.Close()
	})
}

func TestEventsThatAreGoneAre410(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		h.call(t.Context(), http.MethodGet, "/v1/events", "", "Last-Event-ID", "0-0").problem(api.CodeTooOld)
	})
}

func TestDrainingEndsStreams(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		live := h.serve().stream("", "")
		h.server.Drain()
		if m, ok := live.next(); ok {
			t.Errorf("went on with %+v", m)
		}
		_ = live.body.Close()
	})
}

func TestASlowReaderIsDroppedAndToldSo(t *testing.T) {
	if testing.Short() {
		t.Skip("applies as many events as a node keeps")
	}
	withNode(t, func(t *testing.T, h *harness) {
		s := h.serve()
		slow := s.stream("", "")
		acquire, release := &gate.Acquire{Run: "r"}, &gate.Release{Run: "r"}
		for i := range gate.MaxWants {
			name := gate.Name{Kind: gate.Reference, Text: "some/reference/" + text(uint64(100+i))}
			acquire.Wants = append(acquire.Wants, gate.Want{Name: name})
			release.Gives = append(release.Gives, gate.Give{Name: name})
		}
		for range cluster.EventsKept/(2*gate.MaxWants) + 100 {
			for _, op := range []gate.Op{acquire, release} {
				if _, err := h.node.Do(t.Context(), &gate.Command{Op: op}); err != nil {
					t.Fatal(err)
				}
			}
		}
		var last message
		for {
			m, ok := slow.next()
			if !ok {
				break
			}
			last = m
		}
		var p api.Problem
		if err := json.Unmarshal([]byte(last.data), &p); err != nil || last.event != api.EventDropped || p.Code != api.CodeTooOld {
			t.Errorf("ended with %+v", last)
		}
		_ = slow.body.Close()
	})
}

func TestAClientThatSendsTooSlowlyIsCutOff(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		s := h.serve()
		for _, c := range []struct {
			sent  string
			limit time.Duration
		}{
			{"POST /v1/keys/acquire HTTP/1.1\r\nHost: n1\r\n", 10 * time.Second},
			{"POST /v1/keys/acquire HTTP/1.1\r\nHost: n1\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{", 30 * time.Second},
		} {
			conn, err := s.pipes.dial()
			if err != nil {
				t.Fatal(err)
			}
			begun := time.Now()
			if _, err := io.WriteString(conn, c.sent); err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(conn)
			if took := time.Since(begun); took != c.limit || len(got) != 0 {
				t.Errorf("cut off after %v with %q, want %v", took, got, c.limit)
			}
			_ = conn.Close()
		}
	})
}

func TestALongWaitOutlivesTheBoundsOfHeaderAndBody(t *testing.T) {
	withNode(t, func(t *testing.T, h *harness) {
		s := h.serve()
		h.post("/v1/keys/acquire", `{"key":"k","run_id":"a"}`).is(200)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://n1/v1/keys/acquire",
			strings.NewReader(`{"key":"k","run_id":"b","ttl":"5m","wait":"10m","poll":"5m"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", api.ContentJSON)
		begun := time.Now()
		got, err := s.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if took := time.Since(begun); got.StatusCode != http.StatusAccepted || took != 5*time.Minute {
			t.Errorf("%d after %v", got.StatusCode, took)
		}
		synctest.Wait()
	})
}
