package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"lockd/api"
	"lockd/transport/httpapi"
)

// BenchmarkCycles is one acquire and one release of a lock of its own, against a
// real node of one that keeps its log in memory, over loopback: what the two ways
// to reach it cost. Client and server share the processors.
func BenchmarkCycles(b *testing.B) {
	addr := serveNode(b)
	b.Run("http/64", func(b *testing.B) { cyclesByHTTP(b, addr, 64) })
	b.Run("stream/64", func(b *testing.B) { cyclesByStream(b, addr, 1, 64) })
	b.Run("stream/1024", func(b *testing.B) { cyclesByStream(b, addr, 1, 1024) })
	b.Run("stream/4x256", func(b *testing.B) { cyclesByStream(b, addr, 4, 256) })
}

func serveNode(b *testing.B) (addr string) {
	node := startNode(b)
	hc := httpapi.DefaultConfig()
	hc.Node, hc.NodeName = node, "n1"
	handler, err := httpapi.New(hc)
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := handler.HTTPServer()
	go server.Serve(listener)
	b.Cleanup(func() {
		server.Close()
		handler.Close()
	})
	if _, _, err := node.Read(context.Background(), nil); err != nil {
		b.Fatal(err)
	}
	return listener.Addr().String()
}

// cyclesByHTTP has so many clients make requests of their own.
func cyclesByHTTP(b *testing.B, addr string, clients int) {
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	b.ReportAllocs()
	var all sync.WaitGroup
	for i := range clients {
		share := b.N/clients + 1
		all.Go(func() {
			body := fmt.Sprintf(`{"key":"k%d","run_id":"r%d"}`, i, i)
			for range share {
				for _, verb := range []string{"acquire", "release"} {
					request, _ := http.NewRequest(http.MethodPost, "http://"+addr+"/v1/keys/"+verb, strings.NewReader(body))
					answer, err := transport.RoundTrip(request)
					if err != nil || answer.StatusCode != http.StatusOK {
						b.Error(answer, err)
						return
					}
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
				}
			}
		})
	}
	all.Wait()
}

// cyclesByStream has so many cycles under way over each of the connections.
func cyclesByStream(b *testing.B, addr string, connections, inFlight int) {
	b.ReportAllocs()
	var all sync.WaitGroup
	for i := range connections {
		share := b.N/connections + 1
		all.Go(func() { streamCycles(b, addr, i, inFlight, share) })
	}
	all.Wait()
}

// A cycler answers every acquire with its release and every release with the next
// acquire. Request i and its release have the ids 2i+2 and 2i+3.
type cycler struct {
	name                int
	out                 []byte
	cycles, begun, done int
}

func streamCycles(b *testing.B, addr string, name, inFlight, cycles int) {
	ctx := context.Background()
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/v1/stream", nil)
	if err != nil {
		b.Error(err)
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(api.MaxStreamBytes)
	c := &cycler{name: name, out: []byte("["), cycles: cycles}
	for c.begun < min(inFlight, cycles) {
		c.ask(2*c.begun + 2)
		c.begun++
	}
	var message bytes.Buffer
	for c.done < cycles {
		if len(c.out) > 1 {
			if err := conn.Write(ctx, websocket.MessageText, append(c.out, ']')); err != nil {
				b.Error(err)
				return
			}
			c.out = append(c.out[:0], '[')
		}
		_, reader, err := conn.Reader(ctx)
		if err == nil {
			message.Reset()
			_, err = message.ReadFrom(reader)
		}
		if err == nil {
			err = c.answered(message.Bytes())
		}
		if err != nil {
			b.Error(err)
			return
		}
	}
}

func (c *cycler) ask(id int) {
	verb := "acquire"
	if id%2 == 1 {
		verb = "release"
	}
	if len(c.out) > 1 {
		c.out = append(c.out, ',')
	}
	c.out = fmt.Appendf(c.out, `{"id":%d,"path":"/v1/keys/%s","body":{"key":"s%d.k%d","run_id":"r%d"}}`, id, verb, c.name, id/2, id/2)
}

// answered goes through one message, which is not decoded: the benchmark is not
// about its client.
func (c *cycler) answered(rest []byte) error {
	for {
		at := bytes.Index(rest, []byte(`{"id":`))
		if at < 0 {
			return nil
		}
		rest = rest[at+6:]
		if rest[0] == '"' {
			continue // who leads
		}
		id := 0
		for ; rest[0] >= '0' && rest[0] <= '9'; rest = rest[1:] {
			id = 10*id + int(rest[0]-'0')
		}
		if !bytes.HasPrefix(rest, []byte(`,"status":200`)) {
			return fmt.Errorf("answer %d: %.200s", id, rest)
		}
		switch {
		case id%2 == 0:
			c.ask(id + 1)
			continue
		case c.begun < c.cycles:
			c.ask(id - 1)
			c.begun++
		}
		c.done++
	}
}
