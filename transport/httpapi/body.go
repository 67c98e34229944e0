package httpapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"lockd/api"
)

var (
	errTooLarge  = errors.New("the body is larger than 64 KiB; split the request")
	errMediaType = errors.New("the body is not declared as JSON; send it with -H 'Content-Type: application/json'")
	errEncoding  = errors.New("the body is compressed; send it without Content-Encoding")
	errCutBody   = errors.New("the body ended early; send as many bytes as Content-Length says")
)

// readBody returns the request's body, which is the exchange's buffer. It cuts the
// connection of a client that takes too long to send it.
func (x *exchange) readBody() ([]byte, error) {
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
	var err error
	if length := int(x.r.ContentLength); length > 0 {
		buf.Grow(length)
		var n int
		n, err = io.ReadFull(x.r.Body, buf.AvailableBuffer()[:length])
		buf.Write(buf.AvailableBuffer()[:n])
	} else {
		_, err = buf.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, api.MaxBodyBytes))
	}
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
