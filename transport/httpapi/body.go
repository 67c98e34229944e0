package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockd/api"
	"lockd/transport/httpapi/strictjson"
)

// readBody reads the request's body into a value of the listed fields. A false
// return means that the request has been refused.
func readBody[T any](x *exchange, optional bool, fields []strictjson.Field[T], into *T) bool {
	body, err := x.body()
	if err == nil {
		err = strictjson.Object(body, optional, fields, into)
	}
	if err != nil {
		x.refuseError(err)
		return false
	}
	return true
}

var (
	errTooLarge  = errors.New("the body is larger than 64 KiB; split the request")
	errMediaType = errors.New("the body is not declared as JSON; send it with -H 'Content-Type: application/json'")
	errEncoding  = errors.New("the body is compressed; send it without Content-Encoding")
	errCutBody   = errors.New("the body ended early; send as many bytes as Content-Length says")
)

// body returns the request's body, which is the exchange's buffer. It cuts the
// connection of a client that takes too long to send it.
func (x *exchange) body() ([]byte, error) {
	buf := x.buffer()
	if x.r.ContentLength == 0 || x.r.Body == nil {
		return buf.Bytes(), nil
	}
	if err := checkMedia(x.r.Header); err != nil {
		return nil, err
	}
	if x.r.ContentLength > api.MaxBodyBytes {
		return nil, errTooLarge
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, api.MaxBodyBytes))
	var tooLarge *http.MaxBytesError
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return buf.Bytes(), nil
	case errors.As(err, &tooLarge):
		return nil, errTooLarge
	case errors.As(err, &timeout) && timeout.Timeout():
		panic(http.ErrAbortHandler)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errCutBody
	}
	return nil, fmt.Errorf("%w (%w)", errCutBody, err)
}

// setReadDeadline bounds the reading of the request, also by net/http after the
// answer: it reads what a handler left of the body. Once a body was read to its
// end, net/http lifts the bound, so that it does not cut a long wait.
func (x *exchange) setReadDeadline(at time.Time) {
	// Only a test's recorder has no deadlines; it has no slow bodies either.
	_ = http.NewResponseController(x.w).SetReadDeadline(at)
}

func checkMedia(header http.Header) error {
	if encoding := header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return errEncoding
	}
	declared := header.Get("Content-Type")
	if declared == "" || declared == api.ContentJSON {
		return nil
	}
	media, params, err := mime.ParseMediaType(declared)
	charset, given := params["charset"]
	if err != nil || media != api.ContentJSON || given && !strings.EqualFold(charset, "utf-8") {
		return errMediaType
	}
	return nil
}

// fieldError refuses one field of the body, the query or the path.
func fieldError(field, detail string) error { return &strictjson.Error{Field: field, Detail: detail} }

// readParams reads the query string, of which only the listed parameters may
// be there, each once, except kind.
func (x *exchange) readParams(allowed []string) error {
	if x.r.URL.RawQuery == "" {
		return nil
	}
	params, err := url.ParseQuery(x.r.URL.RawQuery)
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
	x.params = params
	return nil
}

// stale reports whether the request asks for the node's own version.
func (x *exchange) stale() (bool, error) {
	switch x.params.Get("consistency") {
	case "":
		if x.params.Has("consistency") {
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
func (x *exchange) pageSize() (int, error) {
	if !x.params.Has("limit") {
		return api.DefaultListed, nil
	}
	n, err := strconv.ParseUint(x.params.Get("limit"), 10, 32)
	if err != nil || n < 1 || n > api.MaxListed {
		return 0, fieldError("limit", fmt.Sprintf("must be an integer from 1 to %d", api.MaxListed))
	}
	return int(n), nil
}
