package peer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestRequestIsAnsweredWithKindAndPayload(t *testing.T) {
	server := serve(t, handlerFunc(func(_ context.Context, kind byte, payload []byte, reply func([]byte, bool)) {
		reply(fmt.Appendf(nil, "%d:%s", kind, payload), true)
	}), nil)
	client := listen(t, nil)
	answer, ended := collect()
	if _, err := client.Send(server.Addr(), 42, []byte("who"), answer); err != nil {
		t.Fatal(err)
	}
	if e := receive(t, ended, "the answer"); e.err != nil || strings.Join(e.payloads, "|") != "42:who" {
		t.Fatalf("got %q, %v", e.payloads, e.err)
	}
}

func TestNodeMaySendToItself(t *testing.T) {
	p := serve(t, echo, nil)
	if got := ask(t, p, p.Addr(), "self"); got != "self" {
		t.Fatalf("got %q", got)
	}
}

func TestPayloadMayBeReusedAfterSend(t *testing.T) {
	release := make(chan struct{})
	server := serve(t, handlerFunc(func(_ context.Context, _ byte, payload []byte, reply func([]byte, bool)) {
		<-release
		reply(payload, true)
	}), nil)
	client := listen(t, nil)
	payload := []byte("before")
	answer, ended := collect()
	if _, err := client.Send(server.Addr(), 1, payload, answer); err != nil {
		t.Fatal(err)
	}
	copy(payload, "after!")
	close(release)
	if e := receive(t, ended, "the answer"); e.payloads[0] != "before" {
		t.Fatalf("got %q", e.payloads[0])
	}
}

// Many senders, many answers each, given from many goroutines at once: every
// request sees its own answers, in order, and one end.
func TestAnswersOfConcurrentRequestsKeepTheirOrder(t *testing.T) {
	const senders, each, answers = 16, 200, 5
	var replying sync.WaitGroup
	defer replying.Wait()
	server := serve(t, handlerFunc(func(_ context.Context, _ byte, payload []byte, reply func([]byte, bool)) {
		replying.Go(func() {
			for i := range uint32(answers) {
				reply(binary.BigEndian.AppendUint32(payload[:4:4], i), i == answers-1)
			}
		})
	}), nil)
	client := listen(t, nil)
	var sending, ending sync.WaitGroup
	for s := range senders {
		sending.Go(func() {
			for n := range each {
				id := binary.BigEndian.AppendUint32(nil, uint32(s*each+n))
				next := uint32(0)
				ending.Add(1)
				_, err := client.Send(server.Addr(), 1, id, func(payload []byte, last bool, err error) {
					want := binary.BigEndian.AppendUint32(id[:4:4], next)
					if err != nil || string(payload) != string(want) || last != (next == answers-1) {
						t.Errorf("got %x last=%v %v, want %x", payload, last, err, want)
					}
					next++
					if last {
						ending.Done()
					}
				})
				if err != nil {
					t.Error(err)
					ending.Done()
				}
			}
		})
	}
	sending.Wait()
	ended := make(chan struct{})
	go func() { ending.Wait(); close(ended) }()
	receive(t, ended, "every request to end")
}

func TestNothingFollowsTheFinalAnswer(t *testing.T) {
	server := serve(t, handlerFunc(func(_ context.Context, _ byte, payload []byte, reply func([]byte, bool)) {
		reply([]byte("first"), false)
		reply([]byte("final"), true)
		reply([]byte("late"), false)
		reply([]byte("later"), true)
	}), nil)
	client := listen(t, nil)
	answer, ended := collect()
	send(t, client, server.Addr(), "", answer)
	other, otherEnded := collect()
	send(t, client, server.Addr(), "", other)
	for _, c := range []<-chan ending{ended, otherEnded} {
		if e := receive(t, c, "the final answer"); e.err != nil || strings.Join(e.payloads, " ") != "first final" {
			t.Fatalf("got %q, %v", e.payloads, e.err)
		}
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if len(ended)+len(otherEnded) > 0 {
		t.Fatal("something was delivered after the end")
	}
}

func TestNoByteIsSentToAnAddressNobodyListensOn(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	_ = listener.Close()
	client := listen(t, nil)
	answer, ended := collect()
	if _, err := client.Send(addr, 1, nil, answer); err == nil || errors.Is(err, ErrRedial) {
		t.Fatalf("got %v, want the error of the dial", err)
	}
	_, err = client.Send(addr, 1, nil, answer)
	if !errors.Is(err, ErrRedial) {
		t.Fatalf("at once again: %v, want ErrRedial", err)
	}
	if len(ended) > 0 {
		t.Fatal("a request that was not sent was answered")
	}
}

func TestSendToASilentAddressIsBoundedByTheDialTimeout(t *testing.T) {
	// The listener's backlog accepts the connection, nobody shakes hands.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client := listen(t, func(c *Config) { c.DialTimeout = 50 * time.Millisecond })
	began := time.Now()
	var sending sync.WaitGroup
	for range 20 {
		sending.Go(func() {
			if _, err := client.Send(listener.Addr().String(), 1, nil, func([]byte, bool, error) {}); err == nil {
				t.Error("sent to nobody")
			}
		})
	}
	sending.Wait()
	if took := time.Since(began); took > 2*time.Second {
		t.Fatalf("20 sends at once took %v; they should share one dial of 50ms", took)
	}
}

func TestRequestTooLargeIsNotSent(t *testing.T) {
	server := serve(t, echo, nil)
	client := listen(t, nil)
	answer, _ := collect()
	_, err := client.Send(server.Addr(), 1, make([]byte, MaxPayloadBytes+1), answer)
	if !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v, want ErrTooLarge", err)
	}
	if largest := strings.Repeat("x", MaxPayloadBytes); ask(t, client, server.Addr(), largest) != largest {
		t.Fatal("the largest payload was not echoed")
	}
}

