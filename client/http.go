package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"lockd/api"
)

// httpTransport speaks HTTP/1.1, one request a connection at a time: a long poll
// then never delays another request, as it could on a shared HTTP/2 connection.
type httpTransport struct {
	// agent is the User-Agent.
	agent  string
	client *http.Client
	bearer *bearer
}

func newHTTPTransport(cfg *Config, tlsConfig *tls.Config, token *bearer) *httpTransport {
	dial := cfg.DialContext
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTime, KeepAlive: 15 * time.Second}).DialContext
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &httpTransport{
		agent:  strings.ReplaceAll(printable(cfg.Name, maxNameBytes), " ", "-"),
		bearer: token,
		client: &http.Client{
			Transport: &http.Transport{
				Proxy:               http.ProxyFromEnvironment,
				DialContext:         dial,
				TLSClientConfig:     tlsConfig,
				TLSHandshakeTimeout: handshakeTime,
				Protocols:           protocols,
				MaxIdleConnsPerHost: idleConnections,
				IdleConnTimeout:     idleTime,
				DisableCompression:  true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func (t *httpTransport) close() { t.client.CloseIdleConnections() }

func (t *httpTransport) attempt(ctx context.Context, node string, c *call) (*answer, error) {
	a, body, err := t.stream(ctx, node, c)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	a.body, err = io.ReadAll(io.LimitReader(body, maxAnswerBytes+1))
	if err == nil && len(a.body) > maxAnswerBytes {
		err = fmt.Errorf("the answer is longer than %d bytes", maxAnswerBytes)
	}
	if err != nil {
		return nil, &sendError{node: node, err: err}
	}
	return a, nil
}

func (t *httpTransport) stream(ctx context.Context, node string, c *call) (*answer, io.ReadCloser, error) {
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}
	req, err := t.request(httptrace.WithClientTrace(ctx, trace), node, c)
	if err != nil {
		return nil, nil, &sendError{node: node, err: err, unsent: true, hopeless: true}
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return nil, nil, &sendError{node: node, err: err, unsent: !sent.Load(), hopeless: misconfigured(err)}
	}
	return readHeader(resp), resp.Body, nil
}

func (t *httpTransport) request(ctx context.Context, node string, c *call) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, c.method, node+c.path, bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	if len(c.body) > 0 {
		req.Header.Set("Content-Type", api.ContentJSON)
	}
	if c.lastEventID != "" {
		req.Header.Set("Last-Event-ID", c.lastEventID)
	}
	// It names the program to whoever asks who holds without a session.
	req.Header.Set("User-Agent", t.agent)
	token, err := t.bearer.token()
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

func readHeader(resp *http.Response) *answer {
	h := resp.Header
	a := &answer{
		status: resp.StatusCode,
		node:   h.Get(api.HeaderNode), leader: h.Get(api.HeaderLeader), requestID: h.Get(api.HeaderRequestID),
		retryAfter: retryAfter(h.Get("Retry-After"), time.Now()),
	}
	if ms, err := strconv.ParseInt(h.Get(api.HeaderStaleness), 10, 64); err == nil {
		a.staleness = time.Duration(ms) * time.Millisecond
	}
	return a
}

// retryAfter reads both forms of the header (RFC 9110, section 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if seconds, err := strconv.ParseUint(value, 10, 16); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// misconfigured says that the two ends do not fit together and will not soon.
func misconfigured(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &record)
}
