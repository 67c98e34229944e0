package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// route is one line of the API.
type route struct {
	method string
	// path may hold one {name} for a segment, or end in {name...} for the rest.
	path string
	// decode makes the operation of a request that is one, which may come over a
	// stream, too; else handler answers it.
	decode  func(*request) (operation, error)
	handler func(*exchange)
	// params are the query parameters that it takes.
	params []string
}

// routes is the whole API.
func (s *Server) routes() []route {
	read := []string{"consistency"}
	keys := []string{"key", "prefix", "after", "limit", "consistency"}
	locks := []string{"ref", "prefix", "after", "limit", "consistency"}
	sessions := []string{"after", "limit", "consistency"}
	return []route{
		{"POST", "/v1/keys/acquire", acquireKey, nil, nil},
		{"POST", "/v1/keys/release", releaseKey, nil, nil},
		{"POST", "/v1/keys/break", breakKey, nil, nil},
		{"GET", "/v1/keys", listKeys, nil, keys},
		{"GET", "/v1/keys/{key...}", getKey, nil, read},
		{"POST", "/v1/locks/acquire", acquireLocks, nil, nil},
		{"POST", "/v1/locks/release", releaseLocks, nil, nil},
		{"POST", "/v1/locks/downgrade", downgradeLock, nil, nil},
		{"POST", "/v1/locks/break", breakLock, nil, nil},
		{"GET", "/v1/locks", listLocks, nil, locks},
		{"GET", "/v1/locks/{ref...}", getLock, nil, read},
		{"GET", "/v1/history", getHistory, nil, []string{"key", "ref", "consistency"}},
		{"POST", "/v1/check", check, nil, read},
		{"GET", "/v1/runs/{run_id}", getRun, nil, read},
		{"DELETE", "/v1/runs/{run_id}", releaseRun, nil, nil},
		{"POST", "/v1/sessions", openSession, nil, nil},
		{"GET", "/v1/sessions", listSessions, nil, sessions},
		{"POST", "/v1/sessions/keepalive", keepSessions, nil, nil},
		{"POST", "/v1/sessions/{id}/keepalive", keepSession, nil, nil},
		{"GET", "/v1/sessions/{id}", getSession, nil, read},
		{"DELETE", "/v1/sessions/{id}", closeSession, nil, nil},
		{"GET", "/v1/status", nil, s.status, nil},
		{"GET", "/v1/leader", nil, s.leader, nil},
		{"POST", "/v1/leader/transfer", nil, s.transferLeadership, nil},
		{"GET", "/v1/events", nil, s.events, []string{"prefix", "kind"}},
		{"GET", "/v1/stream", nil, s.stream, nil},
		{"GET", "/v1/openapi.yaml", nil, s.openAPI, nil},
		{"GET", "/livez", nil, s.live, nil},
		{"GET", "/readyz", nil, s.ready, nil},
		{"GET", "/leader", nil, s.isLeader, nil},
		{"GET", "/metrics", nil, s.serveMetrics, nil},
	}
}

// endpoint is a route with what is counted for it.
type endpoint struct {
	route
	meter *meter
	// before and after enclose the wildcard; rest says that it spans segments.
	before, after string
	rest          bool
}

// router finds the endpoint of a request. It never redirects, and matches the
// path as it was sent: an encoded slash is part of a name.
type router struct {
	fixed map[string][]*endpoint
	wild  []*endpoint
}

func newRouter(routes []route, meters *meters) *router {
	r := &router{fixed: make(map[string][]*endpoint)}
	for _, line := range routes {
		e := &endpoint{route: line, meter: meters.of(line.method + " " + line.path)}
		before, wildcard, isWild := strings.Cut(line.path, "{")
		if !isWild {
			r.fixed[line.path] = append(r.fixed[line.path], e)
			continue
		}
		name, after, _ := strings.Cut(wildcard, "}")
		e.before, e.after, e.rest = before, after, strings.HasSuffix(name, "...")
		r.wild = append(r.wild, e)
	}
	return r
}

// find returns the endpoint for method and path, with the still escaped text
// of its wildcard. Without one it returns the methods that the path does take.
func (r *router) find(method, path string) (e *endpoint, arg string, allowed []string) {
	for _, e := range r.fixed[path] {
		if e.takes(method) {
			return e, "", nil
		}
		allowed = append(allowed, e.method)
	}
	for _, e := range r.wild {
		arg, matches := e.match(path)
		if !matches {
			continue
		}
		if e.takes(method) {
			return e, arg, nil
		}
		allowed = append(allowed, e.method)
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = append(allowed, http.MethodHead)
	}
	slices.Sort(allowed)
	return nil, "", slices.Compact(allowed)
}

// findFixed is find for a path without a wildcard or query; nil if it finds none.
func (r *router) findFixed(method string, path []byte) *endpoint {
	for _, e := range r.fixed[string(path)] {
		if e.takes(method) {
			return e
		}
	}
	return nil
}

func (e *endpoint) takes(method string) bool {
	return method == e.method || method == http.MethodHead && e.method == http.MethodGet
}

func (e *endpoint) match(path string) (arg string, matches bool) {
	arg, found := strings.CutPrefix(path, e.before)
	if !found {
		return "", false
	}
	arg, found = strings.CutSuffix(arg, e.after)
	if !found || !e.rest && (arg == "" || strings.Contains(arg, "/")) {
		return "", false
	}
	return arg, true
}

// name returns the name that a path's wildcard stands for; false with the
// reason if intermediaries may change such a path on its way.
func unescapeClean(arg string) (text string, clean bool) {
	for segment := range strings.SplitSeq(arg, "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "" || plain == "." || plain == ".." {
			return "", false
		}
	}
	text, err := url.PathUnescape(arg)
	return text, err == nil
}

// Routes returns the API's lines: method and path.
func (s *Server) Routes() []string {
	var lines []string
	for _, r := range s.routes() {
		lines = append(lines, r.method+" "+r.path)
	}
	return lines
}
