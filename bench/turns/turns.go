package turns

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"lockd/bench/report"
	"lockd/bench/system"
	"lockd/bench/work"
)

// Plan says what to measure.
type Plan struct {
	Config work.Config
	// Rounds is how often everything is measured.
	Rounds int
	Steps  []Step
	// Dir is the folder on the disk to be measured; files go into it, and away
	// again, but for those of a service on which a workload failed if Keep is set.
	Dir  string
	Keep bool
	// Port is the first of the loopback ports taken; zero finds free ones.
	Port int
	// Progress is told what happens.
	Progress io.Writer
}

// A Step is one workload and the services that it is for.
type Step struct {
	Workload work.Workload
	Drivers  []system.Driver
	// Rounds is how many of the plan's rounds it takes part in; zero is all.
	Rounds int
	// Clients replaces those of the plan's Config, unless it is empty.
	Clients []int
}

// Run carries out all steps in every round and adds what was found; failures are
// found, too. Each workload has a service of its own, so that none measures what
// another has left. What failed once, or is unsupported, is not tried again.
func (p *Plan) Run(ctx context.Context, found *report.Report) {
	failed := make(map[string]bool)
	for round := range p.Rounds {
		for _, step := range p.Steps {
			if step.Rounds > 0 && round >= step.Rounds {
				continue
			}
			for _, driver := range step.Drivers {
				id := step.Workload.ID + " " + driver.Name()
				if failed[id] || ctx.Err() != nil {
					continue
				}
				fmt.Fprintf(p.Progress, "round %d of %d: %s on %s\n", round+1, p.Rounds, step.Workload.ID, driver.Name())
				err := p.once(ctx, step, driver, round, found)
				switch {
				case errors.Is(err, errors.ErrUnsupported):
					failed[id] = true
					fmt.Fprintf(p.Progress, "left out: %v\n", err)
				case err != nil:
					failed[id] = true
					found.Failures = append(found.Failures, err.Error())
					fmt.Fprintf(p.Progress, "FAILED: %v\n", err)
				}
			}
		}
	}
	if ctx.Err() != nil {
		found.Failures = append(found.Failures, "ended early: "+context.Cause(ctx).Error())
	}
}

// once runs one workload on a service of its own.
func (p *Plan) once(ctx context.Context, step Step, driver system.Driver, round int, found *report.Report) (err error) {
	dir, err := os.MkdirTemp(p.Dir, "bench-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil && !errors.Is(err, errors.ErrUnsupported) && p.Keep {
			fmt.Fprintf(p.Progress, "files of the failed service: %s\n", dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	service, err := driver.Start(ctx, system.Site{Dir: dir, Port: p.Port})
	if err != nil {
		return fmt.Errorf("start %s: %w", driver.Name(), err)
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	config := p.Config
	if len(step.Clients) > 0 {
		config.Clients = step.Clients
	}
	return step.Workload.Run(ctx, work.Round{
		Config: config, System: driver.Name(), Service: service, Number: round, Report: found.Add,
		Progress: func(format string, args ...any) {
			fmt.Fprintf(p.Progress, "%s "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
		},
	})
}
