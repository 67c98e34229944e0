package lockd

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"time"
)

// connection is a carrier over HTTP/1.1, to the preferred node while it answers.
// One goroutine may use it at a time.
type connection struct {
	hosts []string
	at    int
	// conn is nil between a failure and the next attempt.
	conn   net.Conn
	reader *bufio.Reader
	// bound is conn's deadline.
	bound time.Time
	watch watch
	// request and answer are buffers.
	request, answer []byte
}

// connect returns a connection that is made at the first call.
func (c *cluster) connect(node int) *connection {
	n := &connection{at: node % nodes}
	for i := range nodes {
		n.hosts = append(n.hosts, c.address(i))
	}
	return n
}

func (n *connection) attempt(ctx context.Context, method, path string, body []byte) (reply, bool, error) {
	if err := n.open(ctx); err != nil {
		n.next()
		return reply{}, false, err
	}
	n.request = appendRequest(n.request[:0], n.hosts[n.at], method, path, body)
	if _, err := n.conn.Write(n.request); err != nil {
		n.next()
		return reply{}, true, err
	}
	status, answer, kept, err := readAnswer(n.reader, n.answer[:0])
	if err != nil {
		n.next()
		return reply{}, true, err
	}
	if n.answer = answer; !kept {
		n.close()
	}
	return reply{status, answer}, false, nil
}

// open makes the connection if there is none, for use until ctx ends or
// answerTime is over.
func (n *connection) open(ctx context.Context) error {
	another, fired := n.watch.over(ctx)
	if fired {
		n.close()
	}
	now := time.Now()
	if n.conn == nil {
		conn, err := (&net.Dialer{Timeout: probeTime}).DialContext(ctx, "tcp", n.hosts[n.at])
		if err != nil {
			return err
		}
		n.conn, n.reader, n.bound = conn, bufio.NewReader(conn), time.Time{}
		another = true
	}
	if conn := n.conn; another {
		n.watch.begin(ctx, func() {
			// An error means that it was closed.
			_ = conn.SetDeadline(now)
		})
	}
	if n.bound.Sub(now) >= answerTime {
		return nil
	}
	// Renewed once in a while, not for each request.
	n.bound = now.Add(2 * answerTime)
	if err := n.conn.SetDeadline(n.bound); err != nil {
		return err
	}
	return ctx.Err()
}

// next makes the next attempt go to another node.
func (n *connection) next() {
	n.close()
	n.at = (n.at + 1) % len(n.hosts)
}

func (n *connection) close() {
	n.watch.end()
	if n.conn != nil {
		_ = n.conn.Close() // nothing is on its way
		n.conn, n.reader = nil, nil
	}
}

// appendRequest appends a request of HTTP/1.1, which has no body if that is nil.
func appendRequest(b []byte, host, method, path string, body []byte) []byte {
	b = append(append(append(append(b, method...), ' '), path...), " HTTP/1.1\r\nHost: "...)
	b = append(append(b, host...), "\r\nUser-Agent: lockd-bench\r\n"...)
	if body == nil {
		return append(b, "\r\n"...)
	}
	b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	return append(append(b, "\r\n\r\n"...), body...)
}

// problem is an answer that is neither a result nor worth a repetition.
type problem struct {
	status int
	code   string
	answer string
}

func (p *problem) Error() string { return fmt.Sprintf("status %d: %s", p.status, p.answer) }
