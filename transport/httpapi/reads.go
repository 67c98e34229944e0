package httpapi

import (
	"context"
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

// ask answers a query, unless err refuses it: from the leader, linearizably, or
// from this node's own version if the request says so.
func (x *exchange) ask(q query, err error) {
	var stale bool
	if err == nil {
		stale, err = x.stale()
	}
	switch {
	case err != nil:
		x.refuseError(err)
	case stale:
		x.askHere(q)
	default:
		x.askLeader(q)
	}
}

func (x *exchange) askLeader(q query) {
	ctx, cancel := context.WithTimeout(x.r.Context(), readTimeout)
	defer cancel()
	answer, index, err := x.s.node.Read(ctx, q.encode())
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
		x.refuse(api.NewProblem(api.CodeNoLeader, "the node has heard of no leader and cannot say how old its version is; ask another node"))
		return
	}
	x.index = index
	x.w.Header().Set(api.HeaderStaleness, strconv.FormatInt(max(0, age.Milliseconds()), 10))
	x.pass(x.s.answer(view, index, nil, q.encode()))
}

// pass answers with what Answer made.
func (x *exchange) pass(answer []byte) {
	if len(answer) == 0 {
		answer = []byte{answerUnknownAsk}
	}
	switch answer[0] {
	case answerBody:
		x.write(http.StatusOK, jsonType, answer[1:])
	case answerNoSession:
		x.refuse(noSession())
	default:
		p := api.NewProblem(api.CodeInternal, "the leader does not understand this read; let all nodes run the same version")
		p.Applied = api.AppliedNo
		x.refuse(p)
	}
}

// askNames answers a page of the names of a kind that are in use.
func (x *exchange) askNames(kind gate.Kind) {
	q := query{op: askNames, kind: kind, text: x.params.Get("prefix"), after: x.params.Get("after")}
	most, err := x.pageSize()
	q.max = uint64(most)
	for _, name := range []string{"prefix", "after"} {
		if text := x.params.Get(name); err == nil && !plainText(text) {
			err = fieldError(name, "is longer than 512 bytes, not UTF-8, or has a control character; no name is like that")
		}
	}
	x.ask(q, err)
}

func plainText(s string) bool {
	return len(s) <= gate.MaxNameBytes && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
