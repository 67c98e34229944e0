package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"lockd/api"
	"lockd/gate"
)

// readiness is the answer of /readyz and /livez.
type readiness struct {
	Status string `json:"status"`
}

// askLeader has the leader answer; the node bounds the time.
func (x *exchange) askLeader(q query) {
	answer, index, err := x.s.node.Read(x.r.Context(), q.encode())
	if err != nil {
		x.refuse(nodeProblem(err, nil))
		return
	}
	x.index = index
	x.pass(answer)
}

func (x *exchange) askHere(q query) {
	view, index, age, known := x.s.node.Stale()
	if !known {
		x.refuse(noAge())
		return
	}
	x.index = index
	x.w.Header().Set(api.HeaderStaleness, strconv.FormatInt(max(0, age.Milliseconds()), 10))
	x.pass(x.s.answer(view, index, nil, q.encode()))
}

func noAge() *api.Problem {
	return api.NewProblem(api.CodeNoLeader, "the node has heard of no leader and cannot say how old its version is; ask another node")
}

// pass answers with what Answer made.
func (x *exchange) pass(answer []byte) { x.send(appendAnswer(x.buffer().AvailableBuffer(), answer)) }

// appendAnswer appends what Answer made, and returns its status.
func appendAnswer(b, answer []byte) ([]byte, int) {
	if len(answer) == 0 {
		answer = []byte{answerUnknownAsk}
	}
	switch answer[0] {
	case answerBody:
		return append(b, answer[1:]...), http.StatusOK
	case answerNoSession:
		return appendProblem(b, noSession())
	}
	p := api.NewProblem(api.CodeInternal, "the leader does not understand this read; let all nodes run the same version")
	p.Applied = api.AppliedNo
	return appendProblem(b, p)
}

// askNames answers a page of the names of a kind that are in use.
func (r *request) askNames(kind gate.Kind) (operation, error) {
	q := query{op: askNames, kind: kind, text: r.params.Get("prefix"), after: r.params.Get("after")}
	most, err := r.pageSize()
	q.max = uint64(most)
	for _, name := range []string{"prefix", "after"} {
		if text := r.params.Get(name); err == nil && !plainText(text) {
			err = fieldError(name, "is longer than 512 bytes, not UTF-8, or has a control character; no name is like that")
		}
	}
	return r.ask(q, err)
}

func plainText(s string) bool {
	return len(s) <= gate.MaxNameBytes && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
