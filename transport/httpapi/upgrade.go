package httpapi

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/coder/websocket"

	"lockd/api"
)

// stream makes the connection a stream (docs/STREAM.md) and serves it until it
// ends.
func (s *Server) stream(x *exchange) {
	if p := x.refuseUpgrade(); p != nil {
		x.refuse(p)
		return
	}
	if !s.opened.add() {
		x.refuse(api.NewProblem(api.CodeShuttingDown, "the node is shutting down; open the stream on another node"))
		return
	}
	defer s.opened.done()
	select {
	case s.connections <- struct{}{}:
		defer func() { <-s.connections }()
	default:
		x.refuse(api.NewProblem(api.CodeOverloaded, "the node serves as many streams as it can; try another node"))
		return
	}
	x.w.Header().Set(api.HeaderIndex, strconv.FormatUint(s.seen.orAtLeast(0), 10))
	// The origin was checked above.
	conn, err := websocket.Accept(x.w, x.r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		s.config.Logger.Debug("stream not opened", "error", err)
		panic(http.ErrAbortHandler)
	}
	x.status = http.StatusSwitchingProtocols
	s.meters.connections.Inc()
	defer s.meters.connections.Dec()
	newConnection(s, conn, x.r).run()
}

// refuseUpgrade returns why the request opens no stream; nil if it does.
func (x *exchange) refuseUpgrade() *api.Problem {
	header := x.r.Header
	key, err := base64.StdEncoding.DecodeString(header.Get("Sec-WebSocket-Key"))
	switch {
	case x.r.Method != http.MethodGet, !x.r.ProtoAtLeast(1, 1), x.r.ProtoMajor > 1,
		!hasToken(header["Connection"], "upgrade"), !hasToken(header["Upgrade"], "websocket"):
		x.w.Header().Set("Connection", "Upgrade")
		x.w.Header().Set("Upgrade", "websocket")
		return api.NewProblem(api.CodeUpgradeRequired, "a stream is a WebSocket over HTTP/1.1; if something on the way strips upgrades, make each request on its own path")
	case header.Get("Sec-WebSocket-Version") != "13":
		x.w.Header().Set("Sec-WebSocket-Version", "13")
		return problemOf(fieldError("Sec-WebSocket-Version", "must be 13 (RFC 6455)"))
	case err != nil || len(key) != 16:
		return problemOf(fieldError("Sec-WebSocket-Key", "must be 16 bytes in base64 (RFC 6455)"))
	case !x.sameOrigin():
		return api.NewProblem(api.CodeForbidden, "a web page of another origin may not open a stream; open it from your own server")
	case x.s.draining.Err() != nil:
		return api.NewProblem(api.CodeShuttingDown, "the node is shutting down; open the stream on another node")
	}
	return nil
}

// sameOrigin reports whether no web page, or one that this host served, asks.
func (x *exchange) sameOrigin() bool {
	origin := x.r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, x.r.Host)
}

func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}
