package httpapitest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	validation "github.com/pb33f/libopenapi-validator/errors"

	"lockd/api"
)

// ErrMismatch is what every error of Check wraps.
var ErrMismatch = errors.New("the exchange is not as openapi.yaml says")

// Checker checks exchanges. It is safe for any goroutine.
type Checker struct {
	mu        sync.Mutex
	validator validator.Validator
}

// New returns a Checker for the description in package api. The error says what
// is wrong with the description itself.
func New() (*Checker, error) {
	document, err := libopenapi.NewDocument(api.OpenAPI())
	if err != nil {
		return nil, err
	}
	checker, errs := validator.NewValidator(document, config.WithFormatAssertions())
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	if valid, wrong := checker.ValidateDocument(); !valid {
		return nil, mismatch(wrong)
	}
	return &Checker{validator: checker}, nil
}

// Check says how an exchange differs from the description, if it does. sent is
// the request's body. The answer's body is read, and replaced so that the caller
// can read it again. A request is held against the description only if the
// server took it: bad ones are what many tests send.
func (c *Checker) Check(request *http.Request, sent []byte, answer *http.Response) error {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("%w: the answer's body: %w", ErrMismatch, err)
	}
	defer func() { answer.Body = io.NopCloser(bytes.NewReader(body)) }()
	if request.Method == http.MethodHead {
		return nil
	}
	if answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusMethodNotAllowed {
		if done, err := checkPathless(answer, body); done {
			return err
		}
	}
	request = described(request, sent)
	answer.Body = io.NopCloser(bytes.NewReader(body))
	c.mu.Lock()
	defer c.mu.Unlock()
	if valid, wrong := c.validator.ValidateHttpResponse(request, answer); !valid {
		return fmt.Errorf("%s %s: %d: %w\n%s", request.Method, request.URL, answer.StatusCode, mismatch(wrong), body)
	}
	if answer.StatusCode >= 400 && answer.StatusCode != http.StatusConflict {
		return nil
	}
	if valid, wrong := c.validator.ValidateHttpRequestSync(request); !valid {
		return fmt.Errorf("%s %s: the request: %w\n%s", request.Method, request.URL, mismatch(wrong), sent)
	}
	return nil
}

// checkPathless checks the two problems that no path of the description has;
// false if the answer is another one.
func checkPathless(answer *http.Response, body []byte) (bool, error) {
	var p api.Problem
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return true, fmt.Errorf("%w: %w: %s", ErrMismatch, err, body)
	}
	if !slices.Contains([]api.Code{api.CodeNotFound, api.CodeMethodNotAllowed}, p.Code) {
		return false, nil
	}
	want := api.NewProblem(p.Code, p.Detail)
	switch {
	case p.Title != want.Title || p.Status != answer.StatusCode || p.Status != want.Status || p.Type != want.Type || p.Detail == "":
		return true, fmt.Errorf("%w: %s", ErrMismatch, body)
	case answer.Header.Get("Content-Type") != api.ContentProblem:
		return true, fmt.Errorf("%w: Content-Type %q", ErrMismatch, answer.Header.Get("Content-Type"))
	case p.Code == api.CodeMethodNotAllowed && answer.Header.Get("Allow") == "":
		return true, fmt.Errorf("%w: no Allow", ErrMismatch)
	}
	return true, nil
}

// described returns a copy of the request whose path the description can match:
// its templates match one segment, and names may have several.
func described(request *http.Request, sent []byte) *http.Request {
	copied := request.Clone(request.Context())
	copied.Body = io.NopCloser(bytes.NewReader(sent))
	copied.ContentLength = int64(len(sent))
	if len(sent) > 0 && copied.Header.Get("Content-Type") == "" {
		copied.Header.Set("Content-Type", api.ContentJSON)
	}
	path := request.URL.EscapedPath()
	if request.Method == http.MethodGet {
		for _, prefix := range []string{"/v1/keys/", "/v1/locks/"} {
			if name, found := strings.CutPrefix(path, prefix); found && name != "" {
				path = prefix + "name"
			}
		}
	}
	copied.URL = &url.URL{Scheme: "http", Host: "127.0.0.1", Path: path, RawQuery: request.URL.RawQuery}
	return copied
}

func mismatch(wrong []*validation.ValidationError) error {
	all := []error{ErrMismatch}
	for _, w := range wrong {
		all = append(all, fmt.Errorf("%s: %s", w.Message, w.Reason))
		for _, s := range w.SchemaValidationErrors {
			all = append(all, fmt.Errorf("  at %s: %s", s.Location, s.Reason))
		}
	}
	return errors.Join(all...)
}