func TestAnswerTooLargeFailsItsRequestOnly(t *testing.T) {
	server := serve(t, handlerFunc(func(_ context.Context, _ byte, payload []byte, reply func([]byte, bool)) {
		if string(payload) == "large" {
			reply(make([]byte, MaxPayloadBytes+1), false)
			reply([]byte("more"), true)
			return
		}
		reply(payload, true)
	}), nil)
	client := listen(t, nil)
	answer, ended := collect()
	send(t, client, server.Addr(), "large", answer)
	if e := receive(t, ended, "the failure"); !errors.Is(e.err, ErrNoAnswer) {
		t.Fatalf("got %v, want ErrNoAnswer", e.err)
	}
	if got := ask(t, client, server.Addr(), "small"); got != "small" {
		t.Fatalf("got %q", got)
	}
	if len(ended) > 0 {
		t.Fatal("the failed request was answered")
	}
}

func TestRequestQueueIsBounded(t *testing.T) {
	addr, accepted := acceptLinks(t) // never reads a frame
	client := listen(t, nil)
	answer, lost := make(chan error, 64), 0
	var refused error
	for refused == nil {
		_, refused = client.Send(addr, 1, make([]byte, MaxPayloadBytes), func(_ []byte, _ bool, err error) { answer <- err })
		if refused == nil {
			lost++
		}
		if lost > 16 {
			t.Fatal("16 of the largest requests wait to be written")
		}
	}
	if !errors.Is(refused, ErrQueueFull) {
		t.Fatalf("got %v, want ErrQueueFull", refused)
	}
	_ = receive(t, accepted, "the connection").Close()
	for range lost {
		if err := receive(t, answer, "the loss"); !errors.Is(err, ErrConnectionLost) {
			t.Fatalf("got %v, want ErrConnectionLost", err)
		}
	}
}

func TestPeerThatTakesNoAnswersLosesTheConnection(t *testing.T) {
	lost := make(chan bool, 1)
	server := serve(t, handlerFunc(func(ctx context.Context, _ byte, _ []byte, reply func([]byte, bool)) {
		for range 2*maxAnswerQueueBytes/MaxPayloadBytes + 2 {
			reply(make([]byte, MaxPayloadBytes), false)
		}
		lost <- ctx.(*request).in.ended()
	}), nil)
	s, _ := dialAs(t, server.Addr(), linkHello)
	if _, err := s.Write(appendFrame(nil, frameRequest, 1, 1, nil)); err != nil {
		t.Fatal(err)
	}
	if !receive(t, lost, "the replies") {
		t.Fatal("the answers of one connection pile up beyond their bound")
	}
}

// The caller's side drops what it does not expect, so look at the bytes.
func TestNoFrameFollowsTheFinalOneOrACancel(t *testing.T) {
	late := make(chan func([]byte, bool), 1)
	server := serve(t, handlerFunc(func(_ context.Context, kind byte, _ []byte, reply func([]byte, bool)) {
		switch kind {
		case 1:
			reply(nil, true)
			reply(nil, false)
			reply(nil, true)
		case 2:
			late <- reply
		case 3:
			(<-late)(nil, true)
		}
	}), nil)
	s, _ := dialAs(t, server.Addr(), linkHello)
	var b []byte
	b = appendFrame(b, frameRequest, 1, 1, nil)
	b = appendFrame(b, frameRequest, 2, 2, nil)
	b = appendFrame(b, frameCancel, 0, 2, nil)
	b = appendFrame(b, frameRequest, 3, 3, nil)
	b = appendFrame(b, framePing, 0, 0, nil)
	if _, err := s.Write(b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []frameType{frameFinal, framePong} {
		if f, err := readFrame(s.Reader); err != nil || f.kind != want {
			t.Fatalf("got %+v, %v, want type %d", f, err, want)
		}
	}
}
