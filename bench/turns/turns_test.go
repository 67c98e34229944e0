package turns

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"lockd/bench/report"
	"lockd/bench/system"
	"lockd/bench/work"
)

// recorder is a driver whose services do not start.
type recorder struct {
	name    string
	failure error
	started *[]string
}

func (r recorder) Name() string { return r.name }

func (r recorder) Start(context.Context, system.Site) (system.Service, error) {
	*r.started = append(*r.started, r.name)
	return nil, r.failure
}

func TestWhatFailedOnceIsNotTriedAgainAndOthersGoOn(t *testing.T) {
	chosen, err := work.Choose([]string{"W1", "W5"})
	if err != nil {
		t.Fatal(err)
	}
	var started []string
	broken := recorder{"broken", errors.New("no disk"), &started}
	unable := recorder{"unable", errors.ErrUnsupported, &started}
	var progress strings.Builder
	plan := Plan{Rounds: 2, Dir: t.TempDir(), Progress: &progress, Steps: []Step{
		{Workload: chosen[0], Drivers: []system.Driver{broken, unable}}, {Workload: chosen[1], Drivers: []system.Driver{unable}, Rounds: 1},
	}}
	var found report.Report
	plan.Run(t.Context(), &found)
	if got := fmt.Sprint(started); got != "[broken unable unable]" {
		t.Errorf("started %s", got)
	}
	if len(found.Failures) != 1 || !strings.Contains(found.Failures[0], "no disk") {
		t.Errorf("failures %q: what is unsupported is none", found.Failures)
	}
	if left, err := os.ReadDir(plan.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
