package httpapi

import (
	"net/url"

	"lockd/api"
	"lockd/gate"
)

func (s *Server) getRun(x *exchange) {
	run, err := x.runArg()
	x.ask(query{op: askRun, text: run}, err)
}

func (s *Server) releaseRun(x *exchange) {
	run, err := x.runArg()
	x.command(0, err, "", api.Once{}, &gate.ReleaseRun{Run: run})
}

// runArg returns the run id in the path; a slash in it must be percent-encoded.
func (x *exchange) runArg() (string, error) {
	run, err := url.PathUnescape(x.arg)
	if err != nil {
		return "", fieldError("run_id", "is not percent-encoded")
	}
	return run, checkRun(run)
}
