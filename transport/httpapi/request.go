package httpapi

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"lockd/api"
	"lockd/gate"
	"lockd/transport/httpapi/strictjson"
)

// request is what an operation is decoded from, whichever way it came: as an
// HTTP request of its own, or with others in a message of a stream.
type request struct {
	// arg is the escaped text of the path's wildcard.
	arg    string
	params url.Values
	// body is empty if there is none. It is valid only while decoding.
	body []byte
	// agent and remote are the caller's User-Agent and address.
	agent, remote string
	// work is what decoding needs for its time.
	work *work
}

// work is what one request after the other is decoded with. Nothing of it may be
// part of an operation.
type work struct {
	reader     strictjson.Reader
	keyAcquire api.KeyAcquire
	keyRelease api.KeyRelease

	lockAcquire api.LockAcquire
	lockRelease api.LockRelease
}

// operation is a decoded request: exactly one of a command, a query and a
// keepalive, with what its answer needs.
type operation struct {
	// command, with the kind of the names that it is about, and for an acquire
	// how long an HTTP answer may be held back.
	command *gate.Command
	kind    gate.Kind
	poll    time.Duration
	// query, if its op is not zero; stale asks this node's own version.
	query query
	stale bool
	keep  *keeping
}

// readBody reads the request's body into a value of the listed fields.
func readBody[T any](r *request, optional bool, fields []strictjson.Field[T], into *T) error {
	return strictjson.Object(&r.work.reader, r.body, optional, fields, into)
}

// fieldError refuses one field of the body, the query or the path.
func fieldError(field, detail string) error { return &strictjson.Error{Field: field, Detail: detail} }

// readParams reads a query string, of which only the listed parameters may be
// there, each once, except kind.
func (r *request) readParams(text string, allowed []string) error {
	if text == "" {
		return nil
	}
	params, err := url.ParseQuery(text)
	if err != nil {
		return fieldError("query", "is no query string; write name=value, percent-encoded, joined by &")
	}
	for name, values := range params {
		switch {
		case !slices.Contains(allowed, name) && len(allowed) == 0:
			return fieldError(name, "is unknown: this path takes no query parameters; leave it out")
		case !slices.Contains(allowed, name):
			return fieldError(name, "is unknown; this path takes the query parameters "+strings.Join(allowed, ", "))
		case len(values) > 1 && name != "kind":
			return fieldError(name, "appears twice; send it once")
		}
	}
	r.params = params
	return nil
}

// ask returns the operation of a query, unless err refuses it.
func (r *request) ask(q query, err error) (operation, error) {
	if err != nil {
		return operation{}, err
	}
	stale, err := r.stale()
	return operation{query: q, stale: stale}, err
}

// stale reports whether the request asks for the node's own version.
func (r *request) stale() (bool, error) {
	switch r.params.Get("consistency") {
	case "":
		if r.params.Has("consistency") {
			break
		}
		return false, nil
	case "linearizable":
		return false, nil
	case "stale":
		return true, nil
	}
	return false, fieldError("consistency", `must be "linearizable" (the default) or "stale"`)
}

// pageSize returns the limit parameter of a list.
func (r *request) pageSize() (int, error) {
	if !r.params.Has("limit") {
		return api.DefaultListed, nil
	}
	n, err := strconv.ParseUint(r.params.Get("limit"), 10, 32)
	if err != nil || n < 1 || n > api.MaxListed {
		return 0, fieldError("limit", fmt.Sprintf("must be an integer from 1 to %d", api.MaxListed))
	}
	return int(n), nil
}

// notBeside refuses parameters that make no sense beside another.
func (r *request) notBeside(one string, others ...string) error {
	for _, other := range others {
		if r.params.Has(other) {
			return fieldError(other, fmt.Sprintf("stands beside %s; send one of the two", one))
		}
	}
	return nil
}

// caller describes a client that has no session to describe it: by the program
// that its User-Agent names and the host that it calls from.
func (r *request) caller() gate.Client {
	program, _, _ := strings.Cut(r.agent, " ")
	program = strings.ToValidUTF8(program, "")
	if len(program) > gate.MaxClientBytes || strings.ContainsFunc(program, unicode.IsControl) {
		program = ""
	}
	return gate.Client{Name: program, Host: r.callerHost()}
}

func (r *request) callerHost() string {
	host, _, err := net.SplitHostPort(r.remote)
	if err != nil {
		return ""
	}
	return host
}

// problemOf returns the problem of an error that came before anything was asked
// of the node.
func problemOf(err error) *api.Problem {
	var field *strictjson.Error
	switch {
	case errors.As(err, &field):
		return api.NewProblem(api.CodeInvalidRequest, field.Error())
	case errors.Is(err, errTooLarge):
		return api.NewProblem(api.CodeTooLarge, err.Error())
	case errors.Is(err, errMediaType), errors.Is(err, errEncoding):
		return api.NewProblem(api.CodeUnsupportedMediaType, err.Error())
	case errors.Is(err, errNoSession):
		return noSession()
	}
	return api.NewProblem(api.CodeInvalidRequest, err.Error())
}
