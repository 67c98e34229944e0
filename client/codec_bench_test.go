package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"lockd/api"
)

// canned answers every call of a path with the same body, at once.
type canned map[string][]byte

func (t canned) attempt(_ context.Context, node string, c *call) (*answer, error) {
	return &answer{status: http.StatusOK, node: "n1", leader: node, body: t[c.path]}, nil
}

func (t canned) stream(context.Context, string, *call) (*answer, io.ReadCloser, error) {
	return nil, nil, errors.ErrUnsupported
}

func (t canned) close() {}

const (
	cannedAcquired = `{"result":"acquired","token":71,"reentrant":false,"acquired_at":"2026-01-01T00:00:00Z"}`
	cannedReleased = `{"result":"released"}`
)

// BenchmarkCalls is one acquire and one release of a key: both requests encoded and
// both answers decoded, without anything in between.
func BenchmarkCalls(b *testing.B) {
	cfg := DefaultConfig()
	cfg.Addrs = []string{"http://n1"}
	cfg = cfg.withDefaults()
	c := newClient(cfg, canned{
		"/v1/keys/acquire": []byte(cannedAcquired),
		"/v1/keys/release": []byte(cannedReleased),
	}, newClock())
	ctx := context.Background()
	defer c.Close(ctx)
	b.ReportAllocs()
	for b.Loop() {
		acquired, err := c.KeyAcquire(ctx, api.KeyAcquire{Key: "deploy/production", RunID: "run-0001"})
		if err != nil || acquired.Token != 71 {
			b.Fatal(acquired, err)
		}
		if _, err := c.KeyRelease(ctx, api.KeyRelease{Key: "deploy/production", RunID: "run-0001"}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStreamMessage is one message of 64 requests, and the one that answers
// them, without a connection.
func BenchmarkStreamMessage(b *testing.B) {
	const requests = 64
	l := newLink(nil, "http://n1", nil, http.Header{})
	c := &call{method: http.MethodPost, path: "/v1/keys/acquire", body: []byte(`{"key":"deploy/production","run_id":"run-0001"}`)}
	came := make(chan api.StreamMessage, requests)
	var answers bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		answers.Reset()
		separator := byte('[')
		for range requests {
			id, err := l.send(c, came)
			if err != nil {
				b.Fatal(err)
			}
			answers.WriteByte(separator)
			fmt.Fprintf(&answers, `{"id":%d,"status":200,"index":71,"body":%s}`, id, cannedAcquired)
			separator = ','
		}
		answers.WriteByte(']')
		l.out, l.held = nil, 0 // as when they were written
		if err := l.take(answers.Bytes()); err != nil {
			b.Fatal(err)
		}
		for range requests {
			<-came
		}
	}
}
