package peer

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// dial opens a connection and shakes hands, all within the timeout and while
// ctx lives. It returns the connection, without a deadline, and the TCP
// connection beneath it.
func (p *Peer) dial(ctx context.Context, addr string, what purpose, timeout time.Duration) (conn, raw net.Conn, err error) {
	deadline := time.Now().Add(timeout)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	dialer := net.Dialer{KeepAliveConfig: keepAlive()}
	tcp, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, nil, err
	}
	// Closing the port ends the handshake as well.
	unhook := context.AfterFunc(ctx, func() { _ = tcp.Close() })
	conn, err = p.introduce(ctx, tcp, addr, what, deadline)
	if !unhook() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = tcp.Close()
		return nil, nil, fmt.Errorf("handshake with %s: %w", addr, err)
	}
	return conn, tcp, nil
}

// introduce does the dialling side's part of the handshake.
func (p *Peer) introduce(ctx context.Context, raw net.Conn, addr string, what purpose, deadline time.Time) (net.Conn, error) {
	if err := raw.SetDeadline(deadline); err != nil {
		return nil, err
	}
	conn := raw
	if p.config.TLS != nil {
		secure := tls.Client(raw, p.clientTLS(addr))
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secure
	}
	h := hello{version: protocolVersion, purpose: what, cluster: p.config.ClusterID, name: p.config.Name}
	if _, err := conn.Write(h.append(nil)); err != nil {
		return nil, err
	}
	a, err := readReply(conn)
	if err != nil {
		return nil, fmt.Errorf("no reply: %w", err)
	}
	if err := p.accepts(a); err != nil {
		return nil, err
	}
	return conn, raw.SetDeadline(time.Time{})
}

// clientTLS expects the host of the address, unless a name is configured.
func (p *Peer) clientTLS(addr string) *tls.Config {
	if p.config.TLS.ServerName != "" {
		return p.config.TLS
	}
	config := p.config.TLS.Clone()
	config.ServerName = addr
	if host, _, err := net.SplitHostPort(addr); err == nil {
		config.ServerName = host
	}
	return config
}

// keepAlive makes the kernel end raft connections whose other side has vanished
// while they lay idle; links have their own pings.
func keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: keepAliveIdle, Interval: keepAliveEvery, Count: keepAliveCount}
}
