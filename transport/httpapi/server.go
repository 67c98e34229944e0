package httpapi

import (
	"context"
	"errors"
	"log"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/prometheus/client_golang/prometheus"

	"lockd/api"
	"lockd/cluster"
)

// Config is what a server is made of.
type Config struct {
	// Node answers; required. NodeName is its name, for Lockd-Node.
	Node     Node
	NodeName string
	// Logger takes failures of the server; requests are not logged.
	Logger hclog.Logger
	// Clock is the wall clock, for held_ms and the like.
	Clock func() time.Time
	// Registry takes the server's metrics and is served at /metrics.
	Registry *prometheus.Registry
	// Heartbeat is how often a quiet event stream shows a sign of life.
	Heartbeat time.Duration
}

// DefaultConfig returns a Config that lacks only Node and NodeName.
func DefaultConfig() Config {
	return Config{
		Logger: hclog.NewNullLogger(), Clock: time.Now,
		Registry: prometheus.NewRegistry(), Heartbeat: eventHeartbeat,
	}
}

// ErrBadConfig is what every error of Validate wraps.
var ErrBadConfig = errors.New("httpapi: bad config")

// Validate says what is missing.
func (c Config) Validate() error {
	switch {
	case c.Node == nil:
		return errors.Join(ErrBadConfig, errors.New("no Node"))
	case c.NodeName == "":
		return errors.Join(ErrBadConfig, errors.New("no NodeName"))
	case c.Logger == nil || c.Clock == nil || c.Registry == nil:
		return errors.Join(ErrBadConfig, errors.New("no Logger, Clock or Registry"))
	case c.Heartbeat <= 0:
		return errors.Join(ErrBadConfig, errors.New("no Heartbeat"))
	}
	return nil
}

// Server is the HTTP API of one node: an http.Handler, safe for any goroutine.
// It starts no goroutine of its own.
type Server struct {
	config   Config
	node     Node
	router   *router
	meters   *meters
	ids      *requestIDs
	leaders  leaderHeader
	nodeName []string
	seen     highest
	origins  *http.CrossOriginProtection
	answer   cluster.Reader
	streams  chan struct{}
	// connections has one token for each open stream of requests, opened counts
	// them until Close, and cut ends them then.
	connections chan struct{}
	opened      openStreams
	followers   followers
	cut         context.Context
	cutOff      context.CancelFunc
	// draining ends when Drain is called.
	draining context.Context
	drain    context.CancelFunc
}

// New returns a server for config.Node. It registers its metrics with
// config.Registry, so one registry serves one server.
func New(config Config) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	meters, err := newMeters(config.Registry, config.Node)
	if err != nil {
		return nil, err
	}
	draining, drain := context.WithCancel(context.Background())
	s := &Server{
		config: config, node: config.Node, meters: meters, ids: newRequestIDs(),
		nodeName:    []string{config.NodeName},
		origins:     http.NewCrossOriginProtection(),
		answer:      Answer(config.Clock),
		streams:     make(chan struct{}, maxEventStreams),
		connections: make(chan struct{}, maxStreams),
		draining:    draining, drain: drain,
	}
	s.cut, s.cutOff = context.WithCancel(context.Background())
	s.followers.s = s
	s.router = newRouter(s.routes(), meters)
	return s, nil
}

// Drain makes waiting requests answer 202 at once, ends event streams, so that
// http.Server.Shutdown need not wait for them, and closes streams of requests. Other requests are served
// as before. It may be called more than once.
func (s *Server) Drain() { s.drain() }

// Close cuts all streams of requests, which http.Server does not know, and waits
// until their goroutines have ended. Call it after http.Server's Shutdown or Close;
// it may be called more than once.
func (s *Server) Close() {
	s.cutOff()
	s.opened.close()
	s.followers.watch.Wait()
}

// openStreams counts the streams of requests, until it is closed.
type openStreams struct {
	mu     sync.Mutex
	closed bool
	open   sync.WaitGroup
}

// add counts one more; false once closed.
func (o *openStreams) add() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.open.Add(1)
	}
	return !o.closed
}

func (o *openStreams) done() { o.open.Done() }

// close returns when all have ended.
func (o *openStreams) close() {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.open.Wait()
}

// HTTPServer returns an http.Server with the API's time and size bounds, whose
// handler is s. The caller serves and shuts it down.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog: log.New(s.config.Logger.StandardWriter(&hclog.StandardLoggerOptions{ForceLevel: hclog.Debug}),
			"", 0),
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{s: s, w: w, r: r, begun: time.Now()}
	x.setHeaders()
	if r.ContentLength != 0 {
		x.setReadDeadline(x.begun.Add(bodyTimeout))
	}
	e, arg, allowed := s.router.find(r.Method, r.URL.EscapedPath())
	defer x.finish(e)
	switch {
	case e == nil && len(allowed) == 0:
		x.refuse(api.NewProblem(api.CodeNotFound, "there is no path "+r.URL.Path+"; GET /v1/openapi.yaml lists them all"))
	case e == nil:
		x.refuseMethod(allowed)
	default:
		x.serve(e, arg)
	}
}

func (x *exchange) serve(e *endpoint, arg string) {
	if err := x.s.origins.Check(x.r); err != nil {
		x.refuse(api.NewProblem(api.CodeForbidden, "a web page of another origin may not change locks; send the request from your own server"))
		return
	}
	x.arg = arg
	if err := x.readParams(x.r.URL.RawQuery, e.params); err != nil {
		x.refuseError(err)
		return
	}
	if e.decode == nil {
		e.handler(x)
		return
	}
	if op, err := x.decode(e); err != nil {
		x.refuseError(err)
	} else {
		x.carryOut(&op)
	}
}

// decode reads the operation, and its body if its method has one.
func (x *exchange) decode(e *endpoint) (op operation, err error) {
	x.agent, x.remote, x.work = x.r.UserAgent(), x.r.RemoteAddr, &x.sit().work
	if e.method == http.MethodPost {
		if x.request.body, err = x.readBody(); err != nil {
			return operation{}, err
		}
	}
	return e.decode(&x.request)
}

// finish counts the request and keeps a panic of a handler from ending the
// node: the lock table is not touched by handlers, so it is sound.
func (x *exchange) finish(e *endpoint) {
	crash := recover()
	if crash != nil && crash != http.ErrAbortHandler {
		x.s.config.Logger.Error("a handler panicked", "method", x.r.Method, "path", x.r.URL.Path,
			"request", x.requestID, "panic", crash, "stack", string(debug.Stack()))
		if x.status == 0 {
			x.refuse(api.NewProblem(api.CodeInternal, "the node failed while answering; report this with the Lockd-Request-Id, and look before you retry"))
			crash = nil
		} else {
			crash = http.ErrAbortHandler
		}
	}
	x.s.meters.count(e, x.status, time.Since(x.begun))
	x.release()
	if crash != nil {
		panic(crash)
	}
}
