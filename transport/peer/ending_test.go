package peer

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"
)

// silent serves requests by keeping their contexts and answering nothing.
func silent(contexts chan context.Context) Handler {
	return handlerFunc(func(ctx context.Context, _ byte, _ []byte, _ func([]byte, bool)) { contexts <- ctx })
}

func TestCancelReachesTheServingContext(t *testing.T) {
	type served struct {
		ctx   context.Context
		reply func([]byte, bool)
	}
	requests := make(chan served, 2)
	server := serve(t, handlerFunc(func(ctx context.Context, _ byte, payload []byte, reply func([]byte, bool)) {
		if string(payload) == "echo" {
			reply(payload, true)
			return
		}
		requests <- served{ctx, reply}
	}), nil)
	client := listen(t, nil)
	answer, ended := collect()
	cancel := send(t, client, server.Addr(), "a", answer)
	otherAnswer, otherEnded := collect()
	send(t, client, server.Addr(), "b", otherAnswer)
	first, second := receive(t, requests, "a"), receive(t, requests, "b")

	called := make(chan struct{})
	context.AfterFunc(first.ctx, func() { close(called) })
	derived, stop := context.WithTimeout(first.ctx, time.Hour)
	defer stop()
	cancel()
	cancel()
	receive(t, first.ctx.Done(), "the end of the context")
	receive(t, called, "the callback on the context")
	receive(t, derived.Done(), "the end of the derived context")
	if first.ctx.Err() != context.Canceled {
		t.Fatalf("the context's error is %v", first.ctx.Err())
	}
	if second.ctx.Err() != nil {
		t.Fatal("the other request was cancelled too")
	}
	first.reply([]byte("too late"), true)
	second.reply([]byte("b"), true)
	if e := receive(t, otherEnded, "the other answer"); e.err != nil {
		t.Fatal(e.err)
	}
	if got := ask(t, client, server.Addr(), "echo"); got != "echo" {
		t.Fatalf("got %q", got)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if len(ended) > 0 {
		t.Fatal("a cancelled request was answered")
	}
}

func TestContextEndsWithTheFinalAnswer(t *testing.T) {
	contexts := make(chan context.Context, 1)
	server := serve(t, handlerFunc(func(ctx context.Context, _ byte, payload []byte, reply func([]byte, bool)) {
		reply(payload, true)
		contexts <- ctx
	}), nil)
	client := listen(t, nil)
	ask(t, client, server.Addr(), "x")
	ctx := receive(t, contexts, "the context")
	receive(t, ctx.Done(), "its end")
	stopped := context.AfterFunc(ctx, func() {})
	if stopped() {
		t.Fatal("a callback waits on a context that has ended")
	}
}

func TestStoppedCallbackIsNotCalled(t *testing.T) {
	contexts := make(chan context.Context, 1)
	server := serve(t, silent(contexts), nil)
	client := listen(t, nil)
	answer, _ := collect()
	cancel := send(t, client, server.Addr(), "", answer)
	ctx := receive(t, contexts, "the request")
	stop := context.AfterFunc(ctx, func() { t.Error("called though stopped") })
	if !stop() {
		t.Fatal("the callback could not be stopped")
	}
	cancel()
	receive(t, ctx.Done(), "the end of the context")
}

func TestContextEndsWithTheConnection(t *testing.T) {
	contexts := make(chan context.Context, 1)
	server := serve(t, silent(contexts), nil)
	x := newProxy(t, server.Addr())
	client := listen(t, nil)
	answer, ended := collect()
	send(t, client, x.addr(), "", answer)
	ctx := receive(t, contexts, "the request")
	x.cut()
	receive(t, ctx.Done(), "the end of the context")
	if e := receive(t, ended, "the loss"); !errors.Is(e.err, ErrConnectionLost) {
		t.Fatalf("got %v, want ErrConnectionLost", e.err)
	}
}

// A cut cable closes nothing; only silence tells.
func TestSilentPeerEndsAllRequestsOnBothSides(t *testing.T) {
	const outstanding = 500
	contexts := make(chan context.Context, outstanding)
	server := serve(t, silent(contexts), hasty)
	x := newProxy(t, server.Addr())
	client := listen(t, hasty)
	errs := make(chan error, 2*outstanding)
	for range outstanding {
		send(t, client, x.addr(), "", func(_ []byte, last bool, err error) {
			if !last {
				t.Error("an error that is not the last")
			}
			errs <- err
		})
	}
	var served []context.Context
	for range outstanding {
		served = append(served, receive(t, contexts, "a request"))
	}
	x.freeze()
	frozen := time.Now()
	for range outstanding {
		if err := receive(t, errs, "the loss"); !errors.Is(err, ErrConnectionLost) {
			t.Fatalf("got %v, want ErrConnectionLost", err)
		}
	}
	if took := time.Since(frozen); took > 10*client.config.PingTimeout {
		t.Fatalf("the silence was noticed after %v, the ping timeout is %v", took, client.config.PingTimeout)
	}
	for _, ctx := range served {
		receive(t, ctx.Done(), "the end of a context")
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	if len(errs) > 0 {
		t.Fatalf("%d requests ended twice", len(errs))
	}
}

func TestPeerThatStopsReadingIsGivenUp(t *testing.T) {
	addr, accepted := acceptLinks(t)
	client := listen(t, hasty)
	answer, ended := collect()
	send(t, client, addr, string(make([]byte, MaxPayloadBytes)), answer)
	receive(t, accepted, "the connection") // and never read
	if e := receive(t, ended, "the loss"); !errors.Is(e.err, ErrConnectionLost) {
		t.Fatalf("got %v, want ErrConnectionLost", e.err)
	}
}

func TestPongsKeepAnIdleConnection(t *testing.T) {
	addr, accepted := acceptLinks(t)
	client := listen(t, hasty)
	answer, ended := collect()
	send(t, client, addr, "slow", answer)
	s := receive(t, accepted, "the connection")
	if f, err := readFrame(s.Reader); err != nil || f.kind != frameRequest {
		t.Fatalf("got %+v, %v, want the request", f, err)
	}
	for range 2 * client.config.PingTimeout / client.config.PingEvery {
		if f, err := readFrame(s.Reader); err != nil || f.kind != framePing {
			t.Fatalf("got %+v, %v, want a ping", f, err)
		}
		if _, err := s.Write(appendFrame(nil, framePong, 0, 0, nil)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Write(appendFrame(nil, frameFinal, 0, 1, []byte("done"))); err != nil {
		t.Fatal(err)
	}
	if e := receive(t, ended, "the answer"); e.err != nil {
		t.Fatalf("an idle connection was dropped: %v", e.err)
	}
}

func TestPingsKeepAnIdleConnection(t *testing.T) {
	server := serve(t, echo, hasty)
	s, _ := dialAs(t, server.Addr(), linkHello)
	ticker := time.NewTicker(server.config.PingEvery)
	defer ticker.Stop()
	for range 2 * server.config.PingTimeout / server.config.PingEvery {
		receive(t, ticker.C, "the next ping")
		if _, err := s.Write(appendFrame(nil, framePing, 0, 0, nil)); err != nil {
			t.Fatal(err)
		}
		if f, err := readFrame(s.Reader); err != nil || f.kind != framePong {
			t.Fatalf("got %+v, %v, want a pong", f, err)
		}
	}
}

func TestSilentCallerIsDropped(t *testing.T) {
	contexts := make(chan context.Context, 1)
	server := serve(t, silent(contexts), hasty)
	s, _ := dialAs(t, server.Addr(), linkHello)
	if _, err := s.Write(appendFrame(nil, frameRequest, 1, 1, nil)); err != nil {
		t.Fatal(err)
	}
	receive(t, receive(t, contexts, "the request").Done(), "the end of its context")
	expectEnd(t, s)
}

func TestHalfClosedConnectionIsLost(t *testing.T) {
	addr, accepted := acceptLinks(t)
	client := listen(t, nil)
	answer, ended := collect()
	send(t, client, addr, "", answer)
	s := receive(t, accepted, "the connection")
	if err := s.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if e := receive(t, ended, "the loss"); !errors.Is(e.err, ErrConnectionLost) {
		t.Fatalf("got %v, want ErrConnectionLost", e.err)
	}
	_ = s.SetReadDeadline(time.Now().Add(patience))
	expectEnd(t, s)
}

func TestHalfClosedCallerEndsItsContexts(t *testing.T) {
	contexts := make(chan context.Context, 1)
	server := serve(t, silent(contexts), nil)
	s, _ := dialAs(t, server.Addr(), linkHello)
	if _, err := s.Write(appendFrame(nil, frameRequest, 1, 1, nil)); err != nil {
		t.Fatal(err)
	}
	ctx := receive(t, contexts, "the request")
	if err := s.Conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	receive(t, ctx.Done(), "the end of the context")
	expectEnd(t, s)
}

func TestLostConnectionIsDialledAgainOnDemand(t *testing.T) {
	server := serve(t, echo, nil)
	x := newProxy(t, server.Addr())
	client := listen(t, nil)
	ask(t, client, x.addr(), "first")
	l := client.links[x.addr()]
	conn, err := l.connect()
	if err != nil {
		t.Fatal(err)
	}
	x.cut()
	receive(t, conn.gone, "the loss")
	if _, err := client.Send(x.addr(), 1, nil, func([]byte, bool, error) {}); !errors.Is(err, ErrRedial) {
		t.Fatalf("right after the first dial: %v, want ErrRedial", err)
	}
	l.mu.Lock()
	l.dialled = l.dialled.Add(-redialAfter)
	l.mu.Unlock()
	if got := ask(t, client, x.addr(), "again"); got != "again" {
		t.Fatalf("got %q", got)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	contexts := make(chan context.Context, 1)
	server := serve(t, silent(contexts), nil)
	client := listen(t, nil)
	answer, ended := collect()
	cancel := send(t, client, server.Addr(), "", answer)
	ctx := receive(t, contexts, "the request")
	began := time.Now()
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case e := <-ended:
		if !errors.Is(e.err, ErrConnectionLost) || !errors.Is(e.err, ErrClosed) {
			t.Fatalf("got %v, want ErrConnectionLost for ErrClosed", e.err)
		}
	default:
		t.Fatal("Close returned before the request had ended")
	}
	cancel()
	receive(t, ctx.Done(), "the end of the context")
	if _, err := client.Send(server.Addr(), 1, nil, answer); !errors.Is(err, ErrClosed) {
		t.Fatalf("after Close: %v, want ErrClosed", err)
	}
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Fatalf("closing took %v", took)
	}
	if err := client.Close(); err != nil {
		t.Fatalf("the second Close: %v", err)
	}
}

func TestCloseInterruptsDials(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client := listen(t, func(c *Config) { c.DialTimeout = time.Hour })
	var sending sync.WaitGroup
	sending.Go(func() {
		if _, err := client.Send(listener.Addr().String(), 1, nil, func([]byte, bool, error) {}); err == nil {
			t.Error("sent to nobody")
		}
	})
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := readHello(conn); err != nil { // now the dial waits for the reply
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	sending.Wait()
}
