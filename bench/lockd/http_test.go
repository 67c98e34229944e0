package lockd

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lockd/bench/system"
)

func TestAnswersOfHTTPAreReadToTheirEnd(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		status int
		body   string
		kept   bool
	}{
		"a length":            {"HTTP/1.1 200 OK\r\nA: b\r\ncontent-LENGTH: 3 \r\n\r\nabc", 200, "abc", true},
		"an empty body":       {"HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n\r\n", 409, "", true},
		"no reason":           {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", 200, "x", true},
		"no body":             {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", true},
		"chunks":              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n", 200, "abc0123456789", true},
		"a word in between":   {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", true},
		"the last answer":     {"HTTP/1.1 503 Later\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", 503, "no", false},
		"until the very end":  {"HTTP/1.1 200 OK\r\n\r\nall there is", 200, "all there is", false},
		"lines without a CR":  {"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", 200, "x", true},
		"closed, with chunks": {"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, "", false},
	} {
		rest := ""
		if c.kept {
			rest = "HTTP/1.1 what comes next"
		}
		r := bufio.NewReader(strings.NewReader(c.text + rest))
		status, body, kept, err := readAnswer(r, nil)
		if err != nil || status != c.status || string(body) != c.body || kept != c.kept {
			t.Errorf("%s: %d %q, kept %v, %v", name, status, body, kept, err)
		}
		if left, err := io.ReadAll(r); err != nil || string(left) != rest {
			t.Errorf("%s: %q is left, %v", name, left, err)
		}
	}
}

func TestBrokenAnswersOfHTTPAreNoAnswers(t *testing.T) {
	for _, text := range []string{
		"", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n",
		"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "[]\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + strings.Repeat("x", 2_000_000),
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
		"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", maxAnswerBytes+1),
	} {
		if status, body, _, err := readAnswer(bufio.NewReader(strings.NewReader(text)), nil); err == nil {
			t.Errorf("%.80q: %d %.20q", text, status, body)
		}
	}
}

// What is asked must be what net/http reads.
func TestRequestsAreThoseOfHTTP(t *testing.T) {
	for _, body := range [][]byte{nil, []byte(`{"key":"k"}`), {}} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(appendRequest(nil, "h:1", "POST", "/v1/x?y=z", body)))))
		if err != nil {
			t.Fatal(err)
		}
		sent, err := io.ReadAll(r.Body)
		if err != nil || string(sent) != string(body) || r.Host != "h:1" || r.RequestURI != "/v1/x?y=z" || r.UserAgent() != "lockd-bench" {
			t.Errorf("%+v with %q, %v", r, sent, err)
		}
		if typed := r.Header.Get("Content-Type") == "application/json"; typed != (body != nil) {
			t.Errorf("%q is declared as JSON: %v", body, typed)
		}
	}
}

// counted is a client of a server that answers every acquire, with the number of
// connections that were made.
func counted(t *testing.T) (u *client, connections func() int) {
	t.Helper()
	made := make(chan struct{}, 100)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.WriteString(w, acquired); err != nil {
			t.Error(err)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	over := (&cluster{}).connect(0)
	for i := range over.hosts {
		over.hosts[i] = server.Listener.Addr().String()
	}
	u = &client{caller: &caller{carrier: over}, name: "me"}
	t.Cleanup(u.close)
	return u, func() int { return len(made) }
}

func TestAConnectionIsKept(t *testing.T) {
	u, connections := counted(t)
	for range 3 {
		if _, err := u.TryLock(t.Context(), "k"); err != nil {
			t.Error(err)
		}
	}
	if n := connections(); n != 1 {
		t.Errorf("%d connections", n)
	}
}

func TestTheEndOfOneContextDoesNotCutCallsWithAnother(t *testing.T) {
	u, _ := counted(t)
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := u.TryLock(ctx, "k"); err != nil {
			t.Error(err)
		}
		cancel()
	}
	if _, err := u.TryLock(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	if got := u.Troubles(); got != (system.Troubles{}) {
		t.Errorf("troubles %+v", got)
	}
}
