package fault

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A proxy passes connections on to one node's peer port, late or not at all: a
// slow link that loses no byte and keeps their order.
type proxy struct {
	listener net.Listener
	target   string
	// delay and jitter are added to every piece, in both directions.
	delay, jitter atomic.Int64
	// stalled holds back everything after the next byte while it is true.
	stalled atomic.Bool

	ctx  context.Context
	stop context.CancelFunc
	all  sync.WaitGroup
}

// newProxy serves at address until the test's end.
func newProxy(tb testing.TB, address, target string) *proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{listener: listener, target: target}
	p.ctx, p.stop = context.WithCancel(context.Background())
	p.all.Go(p.accept)
	tb.Cleanup(func() {
		p.stop()
		_ = listener.Close()
		p.all.Wait()
	})
	return p
}

func (p *proxy) slow(delay, jitter time.Duration) {
	p.delay.Store(int64(delay))
	p.jitter.Store(int64(jitter))
}

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.serve(near) })
	}
}

func (p *proxy) serve(near net.Conn) {
	defer near.Close()
	far, err := (&net.Dialer{Timeout: time.Second}).DialContext(p.ctx, "tcp", p.target)
	if err != nil {
		return
	}
	defer far.Close()
	stop := context.AfterFunc(p.ctx, func() {
		_ = near.Close()
		_ = far.Close()
	})
	defer stop()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			p.carry(way[0], way[1])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
}

// A piece is what was read at once, and when it may arrive.
type piece struct {
	bytes []byte
	due   time.Time
}

// carry moves bytes one way.
func (p *proxy) carry(from, to net.Conn) {
	pieces := make(chan piece, 1024)
	var reader sync.WaitGroup
	reader.Go(func() {
		defer close(pieces)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				late := time.Duration(p.delay.Load())
				if jitter := p.jitter.Load(); jitter > 0 {
					late += time.Duration(rand.Int64N(2*jitter) - jitter)
				}
				select {
				case pieces <- piece{buffer[:n], time.Now().Add(late)}:
				case <-p.ctx.Done():
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	failed := false
	for x := range pieces {
		if !failed && p.deliver(x, to) != nil {
			failed = true
			_ = from.Close() // ends the reader
		}
	}
	reader.Wait()
}

// deliver writes a piece when it is due. A stall lets one byte of it through, so
// that the receiver is left in the middle of a frame.
func (p *proxy) deliver(x piece, to io.Writer) error {
	rest(p.ctx, time.Until(x.due))
	if p.stalled.Load() {
		if _, err := to.Write(x.bytes[:1]); err != nil {
			return err
		}
		x.bytes = x.bytes[1:]
		for p.stalled.Load() && p.ctx.Err() == nil {
			rest(p.ctx, 5*time.Millisecond)
		}
	}
	_, err := to.Write(x.bytes)
	return err
}

// rest waits that long, or until ctx is done.
func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
