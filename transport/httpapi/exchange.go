package httpapi

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"lockd/api"
)

// exchange is one request and its answer. It belongs to the handler's goroutine.
type exchange struct {
	s *Server
	w http.ResponseWriter
	r *http.Request
	request
	begun time.Time
	// requestID is what Lockd-Request-Id says.
	requestID string
	// index is where the answer holds; zero means no index in particular.
	index uint64
	// status is zero until the answer was begun.
	status int
	// values are those of header lines with one value that differs each time.
	values [3]string
	desk   *desk
}

// desk is what one exchange after the other works with.
type desk struct {
	work work
	buf  bytes.Buffer
}

var desks = sync.Pool{New: func() any { return new(desk) }}

// sit gets the exchange a desk until it ends.
func (x *exchange) sit() *desk {
	if x.desk == nil {
		x.desk = desks.Get().(*desk)
		x.work = &x.desk.work
	}
	return x.desk
}

// buffer returns an empty buffer that lives until the exchange ends.
func (x *exchange) buffer() *bytes.Buffer {
	buf := &x.sit().buf
	buf.Reset()
	return buf
}

func (x *exchange) release() {
	if x.desk != nil && x.desk.buf.Cap() <= maxPooledBytes {
		desks.Put(x.desk)
	}
	x.desk, x.work = nil, nil
}

// value is the header value that is s; nth tells the exchange's own apart.
func (x *exchange) value(nth int, s string) []string {
	x.values[nth] = s
	return x.values[nth : nth+1 : nth+1]
}

// Header values that never change. Nobody writes to them.
var (
	jsonType    = []string{api.ContentJSON}
	problemType = []string{api.ContentProblem}
	noStore     = []string{"no-store"}

	retryAfterHeader = []string{retryAfter}
)

// setHeaders sets what every answer carries, save the index.
func (x *exchange) setHeaders() {
	header := x.w.Header()
	header[api.HeaderNode] = x.s.nodeName
	header["Cache-Control"] = noStore
	x.requestID = x.r.Header.Get(api.HeaderRequestID)
	if !saneRequestID(x.requestID) {
		x.requestID = x.s.ids.next()
	}
	header[api.HeaderRequestID] = x.value(0, x.requestID)
	if _, url, _, known := x.s.node.Leader(); known && url != "" {
		header[api.HeaderLeader] = x.s.leaders.value(url)
	}
}

// answer sends body as JSON with that status.
func (x *exchange) answer(status int, body any) {
	x.send(appendValue(x.buffer().AvailableBuffer(), body), status)
}

// send sends a body of JSON, with the headers that its status asks for.
func (x *exchange) send(body []byte, status int) {
	contentType := jsonType
	if status >= http.StatusBadRequest {
		contentType = problemType
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		x.w.Header()["Retry-After"] = retryAfterHeader
	case http.StatusRequestEntityTooLarge:
		x.w.Header().Set("Connection", "close")
	}
	x.write(status, contentType, append(body, '\n'))
}

// write sends a whole answer.
func (x *exchange) write(status int, contentType []string, body []byte) {
	header := x.w.Header()
	header["Content-Type"] = contentType
	header["Content-Length"] = x.value(1, strconv.Itoa(len(body)))
	x.begin(status)
	// An error means that the client is gone; there is nobody left to tell.
	_, _ = x.w.Write(body)
}

// begin sends the header.
func (x *exchange) begin(status int) {
	x.index = x.s.seen.orAtLeast(x.index)
	x.w.Header()[api.HeaderIndex] = x.value(2, strconv.FormatUint(x.index, 10))
	x.status = status
	x.w.WriteHeader(status)
}

// highest is the highest log index that any answer of this node has borne. It
// is the index of answers that hold at any index, such as refused bodies.
type highest struct{ index atomic.Uint64 }

func (h *highest) orAtLeast(index uint64) uint64 {
	for {
		known := h.index.Load()
		if index == 0 {
			return known
		}
		if index <= known || h.index.CompareAndSwap(known, index) {
			return index
		}
	}
}

// requestIDs makes ids that are unique in the cluster.
type requestIDs struct {
	prefix  string
	counter atomic.Uint64
}

func newRequestIDs() *requestIDs {
	var random [6]byte
	// crypto/rand.Read never fails.
	_, _ = rand.Read(random[:])
	// A letter in front keeps an id from being read as a number.
	return &requestIDs{prefix: "r" + hex.EncodeToString(random[:]) + "-"}
}

func (ids *requestIDs) next() string {
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], ids.counter.Add(1))
	var text [32]byte
	id := append(text[:0], ids.prefix...)
	return string(hex.AppendEncode(id, number[3:]))
}

// saneRequestID reports whether an id that a client chose may be repeated in
// answers and logs.
func saneRequestID(id string) bool {
	if id == "" || len(id) > maxRequestIDBytes {
		return false
	}
	for i := range len(id) {
		c := id[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '_' && c != '.' && c != ':' {
			return false
		}
	}
	return true
}

// leaderHeader keeps the header value for the last leader's URL.
type leaderHeader struct{ last atomic.Pointer[[]string] }

func (l *leaderHeader) value(url string) []string {
	if last := l.last.Load(); last != nil && (*last)[0] == url {
		return *last
	}
	value := []string{url}
	l.last.Store(&value)
	return value
}
