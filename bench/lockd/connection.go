package lockd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// connection is a carrier over HTTP, to the preferred node while it answers. One
// goroutine may use it at a time.
type connection struct {
	transport *http.Transport
	hosts     []string
	at        int
	header    http.Header
	answer    bytes.Buffer
}

// connect returns a connection that is made at the first call.
func (c *cluster) connect(node int) *connection {
	n := &connection{
		transport: &http.Transport{
			DisableCompression: true, ResponseHeaderTimeout: answerTime, MaxResponseHeaderBytes: 64 << 10,
		},
		at:     node % nodes,
		header: http.Header{"User-Agent": {"lockd-bench"}, "Content-Type": {"application/json"}},
	}
	for i := range nodes {
		n.hosts = append(n.hosts, c.address(i))
	}
	return n
}

func (n *connection) close() { n.transport.CloseIdleConnections() }

// problem is an answer that is neither a result nor worth a repetition.
type problem struct {
	status int
	code   string
	answer string
}

func (p *problem) Error() string { return fmt.Sprintf("status %d: %s", p.status, p.answer) }

// refusedBecause says whether err is the refusal with that code.
func refusedBecause(err error, code string) bool {
	var p *problem
	return errors.As(err, &p) && p.code == code
}

func (n *connection) attempt(ctx context.Context, method, path string, body []byte) (reply, bool, error) {
	status, err := n.send(ctx, method, path, body)
	if err != nil {
		n.at = (n.at + 1) % len(n.hosts)
		return reply{}, true, err
	}
	return reply{status, n.answer.Bytes()}, false, nil
}

func (n *connection) send(ctx context.Context, method, path string, body []byte) (int, error) {
	host := n.hosts[n.at]
	path, query, _ := strings.Cut(path, "?")
	request := &http.Request{
		Method: method, URL: &url.URL{Scheme: "http", Host: host, Path: path, RawQuery: query}, Host: host, Header: n.header,
	}
	if body != nil {
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	answer, err := n.transport.RoundTrip(request.WithContext(ctx))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	n.answer.Reset()
	if _, err := n.answer.ReadFrom(io.LimitReader(answer.Body, maxAnswerBytes)); err != nil {
		return 0, err
	}
	return answer.StatusCode, nil
}
