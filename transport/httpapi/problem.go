package httpapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lockd/api"
	"lockd/cluster"
	"lockd/gate"
)

// refuse answers with a problem.
func (x *exchange) refuse(p *api.Problem) {
	x.send(appendProblem(x.buffer().AvailableBuffer(), p))
}

func (x *exchange) refuseMethod(allowed []string) {
	methods := strings.Join(allowed, ", ")
	x.w.Header().Set("Allow", methods)
	x.refuse(api.NewProblem(api.CodeMethodNotAllowed, "the path "+x.r.URL.Path+" takes "+methods))
}

// refuseError answers with the problem of an error that came before anything
// was asked of the node.
func (x *exchange) refuseError(err error) { x.refuse(problemOf(err)) }

// errNoSession means that a session id is none that the server ever gave.
var errNoSession = errors.New("no such session")

func noSession() *api.Problem {
	return api.NewProblem(api.CodeSessionNotFound,
		"the session was never opened, is closed or has expired; open a new one and treat its locks as lost")
}

// nodeProblem returns the problem of an error of the node while it carried out
// cmd, or a query if cmd is nil.
func nodeProblem(err error, cmd *gate.Command) *api.Problem {
	switch {
	case errors.Is(err, cluster.ErrOutcomeUnknown) && cmd != nil:
		return unknownOutcome(cmd)
	case errors.Is(err, cluster.ErrNoLeader):
		return api.NewProblem(api.CodeNoLeader, "no leader answered; nothing was changed, so try again shortly, on any node")
	case errors.Is(err, cluster.ErrOverloaded):
		return api.NewProblem(api.CodeOverloaded, "the node's queue is full; nothing was changed, so try again after the time in Retry-After")
	case errors.Is(err, cluster.ErrShuttingDown):
		return api.NewProblem(api.CodeShuttingDown, "the node is shutting down; nothing was changed, so try another node")
	case errors.Is(err, cluster.ErrTooLarge):
		return api.NewProblem(api.CodeTooLarge, "the command is too large; split it, or name fewer seqs in done")
	case !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled):
		return api.NewProblem(api.CodeInternal, fmt.Sprintf("the node failed: %v", err))
	case cmd != nil:
		return unknownOutcome(cmd)
	}
	return api.NewProblem(api.CodeNoLeader, "no quorum confirmed the read in time; try again shortly, on any node")
}

// unknownOutcome says how to go on. A repeat is safe with a seq (rule 12), and
// for an acquire, which the run then merely enters again (rule 3).
func unknownOutcome(cmd *gate.Command) *api.Problem {
	p := api.NewProblem(api.CodeOutcomeUnknown, "the change may have been made or may yet be; look before you repeat it")
	_, isAcquire := cmd.Op.(*gate.Acquire)
	switch {
	case cmd.Seq != 0:
		p.Retryable = true
		p.Detail = "the change may have been made or may yet be; send the same body with the same seq again, to any node"
	case isAcquire:
		p.Retryable = true
		p.Detail = "the lock may have been granted or may yet be; acquire it again at once with the same run_id, or release it"
	}
	return p
}
