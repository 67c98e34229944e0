package work

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockd/bench/measure"
	"lockd/bench/report"
	"lockd/bench/system"
)

// sessions is W8: what many live sessions cost the leader when all their
// renewals go through followers.
func sessions(ctx context.Context, b *bench) (err error) {
	crowder, ok := b.Service.(system.Crowder)
	if !ok {
		return errors.ErrUnsupported
	}
	leader, err := b.Service.Leader(ctx)
	if err != nil {
		return err
	}
	var through []int
	for i := range b.Service.Nodes() {
		if i != leader {
			through = append(through, i)
		}
	}
	b.Progress("%s: opening %d sessions", b.workload.ID, b.Sessions)
	crowd, err := crowder.Crowd(ctx, through, b.Sessions, b.SessionTTL, b.Renew)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, crowd.Close(ctx)) }()
	// A whole period passes before the measured one: then every session is
	// renewed at its own moment.
	if err := rest(ctx, b.Renew); err != nil {
		return err
	}
	b.Progress("%s: renewing %d sessions every %v", b.workload.ID, b.Sessions, b.Renew)
	return b.watchCrowd(ctx, crowd, leader)
}

// watchCrowd measures whole periods, of which none may lose a session.
func (b *bench) watchCrowd(ctx context.Context, crowd system.Crowd, leader int) error {
	periods := max(1, int(b.Duration/b.Renew))
	length := time.Duration(periods) * b.Renew
	before, renewals, err := b.nodeCPU(), crowd.Renewals(), error(nil)
	if before.err != nil {
		return before.err
	}
	if err = rest(ctx, length); err != nil {
		return err
	}
	after, renewed := b.nodeCPU(), crowd.Renewals()-renewals
	lost, err := crowd.Lost()
	switch now, moved := b.Service.Leader(ctx); {
	case err != nil:
		return err
	case after.err != nil || moved != nil:
		return errors.Join(after.err, moved)
	case now != leader:
		return fmt.Errorf("the leader changed from node %d to %d while sessions were renewed", leader, now)
	case lost > 0:
		return fmt.Errorf("%d sessions expired although they were renewed: %w", lost, ErrBroken)
	}
	share := func(node int) float64 {
		return 100 * (after.spent[node] - before.spent[node]).Seconds() / length.Seconds()
	}
	others := 0.0
	for i := range after.spent {
		if i != leader {
			others = max(others, share(i))
		}
	}
	b.line(fmt.Sprintf("%d sessions", b.Sessions),
		report.Of("renewals/s", measure.Median, float64(renewed)/length.Seconds()),
		report.Of("leader CPU % of a core", measure.Median, share(leader)),
		report.Of("busiest follower %", measure.Median, others),
		report.Of("lost", measure.Sum, float64(lost)))
	return nil
}

// nodeTimes is what every node has run so far.
type nodeTimes struct {
	spent []time.Duration
	err   error
}

func (b *bench) nodeCPU() (times nodeTimes) {
	for _, node := range b.Service.Nodes() {
		cpu, err := node.CPU()
		times.spent, times.err = append(times.spent, cpu), errors.Join(times.err, err)
	}
	return times
}
