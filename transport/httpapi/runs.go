package httpapi

import (
	"net/url"

	"lockd/api"
	"lockd/gate"
)

func getRun(r *request) (operation, error) {
	run, err := r.runArg()
	return r.ask(query{op: askRun, text: run}, err)
}

func releaseRun(r *request) (operation, error) {
	run, err := r.runArg()
	return commandOf(0, err, "", api.Once{}, &gate.ReleaseRun{Run: run})
}

// runArg returns the run id in the path; a slash in it must be percent-encoded.
func (r *request) runArg() (string, error) {
	run, err := url.PathUnescape(r.arg)
	if err != nil {
		return "", fieldError("run_id", "is not percent-encoded")
	}
	return run, checkRun(run)
}
