package lockd

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
)

var (
	errNotHTTP    = errors.New("this is no answer of HTTP/1.1")
	errLongAnswer = fmt.Errorf("the answer is longer than %d bytes", maxAnswerBytes)
)

// head is what the head of an answer says about the rest.
type head struct {
	status int
	// length is that of the body, -1 if it is not given.
	length int
	// chunked says that the body comes in chunks; last that nothing follows it.
	chunked, last bool
}

// readAnswer reads one answer of HTTP/1.1 to a GET, POST or DELETE, and appends
// its body to b. kept says that another request may follow.
func readAnswer(r *bufio.Reader, b []byte) (status int, body []byte, kept bool, err error) {
	h, err := readHead(r)
	for err == nil && h.status < http.StatusOK { // a word in between
		h, err = readHead(r)
	}
	switch {
	case err != nil:
		return 0, b, false, err
	case h.status == http.StatusNoContent, h.status == http.StatusNotModified:
	case h.chunked:
		b, err = readChunks(r, b)
	case h.length >= 0:
		b, err = readBody(r, b, h.length)
	default:
		h.last = true
		b, err = readRest(r, b)
	}
	return h.status, b, !h.last, err
}

func readHead(r *bufio.Reader) (h head, err error) {
	line, err := readLine(r)
	if err != nil {
		return head{}, err
	}
	version, rest, _ := bytes.Cut(line, []byte(" "))
	digits, _, _ := bytes.Cut(rest, []byte(" "))
	status, wrong := strconv.ParseUint(string(digits), 10, 16)
	if string(version) != "HTTP/1.1" || len(digits) != 3 || wrong != nil {
		return head{}, errNotHTTP
	}
	h = head{status: int(status), length: -1}
	for {
		line, err = readLine(r)
		if err != nil || len(line) == 0 {
			return h, err
		}
		if err = h.take(line); err != nil {
			return head{}, err
		}
	}
}

// take notes a line of the head that matters.
func (h *head) take(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return errNotHTTP
	}
	name, value := line[:colon], bytes.TrimSpace(line[colon+1:])
	switch {
	case is(name, "Content-Length"):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil {
			return errNotHTTP
		}
		h.length = int(n)
	case is(name, "Transfer-Encoding"):
		if !is(value, "chunked") {
			return errNotHTTP
		}
		h.chunked = true
	case is(name, "Connection"):
		h.last = h.last || is(value, "close")
	}
	return nil
}

// is reports whether text is word, in whatever case.
func is(text []byte, word string) bool {
	return len(text) == len(word) && bytes.EqualFold(text, []byte(word))
}

func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, cut(err)
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// cut is the error of an answer that ended early.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func readBody(r *bufio.Reader, b []byte, length int) ([]byte, error) {
	at := len(b)
	if length > maxAnswerBytes-at {
		return b, errLongAnswer
	}
	b = slices.Grow(b, length)[:at+length]
	_, err := io.ReadFull(r, b[at:])
	return b, cut(err)
}

func readChunks(r *bufio.Reader, b []byte) ([]byte, error) {
	for {
		line, err := readLine(r)
		if err != nil {
			return b, err
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		if err != nil {
			return b, errNotHTTP
		}
		if size == 0 {
			break
		}
		if b, err = readBody(r, b, int(size)); err != nil {
			return b, err
		}
		if line, err = readLine(r); err != nil || len(line) > 0 {
			return b, errors.Join(errNotHTTP, err)
		}
	}
	for { // what may follow the last chunk
		line, err := readLine(r)
		if err != nil || len(line) == 0 {
			return b, err
		}
	}
}

func readRest(r *bufio.Reader, b []byte) ([]byte, error) {
	rest, err := io.ReadAll(io.LimitReader(r, maxAnswerBytes+1))
	if len(rest) > maxAnswerBytes {
		err = errLongAnswer
	}
	return append(b, rest...), err
}
