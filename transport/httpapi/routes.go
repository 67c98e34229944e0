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
	path    string
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
		{"POST", "/v1/keys/acquire", s.acquireKey, nil},
		{"POST", "/v1/keys/release", s.releaseKey, nil},
		{"POST", "/v1/keys/break", s.breakKey, nil},
		{"GET", "/v1/keys", s.listKeys, keys},
		{"GET", "/v1/keys/{key...}", s.getKey, read},
		{"POST", "/v1/locks/acquire", s.acquireLocks, nil},
		{"POST", "/v1/locks/release", s.releaseLocks, nil},
		{"POST", "/v1/locks/downgrade", s.downgradeLock, nil},
		{"POST", "/v1/locks/break", s.breakLock, nil},
		{"GET", "/v1/locks", s.listLocks, locks},
		{"GET", "/v1/locks/{ref...}", s.getLock, read},
		{"POST", "/v1/check", s.check, read},
		{"GET", "/v1/runs/{run_id}", s.getRun, read},
		{"DELETE", "/v1/runs/{run_id}", s.releaseRun, nil},
		{"POST", "/v1/sessions", s.openSession, nil},
		{"GET", "/v1/sessions", s.listSessions, sessions},
		{"POST", "/v1/sessions/keepalive", s.keepAlive, nil},
		{"POST", "/v1/sessions/{id}/keepalive", s.keepSession, nil},
		{"GET", "/v1/sessions/{id}", s.getSession, read},
		{"DELETE", "/v1/sessions/{id}", s.closeSession, nil},
		{"GET", "/v1/status", s.status, nil},
		{"GET", "/v1/leader", s.leader, nil},
		{"POST", "/v1/leader/transfer", s.transferLeadership, nil},
		{"GET", "/v1/events", s.events, []string{"prefix", "kind"}},
		{"GET", "/v1/openapi.yaml", s.openAPI, nil},
		{"GET", "/livez", s.live, nil},
		{"GET", "/readyz", s.ready, nil},
		{"GET", "/leader", s.isLeader, nil},
		{"GET", "/metrics", s.serveMetrics, nil},
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
