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
	"time"

	"lockd/bench/system"
)

// connection calls the nodes of a cluster, the preferred one while it answers,
// and repeats what failed without an effect or may be repeated whatever its
// effect was. One goroutine may use it at a time.
type connection struct {
	transport *http.Transport
	hosts     []string
	at        int
	header    http.Header
	troubles  system.Troubles
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

// call sends one request until it has an answer that settles it. The answer
// stays until the next call; body must stay as it is for good, for a connection
// that broke may still read it. unsure says that an earlier attempt may have
// taken effect.
func (n *connection) call(ctx context.Context, method, path string, body []byte) (status int, unsure bool, err error) {
	pause := firstPause
	for deadline := time.Now().Add(patience); ; {
		status, err = n.attempt(ctx, method, path, body)
		switch {
		case ctx.Err() != nil:
			return 0, unsure, ctx.Err()
		case err != nil:
			n.troubles.Cut++
			n.at = (n.at + 1) % len(n.hosts)
			unsure = true
		case status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests:
			n.troubles.Refused++
			err = n.problem(status)
			if textOf(n.answer.Bytes(), "applied") == "unknown" {
				n.troubles.Unknown++
				unsure = true
			}
		default:
			return status, unsure, nil
		}
		if time.Now().After(deadline) {
			return 0, unsure, fmt.Errorf("gave up on %s after %v: %w", path, patience, err)
		}
		select {
		case <-ctx.Done():
			return 0, unsure, ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

func (n *connection) ask(ctx context.Context, method, path string) (status int, err error) {
	status, _, err = n.call(ctx, method, path, nil)
	return status, err
}

// problem describes the present answer.
func (n *connection) problem(status int) error {
	return &problem{status, textOf(n.answer.Bytes(), "code"), n.answer.String()}
}

// refusedBecause says whether err is the refusal with that code.
func refusedBecause(err error, code string) bool {
	var p *problem
	return errors.As(err, &p) && p.code == code
}

func (n *connection) attempt(ctx context.Context, method, path string, body []byte) (int, error) {
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
